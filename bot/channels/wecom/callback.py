"""The envelope of a WeCom callback: always encrypted, and only a hint to read the message log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from bot.channels.envelope import EnvelopeChecks, Refused, fields_of
from bot.channels.sealing import Sealer

_MAX_ID = 64


@dataclass(frozen=True)
class Hint:
    """Something happened at this service account; the token opens its log for ten minutes."""

    open_kfid: str
    token: str


class Envelope:
    """Checks and opens callbacks of one enterprise."""

    def __init__(self, redis: Redis, token: str, corp_id: str, aes_key: str) -> None:
        sealer = Sealer(aes_key, corp_id)
        self._checks = EnvelopeChecks(redis, f"wecom:{corp_id}", token, sealer)

    def echo(self, query: Mapping[str, str]) -> str:
        """The answer to the platform's check of our URL. Raises Refused."""
        sealed = query.get("echostr", "")
        self._checks.signed(query, "msg_signature", sealed)
        return self._checks.unsealed(sealed).decode(errors="replace")

    async def open(self, query: Mapping[str, str], body: bytes) -> Hint | None:
        """What to read now; None when the callback is about something else. Raises Refused."""
        sealed = fields_of(body).get("Encrypt", "")
        self._checks.signed(query, "msg_signature", sealed)
        fields = fields_of(self._checks.unsealed(sealed))
        await self._checks.first_use(query, body)
        if fields.get("Event") != "kf_msg_or_event":
            return None
        open_kfid, token = fields.get("OpenKfId", ""), fields.get("Token", "")
        if not open_kfid.isascii() or not 0 < len(open_kfid) <= _MAX_ID or "/" in open_kfid:
            raise Refused("no service account", 400)
        return Hint(open_kfid, token)
