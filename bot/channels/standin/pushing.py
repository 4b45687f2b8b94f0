"""Pushes callbacks as the platform does: signed, five seconds of patience, three times in all."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import httpx

from bot.channels.standin.sealing import MessageCrypt, from_xml, signature, to_xml

PATIENCE_S = 5.0
TIMES = 3


@dataclass(frozen=True)
class Answer:
    """What one push was answered: ``status`` 0 when there was no answer in time."""

    status: int
    body: str
    seconds: float


class Pusher:
    """Signs and sends. ``crypt`` None is plain mode.

    Args:
        patience_s: shorter in tests.
    """

    def __init__(
        self,
        url: str,
        token: str,
        crypt: MessageCrypt | None,
        http: httpx.AsyncClient,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.url = url
        self.token = token
        self.crypt = crypt
        self.patience_s = patience_s
        self._http = http
        self.log: list[Answer] = []

    async def push(self, fields: dict[str, object]) -> Answer:
        """Pushes until answered, at most three times; the last answer."""
        answer = Answer(0, "", 0.0)
        for _ in range(TIMES):
            answer = await self.once(*self.envelope(fields))
            self.log.append(answer)
            if answer.status:
                break
        return answer

    def envelope(self, fields: dict[str, object]) -> tuple[dict[str, str], str]:
        """Query and body of one push."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
        query = {
            "signature": signature((self.token, timestamp, nonce)),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        body = to_xml(fields)
        if self.crypt is None:
            return query, body
        sealed = self.crypt.encrypt(body)
        query |= {
            "encrypt_type": "aes",
            "msg_signature": signature((self.token, timestamp, nonce, sealed)),
        }
        return query, to_xml({"ToUserName": fields.get("ToUserName", ""), "Encrypt": sealed})

    async def once(self, query: dict[str, str], body: str) -> Answer:
        """One push, however it was made."""
        started = time.monotonic()
        try:
            response = await self._http.post(
                self.url,
                params=query,
                content=body.encode(),
                headers={"Content-Type": "text/xml"},
                timeout=self.patience_s,
            )
        except httpx.HTTPError:
            return Answer(0, "", time.monotonic() - started)
        return Answer(response.status_code, response.text, time.monotonic() - started)

    async def check_url(self, echo: str) -> Answer:
        """The check when the operator saves the URL."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
        signed = signature((self.token, timestamp, nonce))
        query = {"signature": signed, "timestamp": timestamp, "nonce": nonce, "echostr": echo}
        response = await self._http.get(self.url, params=query)
        return Answer(response.status_code, response.text, 0.0)

    def opened(self, answer: Answer) -> dict[str, str] | None:
        """The message in a passive answer; None for nothing.

        Raises:
            ValueError: the customer would read that the service is out of order.
        """
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status}")
        if answer.body in ("", "success"):
            return None
        try:
            fields = from_xml(answer.body)
            if self.crypt is None:
                return fields
            values = (self.token, fields["TimeStamp"], fields["Nonce"], fields["Encrypt"])
            if signature(values) != fields["MsgSignature"]:
                raise ValueError("wrong signature")
            return from_xml(self.crypt.decrypt(fields["Encrypt"]))
        except (KeyError, SyntaxError) as error:
            raise ValueError("malformed answer") from error
