"""What an action decided, as plain data: easy to test, delivered in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from actions.pointing import Listed
from actions.replies import Button, Reply
from actions.turn import Identity, Request

Trigger = Literal["asked", "misses", "sentiment", "complaint", "job", "retention", "outage"]
Grade = Literal["normal", "high"]


@dataclass(frozen=True)
class Step:
    """Something tried for the customer, with the figures it gave, for the agent."""

    summary: str
    figures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Handoff:
    """A person must take over. Empty fields are filled from the conversation on delivery."""

    trigger: Trigger
    skill_group: str | None = None
    request: str | None = None
    grade: Grade | None = None


@dataclass(frozen=True)
class Shown:
    """A knowledge entry that the customer saw."""

    entry_id: str
    question: str
    others: tuple[str, ...] = ()
    """The next-best questions, offered when this one does not help."""


@dataclass(frozen=True)
class Offer:
    """What a bare 「好的」 to this answer will do."""

    action: str
    request: Request


@dataclass(frozen=True)
class Outcome:
    """Everything that follows from one decision.

    Args:
        replies: what is said, in order.
        step: what was tried, for the handoff's context.
        handoff: give the conversation to a person.
        start: a task (``TaskState.to_dict()``) to open.
        verified: the customer proved who they are.
        shown: knowledge entries shown.
        offer: what agreement to this answer means.
        listed: what it lists, for 「第二个呢」; a card of plans needs no mention.
        redirect: another action that answers instead, and the request it gets.
        miss: the customer was not understood.
        neutral: neither understood nor missed (a greeting): leaves the count of misses.
        slots: other slots to set.
    """

    replies: tuple[Reply, ...] = ()
    step: Step | None = None
    handoff: Handoff | None = None
    start: dict[str, Any] | None = None
    verified: Identity | None = None
    shown: tuple[Shown, ...] = ()
    offer: Offer | None = None
    listed: Listed | None = None
    redirect: Offer | None = None
    miss: bool = False
    neutral: bool = False
    slots: dict[str, Any] = field(default_factory=dict)

    def after(self, *replies: Reply) -> Outcome:
        """The same, with replies said before."""
        return replace(self, replies=(*replies, *self.replies))


def said(
    text: str, *buttons: Button, short: str | None = None, card: dict[str, Any] | None = None,
    **fields: Any,
) -> Outcome:  # fmt: skip
    """An outcome of one reply."""
    return Outcome((Reply(text, short, buttons, card),), **fields)
