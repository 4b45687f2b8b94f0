"""What an action may know of the conversation, read once from Rasa's tracker.

The customer's identity comes from the message's metadata (the gateway vouches for it), or, in the minutes
after the SMS code was checked here, from the slot ``verified``. Never from the text.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk import Tracker

from actions import numerals
from actions.assurance import BOUND, VERIFIED

VERIFIED_FOR_S = 1800.0
_SKEW_S = 5.0
"""Clocks of the dialogue's machine and ours may differ."""
_SILENT_EVENTS = {
    "slot", "active_loop", "action_execution_rejected", "loop_interrupted", "user_featurization",
    "entities", "bot", "followup",
}  # fmt: skip
FORM = "task_form"


@dataclass(frozen=True)
class Entity:
    """``text`` is the customer's own words."""

    kind: str
    text: str


@dataclass(frozen=True)
class Request:
    """What was asked, kept when the answer must wait (for verification, for a form)."""

    text: str = ""
    intent: str = ""
    confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    plain: str = ""
    """Folded: half width, simplified characters."""
    knowledge: dict[str, Any] = field(default_factory=dict)
    """What the base knows of it, where it is one request of several; else see ``Turn.knowledge``."""

    def first(self, *kinds: str) -> str | None:
        """Words of the first entity of these kinds."""
        return next((e.text for e in self.entities if e.kind in kinds), None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "intent": self.intent,
            "confidence": self.confidence,
            "entities": [{"entity": e.kind, "value": e.text} for e in self.entities],
            "plain": self.plain,
            **({"knowledge": self.knowledge} if self.knowledge else {}),
        }

    @classmethod
    def from_dict(cls, shape: dict[str, Any]) -> Request:
        text = str(shape.get("text") or "")
        intent = shape.get("intent")
        named = intent if isinstance(intent, dict) else {"name": intent}
        return cls(
            text=text,
            intent=str(named.get("name") or ""),
            confidence=float(named.get("confidence") or shape.get("confidence") or 0.0),
            entities=tuple(
                Entity(str(e["entity"]), str(e["value"]))
                for e in shape.get("entities") or ()
                if e.get("entity") and e.get("value")
            ),
            plain=str(shape.get("normalized") or shape.get("plain") or numerals.fold(text)),
            knowledge=dict(shape.get("knowledge") or {}),
        )


@dataclass(frozen=True)
class Identity:
    """A verified customer."""

    customer_id: str
    phone: str
    name: str
    tier: str = "normal"
    elderly: bool = False

    @classmethod
    def from_dict(cls, shape: dict[str, Any]) -> Identity:
        return cls(
            str(shape["customer_id"]), str(shape.get("phone") or ""), str(shape.get("name") or ""),
            str(shape.get("tier") or "normal"), bool(shape.get("elderly")),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return {
            "customer_id": self.customer_id, "phone": self.phone, "name": self.name,
            "tier": self.tier, "elderly": self.elderly,
        }  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One customer message and its surroundings."""

    conversation_id: str
    request: Request
    identity: Identity | None = None
    bound: Identity | None = None
    """Recognised by their account, without a proof of these hours; see ``actions.assurance``."""
    bound_phone: str | None = None
    """Known from the channel but not verified."""
    account: str = ""
    """Tells one channel account from another."""
    address: str = ""
    """The same for network addresses."""
    elderly: bool = False
    angry: bool = False
    flags: tuple[str, ...] = ()
    knowledge: dict[str, Any] = field(default_factory=dict)
    clarify: tuple[dict[str, str], ...] = ()
    slots: dict[str, Any] = field(default_factory=dict)
    form_active: bool = False
    several: tuple[Request, ...] = ()
    """The requests of a message that holds more than one, in order."""
    resumed: bool = False
    """The request is an earlier one, taken up again; the latest message was something else."""
    fresh: bool = True
    """In a form: the customer has just spoken (otherwise the form comes back after a detour)."""

    @property
    def text(self) -> str:
        return self.request.text

    @property
    def plain(self) -> str:
        return self.request.plain

    @property
    def intent(self) -> str:
        return self.request.intent

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Requests of an earlier message that have not had their turn."""
        return list(self.slots.get("waiting") or ())

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The stack of open tasks, innermost last."""
        return [dict(task) for task in self.slots.get("tasks") or ()]

    @classmethod
    def of(cls, tracker: Tracker) -> Turn:
        """Reads the tracker that Rasa sent."""
        message = tracker.latest_message or {}
        slots = dict(tracker.slots or {})
        known = (message.get("metadata") or {}).get("customer") or {}
        identity = _identity(known, slots.get("verified"), _asked_at(tracker.events))
        kept = slots.get("resumed")
        request = Request.from_dict(kept or message)
        mood = message.get("sentiment") or {}
        return cls(
            conversation_id=tracker.sender_id,
            request=request,
            identity=identity,
            bound=None if identity else _bound(known),
            account=str(known.get("account") or ""),
            address=str(known.get("address") or ""),
            bound_phone=str(known["phone"]) if known.get("phone") and not identity else None,
            elderly=bool(known.get("elderly") or (identity and identity.elderly)),
            angry=mood.get("label") == "angry" and not kept,
            flags=() if kept else _flags(mood.get("flags")),
            knowledge=request.knowledge or message.get("knowledge") or {},
            clarify=tuple(message.get("clarify") or ()),
            slots=slots,
            several=() if kept else _several(message),
            form_active=(tracker.active_loop or {}).get("name") == FORM,
            resumed=bool(kept),
            fresh=_fresh(tracker.events),
        )


def _several(message: dict[str, Any]) -> tuple[Request, ...]:
    return tuple(Request.from_dict(shape) for shape in message.get("requests") or ())


def _flags(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(name for name, on in value.items() if on)
    return tuple(str(flag) for flag in value or ())


def _identity(known: dict[str, Any], slot: Any, asked_at: float) -> Identity | None:
    if known.get("customer_id") and int(known.get("assurance") or 0) >= VERIFIED:
        return Identity.from_dict(known)
    if not isinstance(slot, dict) or slot.get("account") != known.get("account"):
        # Several accounts may speak in one conversation; one's proof is not the other's.
        return None
    at = float(slot.get("at", 0))
    if known.get("phone") not in (None, slot.get("phone")) and at < asked_at - _SKEW_S:
        # Nor is one number's proof another's, unless the message that asks has just proved it.
        return None
    return Identity.from_dict(slot) if time.time() - at < VERIFIED_FOR_S else None


def _asked_at(events: list[dict[str, Any]]) -> float:
    """When the customer last spoke, in seconds since 1970."""
    said = (event.get("timestamp") for event in reversed(events) if event.get("event") == "user")
    return float(next(said, None) or time.time())


def _bound(known: dict[str, Any]) -> Identity | None:
    if known.get("customer_id") and known.get("assurance") == BOUND:
        return Identity.from_dict(known)
    return None


def _fresh(events: list[dict[str, Any]]) -> bool:
    # Rasa appends the form's own pending execution before it calls the validation.
    for event in reversed(events):
        kind = event.get("event")
        if kind == "user":
            return True
        if kind == "action" and event.get("name") == FORM:
            continue
        if kind not in _SILENT_EVENTS:
            return False
    return False
