"""Serves the stand-in with the accounts of the settings; ``make demo-wechat`` starts it with the system."""

from __future__ import annotations

import asyncio
import sys
import time

import httpx
import uvicorn

from bot.channels.standin.app import Platform, create_app
from bot.channels.standin.people import Clock
from bot.channels.standin.pushing import Pusher
from bot.channels.standin.sealing import MessageCrypt
from bot.channels.standin.wechat import OfficialAccount
from bot.channels.standin.wecom import Enterprise
from core.settings import Settings, get_settings


def build_platform(settings: Settings, http: httpx.AsyncClient) -> Platform:
    """Both platforms with the accounts of the settings, calling the app on this machine."""
    app, clock = f"http://127.0.0.1:{settings.app_port}", Clock()
    key = settings.wechat_aes_key.get_secret_value()
    wechat = OfficialAccount(
        settings.wechat_app_id,
        settings.wechat_secret.get_secret_value(),
        Pusher(
            f"{app}/wechat/callback",
            settings.wechat_token.get_secret_value(),
            MessageCrypt(key, settings.wechat_app_id) if key else None,
            http,
        ),
        clock,
    )
    corp = Pusher(
        f"{app}/wecom/callback",
        settings.wecom_token.get_secret_value(),
        MessageCrypt(settings.wecom_aes_key.get_secret_value(), settings.wecom_corp_id),
        http,
    )
    secret = settings.wecom_secret.get_secret_value()
    # A log that begins anew goes on after the cursors that were given out before.
    first = int(time.time())
    return Platform(
        wechat, Enterprise(settings.wecom_corp_id, secret, corp, clock, first=first), clock
    )


async def serve(settings: Settings) -> None:
    """Until it is told to stop."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        app = create_app(build_platform(settings, http))
        config = uvicorn.Config(
            app, "127.0.0.1", settings.wechat_demo_port, log_level="warning", access_log=False
        )
        await uvicorn.Server(config).serve()


def main() -> int:
    """The exit status."""
    settings = get_settings()
    if not (settings.wechat_on and settings.wecom_on):
        sys.stderr.write("no accounts to stand in for: start it with `make demo-wechat`\n")
        return 1
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
