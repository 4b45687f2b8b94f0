"""The envelope of a WeChat callback: who may have sent it, what is inside, how an answer is wrapped."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from redis.asyncio import Redis

from bot.channels import xml
from bot.channels.envelope import EnvelopeChecks, Refused, fields_of
from bot.channels.sealing import Sealer, sign


class Envelope:
    """Checks and opens callbacks of one official account.

    Args:
        token: the callback's token.
        app_id: of the account.
        aes_key: EncodingAESKey; set, nothing unencrypted is believed.
    """

    def __init__(self, redis: Redis, token: str, app_id: str, aes_key: str = "") -> None:
        sealer = Sealer(aes_key, app_id) if aes_key else None
        self._checks = EnvelopeChecks(redis, f"wechat:{app_id}", token, sealer)

    def echo(self, query: Mapping[str, str]) -> str:
        """The answer to the platform's check of our URL. Raises Refused."""
        self._checks.signed(query, "signature")
        return query.get("echostr", "")

    async def open(self, query: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The fields inside. Raises Refused."""
        self._checks.signed(query, "signature")
        fields = fields_of(body)
        if self._checks.sealer is not None:
            sealed = fields.get("Encrypt", "")
            if query.get("encrypt_type") != "aes":
                raise Refused("not encrypted")
            self._checks.signed(query, "msg_signature", sealed)
            fields = fields_of(self._checks.unsealed(sealed))
        await self._checks.first_use(query, body)
        return fields

    def wrap(self, answer: str) -> str:
        """An answer as the platform wants it: encrypted if we are."""
        if self._checks.sealer is None:
            return answer
        sealed = self._checks.sealer.seal(answer.encode())
        moment, nonce = int(time.time()), secrets.token_hex(8)
        signature = sign(self._checks.token, str(moment), nonce, sealed)
        return xml.write(
            {"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": moment, "Nonce": nonce}
        )
