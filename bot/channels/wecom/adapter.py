"""Says things through 微信客服: messages under fixed ids, welcomes, the session's state."""

from __future__ import annotations

from typing import Any

import httpx
from redis.asyncio import Redis

from bot.channels.base import NotDelivered, QuotaUsed, Sending, SessionOver, TryLater, Undeliverable
from bot.channels.calls import ApiError, PlatformCalls, fetch_token
from bot.channels.plain import is_rating, numbered
from bot.channels.tokens import AccessTokens
from bot.channels.wecom.inbound import NAME
from core.settings import Settings

MAX_BYTES = 2048
TIMEOUT_S = 5.0
WRONG_STATE = 95018
BOT_STATE = 1
_BAD_PARAMETER, _BAD_LOG_TOKEN = 40058, 95007
_MENU_HEAD_BYTES = 1024
_RATE_WAIT_S = 60.0


class CursorRefused(NotDelivered):
    """The log cannot be read on from there."""


class WeComAdapter:
    """The enterprise's API. Accounts are ``open_kfid/external_userid``."""

    name = NAME
    max_bytes = MAX_BYTES

    def __init__(
        self, settings: Settings, redis: Redis, http: httpx.AsyncClient | None = None
    ) -> None:
        client = http or httpx.AsyncClient(
            base_url=settings.wecom_api_url, timeout=TIMEOUT_S, trust_env=False
        )
        params = {
            "corpid": settings.wecom_corp_id,
            "corpsecret": settings.wecom_secret.get_secret_value(),
        }

        async def fetch() -> tuple[str, float]:
            return await fetch_token(client, "GET", "/cgi-bin/gettoken", params=params)

        tokens = AccessTokens(redis, f"wecom:{settings.wecom_corp_id}", fetch)
        self.calls = PlatformCalls(client, tokens)

    async def send(self, account: str, sending: Sending) -> str | None:
        """One message; the id is ours, so the platform knows a repetition."""
        open_kfid, customer = account.split("/", 1)
        body = {"touser": customer, "open_kfid": open_kfid, "msgid": sending.key} | _shape(sending)
        try:
            await self.calls.post("/cgi-bin/kf/send_msg", body)
        except ApiError as error:
            if error.code != WRONG_STATE:
                raise _translated(error.code) from error
            await self._take_back(open_kfid, customer)
            await self._post("/cgi-bin/kf/send_msg", body)
        return sending.key

    async def _take_back(self, open_kfid: str, customer: str) -> None:
        """Only in the bot's state may we send; a new session is put there."""
        body = {
            "open_kfid": open_kfid,
            "external_userid": customer,
            "service_state": BOT_STATE,
        }
        try:
            await self.calls.post("/cgi-bin/kf/service_state/trans", body)
        except ApiError as error:
            raise SessionOver("会话已结束，或在企业微信客户端里由同事接待") from error

    async def welcome(self, code: str, key: str, sending: Sending) -> None:
        """The one welcome that a code allows. Raises NotDelivered."""
        body = {"code": code, "msgid": key} | _shape(sending)
        await self._post("/cgi-bin/kf/send_msg_on_event", body)

    async def remind(self, account: str) -> bool:
        """微信客服 has no way to reach a customer outside the window."""
        return False

    async def read_log(
        self, open_kfid: str, cursor: str, token: str, limit: int = 1000
    ) -> tuple[list[Any], str, bool]:
        """A page of the message log: items, the next cursor, whether there is more.

        Raises:
            CursorRefused: the platform does not know this cursor.
            NotDelivered: it cannot be read now.
        """
        body: dict[str, Any] = {"open_kfid": open_kfid, "limit": limit}
        body |= {name: value for name, value in (("cursor", cursor), ("token", token)) if value}
        try:
            answer = await self.calls.post("/cgi-bin/kf/sync_msg", body)
        except ApiError as error:
            if error.code == _BAD_LOG_TOKEN and token:
                # It lives for ten minutes; without one the log is read all the same, less often.
                return await self.read_log(open_kfid, cursor, "", limit)
            if error.code == _BAD_PARAMETER and cursor:
                raise CursorRefused("平台不认游标") from error
            raise _translated(error.code) from error
        items = answer.get("msg_list")
        following = answer.get("next_cursor")
        return (
            items if isinstance(items, list) else [],
            following if isinstance(following, str) and following else cursor,
            answer.get("has_more") == 1,
        )

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


def _shape(sending: Sending) -> dict[str, Any]:
    choices = sending.choices
    if choices and not is_rating(choices) and len(sending.text.encode()) <= _MENU_HEAD_BYTES:
        listed = [
            {"type": "click", "click": {"id": str(number), "content": choice["title"]}}
            for number, choice in enumerate(choices, 1)
        ]
        return {"msgtype": "msgmenu", "msgmenu": {"head_content": sending.text, "list": listed}}
    text = "\n\n".join(part for part in (sending.text, numbered(choices)) if part)
    return {"msgtype": "text", "text": {"content": text}}


def _translated(code: int) -> NotDelivered:
    """What an errcode means for a message."""
    if code == 95001:
        return QuotaUsed("可发送的条数已用完，或客户超过48小时没有说话")
    if code == WRONG_STATE:
        return SessionOver("会话已结束，或在企业微信客户端里由同事接待")
    if code == 95000:
        return Undeliverable("客服账号不存在", all_of_them=True)
    if code == 40058:
        return Undeliverable("平台拒收（40058）")
    if code in (45009, 45033):
        return TryLater("平台限制了频率", wait_s=_RATE_WAIT_S)
    return TryLater(f"平台报错{code}", at_most=3)
