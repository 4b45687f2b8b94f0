"""Rasa's memory of a conversation, kept short: what is set now, and the last few messages.

Rasa's own Redis store keeps every event, reads all of them for each message and sends all of them with each call
of an action; a long conversation then answers slower with every message. Our rules look at one message, the
slots carry what must last, and the transcript in SQL is the record; so older events need not be kept.
"""

from __future__ import annotations

import copy
from typing import Any

from rasa.core.tracker_store import RedisTrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

TURNS_KEPT = 2
HEAVY = ("knowledge", "intent_ranking", "response_selector", "text_tokens", "clarify", "requests")
"""Parts of a parse that only its own turn needs; the transcript has them too."""


class RecentRedisTrackerStore(RedisTrackerStore):
    """Stores one short session under each conversation's key. Rasa's lock store serialises access."""

    async def save(  # The signature is Rasa's.
        self,
        tracker: DialogueStateTracker,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Replaces what is stored."""
        await self.stream_events(tracker)
        short = shortened(tracker, self.domain)
        self.red.set(
            self.key_prefix + tracker.sender_id,
            self.serialise_tracker(short),
            ex=timeout or self.record_exp,
        )

    async def _retrieve(
        self, sender_id: str, fetch_all_sessions: bool
    ) -> DialogueStateTracker | None:
        stored = self.red.get(self.key_prefix + sender_id)
        return None if stored is None else self.deserialise_tracker(sender_id, stored)


def shortened(tracker: DialogueStateTracker, domain: Domain) -> DialogueStateTracker:
    """The same state with the last ``TURNS_KEPT`` messages only."""
    events = _since_start(list(tracker.events))
    cut = _cut(events)
    before = DialogueStateTracker.from_events(tracker.sender_id, events[:cut], domain.slots)
    kept = [_light(event) for event in events[cut:]]
    head = _head(before, kept[0].timestamp if kept else None) if cut else []
    return DialogueStateTracker.from_events(tracker.sender_id, head + kept, domain.slots)


def _since_start(events: list[Event]) -> list[Event]:
    """Events of the running session; what came before cannot matter any more."""
    begins = [n for n, e in enumerate(events) if isinstance(e, SessionStarted | Restarted)]
    if not begins or begins[-1] == 0:
        return events
    start = begins[-1]
    opening = events[start - 1]
    named = isinstance(opening, ActionExecuted) and opening.action_name == ACTION_SESSION_START_NAME
    return events[start - 1 :] if named else events[start:]


def _cut(events: list[Event]) -> int:
    """Where the kept messages begin: at the listening before the first of them."""
    users = [n for n, event in enumerate(events) if isinstance(event, UserUttered)]
    if len(users) <= TURNS_KEPT:
        return 0
    position = users[-TURNS_KEPT]
    while position > 0:
        event = events[position]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            return position
        position -= 1
    return 0


def _head(before: DialogueStateTracker, timestamp: float | None) -> list[Event]:
    """Events that rebuild the slots and the form as they were at the cut."""
    state: list[Event] = [
        SlotSet(name, slot.value) for name, slot in before.slots.items() if slot.value is not None
    ]
    if before.active_loop_name:
        state.append(ActiveLoop(before.active_loop_name))
    head = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted(), *state]
    for event in head:
        event.timestamp = timestamp or event.timestamp
    return head


def _light(event: Event) -> Event:
    if not isinstance(event, UserUttered) or not event.parse_data:
        return event
    slim = copy.copy(event)
    parse: dict[str, Any] = {k: v for k, v in event.parse_data.items() if k not in HEAVY}
    slim.parse_data = parse
    return slim
