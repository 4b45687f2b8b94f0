"""The silent bot: while a person serves it keeps understanding, and offers the agent what it found.

This room knows no dialogue: the app supplies an ``Assistant``. Without one, or when it does not answer in
time, the desk works as before; nothing here ever reaches the customer or changes the dialogue's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import structlog

from core.events import ASSIST, LiveBus
from core.redis_keys import backstage_channel
from core.transcript import Message, Transcript

log = structlog.get_logger(__name__)

TIMEOUT_S = 3.0
_AT_ONCE = 8
_WAITING = 200
_MAX_TEXT = 500


@dataclass(frozen=True)
class Insight:
    """What the bot makes of one message. Everything is a fact or empty."""

    understanding: dict[str, Any] = field(default_factory=dict)
    """The parse: text, intent, entities, sentiment, knowledge."""
    wants: str | None = None
    """The request in a few Chinese words."""
    missing: list[str] = field(default_factory=list)
    """What has to be asked before it can be done, as Chinese labels."""
    figures: dict[str, str] = field(default_factory=dict)
    """The customer's own data for this request, Chinese label → value."""
    hits: list[dict[str, Any]] = field(default_factory=list)
    """Answers of the knowledge base, best first, figures filled in."""


class Assistant(Protocol):
    """Understands for the agent; supplied by the app. May raise anything."""

    async def insight(self, text: str, customer_id: str | None) -> Insight:
        """What a customer's message asks for, and what is known about it."""
        ...

    async def rendered(self, texts: Sequence[str]) -> list[str]:
        """Answers of the knowledge base as a customer may read them, today's figures filled in."""
        ...


Felt = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Called with the conversation id and what was understood of the customer's latest words."""


class Assistance:
    """Listens to customers whom a person serves, in the background and within bounds."""

    def __init__(
        self,
        transcript: Transcript,
        bus: LiveBus,
        assistant: Assistant | None = None,
        felt: Felt | None = None,
    ) -> None:
        self._felt = felt
        self._transcript = transcript
        self._bus = bus
        self._assistant = assistant
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, message: Message, customer_id: str | None) -> None:
        """Understands a customer's message without anybody waiting for it."""
        if self._assistant is None or len(self._tasks) >= _WAITING:
            return
        if not message.text.strip() or len(message.text) > _MAX_TEXT:
            return
        task = asyncio.create_task(self._understand(message, customer_id), name="assist")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits for what is under way (at shutdown and in tests)."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self, hits: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Hits with their figures filled in; a template that cannot be filled is left out."""
        raw = [hit for hit in hits if "${" in str(hit.get("answer"))]
        if not raw:
            return list(hits)
        done: dict[int, str] = {}
        if self._assistant is not None:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    texts = await self._assistant.rendered([str(hit["answer"]) for hit in raw])
                done = {id(hit): text for hit, text in zip(raw, texts, strict=True)}
            except Exception as error:
                log.warning("answers_not_rendered", error=repr(error))
        finished = [hit | {"answer": done.get(id(hit), hit["answer"])} for hit in hits]
        return [hit for hit in finished if "${" not in str(hit.get("answer"))]

    async def _understand(self, message: Message, customer_id: str | None) -> None:
        assert self._assistant is not None  # noqa: S101 (``listen`` looked)
        try:
            async with self._turn, asyncio.timeout(TIMEOUT_S):
                insight = await self._assistant.insight(message.text, customer_id)
        except Exception as error:
            # The agent is there; help that fails is only help that is missing.
            log.warning("assistance_missing", error=repr(error))
            return
        offered = {name: value for name, value in asdict(insight).items() if value}
        understanding = offered.pop("understanding", {}) | {"assist": offered}
        await self._transcript.understood(message.id, understanding)
        if self._felt is not None:
            await self._felt(message.conversation_id, understanding)
        await self._bus.publish(
            backstage_channel(message.conversation_id),
            ASSIST,
            seq=message.seq,
            message_id=message.id,
            understanding=understanding,
        )
