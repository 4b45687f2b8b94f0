"""Rasa connector: one message in; replies, directives and the understanding out, in one answer.

Rasa's own REST channel returns texts only. The transcript and the agent also need what was understood, so this
connector parses first and hands the parse on: the NLU runs once a message.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

UNDERSTANDING_KEYS = (
    "text", "intent", "intent_ranking", "entities", "sentiment", "knowledge", "clarify", "requests",
)  # fmt: skip
_RANKED = 5


class ChangdaInput(InputChannel):
    """Served at ``POST /webhooks/changda/message``.

    Args:
        token: what callers must send as Bearer token.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def name(cls) -> str:
        return "changda"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> ChangdaInput:
        token = (credentials or {}).get("token")
        if not token:
            cls.raise_missing_credentials_exception()
        return cls(str(token))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint("changda", __name__)

        @webhook.route("/", methods=["GET"])
        async def health(_: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @webhook.route("/message", methods=["POST"])
        async def message(request: Request) -> HTTPResponse:
            sent = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(sent, f"Bearer {self._token}".encode()):
                return response.json({"code": "not_authenticated"}, status=401)
            body = request.json or {}
            text, sender = body.get("text"), body.get("sender")
            if not isinstance(text, str) or not isinstance(sender, str):
                return response.json({"code": "malformed_body"}, status=400)
            collector = CollectingOutputChannel()
            agent = request.app.ctx.agent
            started = time.perf_counter()
            parse = await agent.parse_message(text)
            parsed = time.perf_counter()
            await on_new_message(
                UserMessage(
                    text,
                    collector,
                    sender,
                    parse_data=parse,
                    input_channel=self.name(),
                    metadata=body.get("metadata") or {},
                )
            )
            answer = shape_answer(collector.messages, parse)
            answer["timing"] = {
                "nlu": (parsed - started) * 1000,
                "dialogue": (time.perf_counter() - parsed) * 1000,
            }
            return response.json(answer)

        return webhook


def shape_answer(messages: list[dict[str, Any]], parse: dict[str, Any]) -> dict[str, Any]:
    """Sorts what the dialogue uttered into replies and directives, beside the parse."""
    replies: list[dict[str, Any]] = []
    directives: list[dict[str, Any]] = []
    for message in messages:
        custom = message.get("custom") or {}
        if "directive" in custom:
            directives.append(custom["directive"])
        elif "reply" in custom:
            replies.append(custom["reply"])
        elif message.get("text"):
            buttons = message.get("buttons")
            replies.append({"text": message["text"], **({"buttons": buttons} if buttons else {})})
    understanding = {key: parse[key] for key in UNDERSTANDING_KEYS if key in parse}
    if "intent_ranking" in understanding:
        understanding["intent_ranking"] = understanding["intent_ranking"][:_RANKED]
    return {"replies": replies, "directives": directives, "understanding": understanding}
