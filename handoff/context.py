"""The context package: one versioned schema for everything an agent must know before the first word.

What may be said about the customer comes from the dialogue (``HandoffRequest``), the operator's systems
(``Customer``) and the transcript, never from guesses: an unknown field is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.security import mask

log = structlog.get_logger(__name__)

SCHEMA_VERSION = 1
MAX_REQUEST = 200
Trigger = Literal["asked", "misses", "sentiment", "complaint", "job", "retention", "outage"]
ComplaintGrade = Literal["normal", "high"]


class _Part(BaseModel):
    # What a newer or older dialogue adds must not stop a handoff.
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Slots(_Part):
    """What a form has and what it still lacks."""

    filled: dict[str, Any] = Field(default_factory=dict)
    missing: list[str] = Field(default_factory=list)


class TriedStep(_Part):
    """One action the bot ran, with the figures it showed."""

    action: str = ""
    intent: str | None = None
    at: str | None = None
    summary: str = ""
    figures: dict[str, str] = Field(default_factory=dict)


class ShownEntry(_Part):
    """A knowledge entry the customer was shown, and what came of it."""

    entry_id: str = ""
    question: str = ""
    reaction: str | None = None


class HandoffRequest(_Part):
    """Why the dialogue (or the app, when the dialogue is down) wants a person."""

    trigger: Trigger = "asked"
    skill_group: str = "general"
    request: str = ""
    intent: str | None = None
    slots: Slots = Field(default_factory=Slots)
    entities: list[dict[str, Any]] = Field(default_factory=list)
    tried: list[TriedStep] = Field(default_factory=list)
    knowledge_shown: list[ShownEntry] = Field(default_factory=list)
    complaint_grade: ComplaintGrade | None = None
    hits: list[dict[str, Any]] = Field(default_factory=list)

    @classmethod
    def from_directive(cls, directive: Mapping[str, Any]) -> HandoffRequest:
        """Reads the dialogue's directive; a damaged item costs that item, never the handoff."""
        fields = {name: value for name, value in directive.items() if value is not None}
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            bad = [item["loc"] for item in error.errors()]
        log.warning("handoff_directive_damaged", fields=sorted({str(loc[0]) for loc in bad}))
        for name in {str(loc[0]) for loc in bad}:
            places = {loc[1] for loc in bad if loc[0] == name and len(loc) > 1}
            kept = _without(fields[name], places)
            fields = {k: v for k, v in fields.items() if k != name} | ({name: kept} if kept else {})
        return cls.model_validate(fields)


def _without(value: Any, places: set[int | str]) -> list[Any] | None:
    # Items of a list can be dropped one by one; anything else is dropped as a whole.
    if not isinstance(value, list) or not places:
        return None
    return [item for index, item in enumerate(value) if index not in places]


class CustomerFacts(Protocol):
    """Asks the operator's systems about a customer; the app injects it.

    Returns the fields of ``Customer`` it knows. Raises anything when the systems do not answer.
    """

    async def __call__(self, customer_id: str | None, phone: str | None) -> Mapping[str, Any]: ...


class Customer(_Part):
    """Who it is. Amounts are strings with two decimals, in yuan; dates are ISO."""

    customer_id: str | None = None
    name: str | None = None
    masked_phone: str | None = None
    tier: str = "normal"
    elderly: bool = False
    tenure_months: int | None = None
    plan: str | None = None
    balance: str | None = None
    arrears: str | None = None
    contract_end: str | None = None
    verification: Literal["guest", "bound", "verified"] = "guest"
    facts_at: str | None = None
    """When the operator's systems answered; null = they have not, only the conversation's word counts."""


class Earlier(_Part):
    """An earlier conversation of the same customer, with every message."""

    conversation_id: str
    channel: str
    started_at: str
    messages: list[dict[str, Any]]


class ConversationPart(_Part):
    """Where the customer is now."""

    conversation_id: str
    channel: str
    channels: list[str]
    """Every channel this customer has used with us, this one first."""
    started_at: str


class Why(_Part):
    """Why a person, why this group, why this place in the queue."""

    trigger: Trigger
    trigger_text: str
    skill_group: str
    skill_group_text: str
    asked_group: str
    priority: int
    priority_reasons: list[str]
    complaint_grade: ComplaintGrade | None


class Wants(_Part):
    """What the customer wants."""

    request: str
    intent: str | None
    slots: Slots
    entities: list[dict[str, Any]]


class MoodPoint(_Part):
    """The mood of one message of the customer."""

    seq: int
    label: str
    score: float | None = None
    flags: list[str] = Field(default_factory=list)


class Mood(_Part):
    """The latest mood, and where it is going."""

    label: Literal["positive", "neutral", "negative", "angry"] = "neutral"
    trend: Literal["better", "steady", "worse"] = "steady"
    points: list[MoodPoint] = Field(default_factory=list)


class Summary(_Part):
    """What an agent reads in five seconds; ``text`` is the lines joined."""

    who: str
    wants: str
    why: str
    tried: str
    mood: str
    text: str


class ContextPackage(_Part):
    """Everything about one handoff. ``transcript`` and ``earlier`` are read live, never stored."""

    schema_version: int = SCHEMA_VERSION
    handoff_id: str
    built_at: str
    conversation: ConversationPart
    customer: Customer
    why: Why
    wants: Wants
    tried: list[TriedStep]
    knowledge_shown: list[ShownEntry]
    mood: Mood
    open_tickets: list[dict[str, Any]] = Field(default_factory=list)
    suggested_replies: list[dict[str, Any]] = Field(default_factory=list)
    no_need_to_ask: list[str] = Field(default_factory=list)
    summary: Summary | None = None
    transcript: list[dict[str, Any]] = Field(default_factory=list)
    earlier: list[Earlier] = Field(default_factory=list)

    def stored(self) -> dict[str, Any]:
        """The JSON kept with the handoff: all but what is read live."""
        return self.model_dump(mode="json", exclude={"transcript", "earlier"})


def masked(value: Any) -> Any:
    """``value`` with every mobile and identity-card number in its strings hidden, at any depth."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value
