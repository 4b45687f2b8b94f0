"""The envelope of a WeChat callback: who may have sent it, what is inside, how an answer is wrapped."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels import xml
from bot.channels.sealing import BadSeal, Sealer, check, sign
from core.redis_keys import channel_nonce

log = structlog.get_logger(__name__)
MAX_BODY = 64 * 1024
FRESH_S = 300
"""A callback signed longer ago, or later than now by as much, is refused."""
_REMEMBERED_S = 2 * FRESH_S
_MAX_NONCE = 128


class Refused(Exception):
    """Not from the platform, or not for us; ``status`` is for the HTTP answer."""

    def __init__(self, why: str, status: int = 403) -> None:
        self.why = why
        self.status = status
        super().__init__(why)


class Envelope:
    """Checks and opens callbacks of one official account.

    Args:
        token: the callback's token.
        app_id: of the account.
        aes_key: EncodingAESKey; set, nothing unencrypted is believed.
    """

    def __init__(self, redis: Redis, token: str, app_id: str, aes_key: str = "") -> None:
        self._redis = redis
        self._token = token
        self._name = f"wechat:{app_id}"
        self._sealer = Sealer(aes_key, app_id) if aes_key else None

    def echo(self, query: Mapping[str, str]) -> str:
        """The answer to the platform's check of our URL. Raises Refused."""
        self._signed(query)
        return query.get("echostr", "")

    async def open(self, query: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The fields inside. Raises Refused."""
        self._signed(query)
        fields = _read(body)
        if self._sealer is not None:
            fields = self._unsealed(query, fields)
        await self._first_use(query, body)
        return fields

    def wrap(self, answer: str) -> str:
        """An answer as the platform wants it: encrypted if we are."""
        if self._sealer is None:
            return answer
        sealed = self._sealer.seal(answer.encode())
        moment, nonce = int(time.time()), secrets.token_hex(8)
        signature = sign(self._token, str(moment), nonce, sealed)
        return xml.write(
            {"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": moment, "Nonce": nonce}
        )

    def _signed(self, query: Mapping[str, str]) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Refused("no timestamp")
        if not nonce or len(nonce) > _MAX_NONCE:
            raise Refused("no nonce")
        try:
            check(query.get("signature", ""), self._token, timestamp, nonce)
        except BadSeal as error:
            raise Refused(str(error)) from error
        if abs(time.time() - int(timestamp)) > FRESH_S:
            raise Refused("stale signature")

    def _unsealed(self, query: Mapping[str, str], fields: dict[str, str]) -> dict[str, str]:
        sealed = fields.get("Encrypt", "")
        if not sealed or query.get("encrypt_type") != "aes" or self._sealer is None:
            raise Refused("not encrypted")
        try:
            check(
                query.get("msg_signature", ""),
                self._token,
                query["timestamp"],
                query["nonce"],
                sealed,
            )
            return _read(self._sealer.open(sealed))
        except BadSeal as error:
            raise Refused(str(error)) from error

    async def _first_use(self, query: Mapping[str, str], body: bytes) -> None:
        """A signature covers no plain body: whoever saw one could sign another body with it.

        The platform repeats a callback with the content it had, so one signature goes with one content.
        """
        digest = hashlib.sha256(body).hexdigest()
        # Hashed, because a nonce may hold anything.
        nonce = hashlib.sha256(f"{query['timestamp']}\0{query['nonce']}".encode()).hexdigest()
        key = channel_nonce(self._name, nonce)
        try:
            if await self._redis.set(key, digest, nx=True, ex=_REMEMBERED_S):
                return
            before = await self._redis.get(key)
        except RedisError as error:
            log.warning("replay_check_off", error=type(error).__name__)
            return
        if before is not None and before != digest.encode():
            raise Refused("signature used for something else")


def _read(body: bytes) -> dict[str, str]:
    try:
        return xml.read(body)
    except xml.BadXml as error:
        raise Refused(str(error), 400) from error
