"""The menu below the chat: ``python -m bot.channels.wechat.menu`` sends it to WeChat.

A key is said for the customer who taps it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from redis.asyncio import Redis

from bot.channels.base import NotDelivered
from bot.channels.contacts import Contacts
from bot.channels.wechat.adapter import WeChatAdapter
from core.database import Database
from core.settings import get_settings


def _tap(name: str, key: str) -> dict[str, str]:
    return {"type": "click", "name": name, "key": key}


MENU: dict[str, Any] = {
    "button": [
        {
            "name": "查询",
            "sub_button": [
                _tap("查话费", "查话费余额"),
                _tap("查流量", "还剩多少流量"),
                _tap("查账单", "查上个月账单"),
            ],
        },
        {
            "name": "办理",
            "sub_button": [
                _tap("推荐套餐", "推荐个套餐"),
                _tap("报修", "报修"),
                _tap("绑定号码", "绑定手机号"),
                _tap("解除绑定", "解除绑定"),
            ],
        },
        _tap("人工客服", "转人工"),
    ]
}


async def main() -> int:
    """Publishes the menu; the exit status."""
    settings = get_settings()
    redis, database = Redis.from_url(settings.redis), Database(settings.database)
    adapter = WeChatAdapter(settings, redis, Contacts(database))
    try:
        await adapter.publish_menu(MENU)
    except NotDelivered as error:
        sys.stderr.write(f"the menu was not published: {error.reason}\n")
        return 1
    finally:
        await adapter.close()
        await redis.aclose()
        await database.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
