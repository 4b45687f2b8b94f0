"""Says things on WeChat: customer-service messages, typing, reminders outside the window, the menu."""

from __future__ import annotations

from typing import Any

import httpx
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels import xml
from bot.channels.base import (
    NotDelivered,
    QuotaUsed,
    Sending,
    TooLong,
    TryLater,
    Undeliverable,
    WindowClosed,
)
from bot.channels.calls import ApiError, PlatformCalls, fetch_token
from bot.channels.contacts import Contacts
from bot.channels.plain import is_rating, numbered
from bot.channels.tokens import AccessTokens
from bot.channels.wechat.inbound import NAME, Received
from core.clock import local_now
from core.redis_keys import channel_typing
from core.settings import Settings

log = structlog.get_logger(__name__)
MAX_BYTES = 2048
TIMEOUT_S = 5.0
_TYPING_S = 15
_MENU_HEAD_BYTES = 1024
"""A longer text with choices goes out as text: the platform names no limit for a menu's head."""
_RATE_WAIT_S = 60.0


class WeChatAdapter:
    """The official account's API."""

    name = NAME
    max_bytes = MAX_BYTES

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        contacts: Contacts,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._contacts = contacts
        client = http or httpx.AsyncClient(
            base_url=settings.wechat_api_url, timeout=TIMEOUT_S, trust_env=False
        )
        body = {
            "grant_type": "client_credential",
            "appid": settings.wechat_app_id,
            "secret": settings.wechat_secret.get_secret_value(),
            "force_refresh": False,
        }

        async def fetch() -> tuple[str, float]:
            return await fetch_token(client, "POST", "/cgi-bin/stable_token", body=body)

        tokens = AccessTokens(redis, f"wechat:{settings.wechat_app_id}", fetch)
        self.calls = PlatformCalls(client, tokens)

    async def send(self, account: str, sending: Sending) -> str | None:
        """One customer-service message."""
        await self._post("/cgi-bin/message/custom/send", {"touser": account} | self._shape(sending))
        return None

    def _shape(self, sending: Sending) -> dict[str, Any]:
        choices = sending.choices
        menu = self._settings.wechat_choices == "msgmenu" and not is_rating(choices)
        if choices and menu and len(sending.text.encode()) <= _MENU_HEAD_BYTES:
            listed = [{"id": str(n), "content": c["title"]} for n, c in enumerate(choices, 1)]
            head = {"head_content": sending.text, "list": listed, "tail_content": ""}
            return {"msgtype": "msgmenu", "msgmenu": head}
        text = "\n\n".join(part for part in (sending.text, numbered(choices)) if part)
        return {"msgtype": "text", "text": {"content": text}}

    async def remind(self, account: str) -> bool:
        """A subscription message if the customer accepted one, else a template message, else nothing."""
        settings = self._settings
        words = {"thing": "您有一条新的客服回复", "time": f"{local_now():%Y-%m-%d %H:%M}"}
        contact = await self._contacts.get(NAME, account)
        if settings.wechat_subscription in contact.consents:
            left = [one for one in contact.consents if one != settings.wechat_subscription]
            await self._contacts.change(NAME, account, consents=left)
            shown = _filled(settings.wechat_subscription_fields, words)
            body = {"touser": account, "template_id": settings.wechat_subscription, "data": shown}
            await self._post("/cgi-bin/message/subscribe/bizsend", body)
            return True
        if settings.wechat_template:
            shown = _filled(settings.wechat_template_fields, words)
            body = {"touser": account, "template_id": settings.wechat_template, "data": shown}
            await self._post("/cgi-bin/message/template/send", body)
            return True
        return False

    async def typing(self, account: str) -> None:
        """Shows for 15 seconds that we type; never fails, never repeats itself meanwhile."""
        try:
            key = channel_typing(NAME, account)
            if await self._redis.set(key, "1", nx=True, ex=_TYPING_S):
                body = {"touser": account, "command": "Typing"}
                await self.calls.post("/cgi-bin/message/custom/typing", body)
        except (NotDelivered, ApiError, RedisError) as error:
            log.info("typing_not_shown", error=str(error))

    async def publish_menu(self, menu: dict[str, Any]) -> None:
        """Sets the menu below the chat. Raises NotDelivered."""
        await self._post("/cgi-bin/menu/create", menu)

    async def media(self, media_id: str, limit: int) -> bytes:
        """A file that a customer sent. Raises NotDelivered, ApiError."""
        return await self.calls.media(media_id, limit)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self.calls.post(path, body)
        except ApiError as error:
            raise _translated(error.code) from error

    async def close(self) -> None:
        await self.calls.close()


def passive(received: Received, text: str, created: int) -> str:
    """The XML that answers a callback with a text."""
    return xml.write(
        {
            "ToUserName": received.account,
            "FromUserName": received.to,
            "CreateTime": created,
            "MsgType": "text",
            "Content": text,
        }
    )


def _filled(fields: dict[str, str], words: dict[str, str]) -> dict[str, dict[str, str]]:
    """A template's data: its field names, each filled with the words of its kind."""
    return {field: {"value": words.get(kind, kind)} for field, kind in fields.items()}


def _translated(code: int) -> NotDelivered:
    """What an errcode means for a message."""
    if code == 45015:
        return WindowClosed("客户超过48小时没有说话，或已取消关注")
    if code == 45047:
        return QuotaUsed("可发送的条数已用完")
    if code == 45002:
        return TooLong("消息太长")
    if code in (45009, 45011):
        return TryLater("平台限制了频率", wait_s=_RATE_WAIT_S)
    if code in (43004, 48002):
        return Undeliverable("客户没有关注或拒收消息", all_of_them=True)
    if code == 48001:
        log.error("wechat_api_not_granted", code=code)
        return Undeliverable("公众号没有客服消息接口的权限", all_of_them=True)
    if code in (40003, 40037, 43101, 47003):
        return Undeliverable(f"平台拒收（{code}）")
    return TryLater(f"平台报错{code}", at_most=3)
