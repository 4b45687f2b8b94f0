"""Live events: names, and the bus that fans them out over Redis pub/sub.

Events are hints that something changed, never the only copy: whoever missed one reads SQL by sequence number.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

MESSAGE = "message"
"""A message joined the transcript: {"message": {...}}."""
TYPING = "typing"
"""Somebody is typing: {"sender": "bot"|"agent"|"customer"}."""
STATE = "state"
"""The conversation's owner changed: {"state": "bot"|"waiting"|"human", ...}."""
MOVED = "moved"
"""Somebody who spoke here goes on in their customer's conversation: {"conversation_id"}."""
QUEUE_POSITION = "queue"
"""The customer's place: {"position": int, "wait_s": int}."""
HANDOFF = "handoff"
"""A handoff moved: {"handoff_id", "state", "skill_group", "agent_id"}."""
AGENT_STATUS = "agent_status"
"""An agent's status changed: {"agent_id", "status"}."""
OFFER = "offer"
"""A customer is offered to this agent: {"handoff_id", "seconds", "request", …}."""
SLA = "sla"
"""A clock of a handoff or ticket is overdue: {"subject", "id", "clock", "level", …}."""
TICKET = "ticket"
"""A ticket was made, worked on or given to somebody: {"ticket_id", "state", "owner", "by", …}."""
GUEST = "guest"
"""Somebody was invited into a conversation, joined or left: {"handoff_id", "guest", "state", …}."""
WHISPER = "whisper"
"""A supervisor has a word for the serving agent: {"handoff_id", "from", "text"}."""
READ = "read"
"""An agent has seen a conversation up to a number, on any desk: {"handoff_id", "seq"}."""
ASSIST = "assist"
"""What the silent bot offers the agent for a customer's message: {"seq", "answer", …}."""
SIGNED_OUT = "signed_out"
"""A staff session ended: {"session"}; every socket of it closes."""
KNOWLEDGE_PUBLISHED = "knowledge_published"
"""A snapshot is live: {"version"}."""

Event = dict[str, Any]
_QUEUE_LIMIT = 1000
_QUIET_S = 1.0
_LOOK_S = 1.0


class LiveBus:
    """One pub/sub connection per process, fanned out to any number of listeners.

    Listeners that cannot keep up lose events (they catch up from SQL), so nobody slows anybody.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._listeners: dict[str, set[asyncio.Queue[Event]]] = defaultdict(set)
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._task: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    async def publish(self, channel: str, kind: str, **fields: Any) -> None:
        """Publishes one event; a Redis outage is logged, not raised, because SQL holds the truth."""
        if time.monotonic() < self._quiet_until:
            return
        try:
            await self._redis.publish(channel, orjson.dumps({"type": kind, **fields}))
        except RedisError as error:
            # Or every event of the outage would wait for the client's retries again.
            self._quiet_until = time.monotonic() + _QUIET_S
            log.warning("live_event_lost", channel=channel, kind=kind, error=str(error))

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[asyncio.Queue[Event]]:
        """Yields a queue which receives the events of ``channels`` until the block ends."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_QUEUE_LIMIT)
        for channel in channels:
            self._listeners[channel].add(queue)
        with contextlib.suppress(RedisError):
            await self._pubsub.subscribe(*channels)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._pump(), name="live-bus")
        try:
            yield queue
        finally:
            await self._forget(queue, channels)

    async def _forget(self, queue: asyncio.Queue[Event], channels: tuple[str, ...]) -> None:
        for channel in channels:
            self._listeners[channel].discard(queue)
            if not self._listeners[channel]:
                del self._listeners[channel]
                with contextlib.suppress(RedisError):
                    await self._pubsub.unsubscribe(channel)

    async def _pump(self) -> None:
        look_at = 0.0
        while True:
            try:
                if self._listeners and time.monotonic() >= look_at:
                    # redis-py re-subscribes by itself after a reconnect, but not to channels
                    # whose first SUBSCRIBE was lost; asking again is idempotent. Not at every
                    # event: thousands of pages listen.
                    missing = set(self._listeners) - {_text(c) for c in self._pubsub.channels}
                    if missing:
                        await self._pubsub.subscribe(*missing)
                    look_at = time.monotonic() + _LOOK_S
                raw = await self._pubsub.get_message(timeout=1.0)
            except (RedisError, OSError) as error:
                log.warning("live_bus_reconnecting", error=str(error))
                look_at = 0.0
                await asyncio.sleep(0.5)
                continue
            except RuntimeError:
                await asyncio.sleep(0.2)
                continue
            if raw is None:
                await asyncio.sleep(0)
                continue
            self._dispatch(_text(raw["channel"]), orjson.loads(raw["data"]))

    def _dispatch(self, channel: str, event: Event) -> None:
        for queue in tuple(self._listeners.get(channel, ())):
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(RedisError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
