"""What a desk is to this room: something that takes notices, and perhaps is asked what is new."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from handoff.models import DeskName

REQUESTED = "handoff.requested"
UPDATED = "handoff.updated"
ACCEPTED = "handoff.accepted"
TRANSFERRED = "handoff.transferred"
WITHDRAWN = "handoff.withdrawn"
FINISHED = "handoff.finished"
CLOSED = "handoff.closed"
RETURNED = "handoff.returned"
CANCELLED = "handoff.cancelled"
LEFT_MESSAGE = "handoff.left_message"
MESSAGE = "message.created"
RATED = "handoff.rated"

EVENTS: dict[str, str] = {
    REQUESTED: "A customer wants a person. Carries the whole context package.",
    UPDATED: "The operator's systems answered late: the package again, now with the customer's figures.",
    MESSAGE: "The customer, or a supervisor who joined, said something while a person is wanted or serves.",
    ACCEPTED: "An agent of the desk serves.",
    TRANSFERRED: "It waits for another group, or another agent of the desk serves.",
    WITHDRAWN: "Our own people serve it now; the desk's part is over.",
    FINISHED: "The talk is over; the write-up is still to come.",
    CLOSED: "Over and written up.",
    RETURNED: "The bot has the customer again.",
    CANCELLED: "The customer no longer wants to wait.",
    LEFT_MESSAGE: "Nobody answers now: the customer is to be called back.",
    RATED: "The customer's verdict.",
}
"""Every event, and what it means."""


class NotTaken(Exception):
    """Base of what keeps a notice from its desk; ``reason`` is Chinese, for supervisors."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class TryLater(NotTaken):
    """Worth another try.

    Args:
        wait_s: the shortest wait before it.
    """

    def __init__(self, reason: str, wait_s: float = 0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Refused(NotTaken):
    """The desk will never take this one."""


@dataclass(frozen=True)
class Notice:
    """What a desk is told."""

    event_id: str
    kind: str
    handoff_id: str
    data: dict[str, Any]
    created_at: datetime


@dataclass
class Lane:
    """A handoff at a desk, in the hands of one worker."""

    handoff_id: str
    outside_id: str | None
    progress: dict[str, Any] = field(default_factory=dict)


class Desk(Protocol):
    """An outside desk."""

    name: DeskName

    async def deliver(self, notice: Notice, lane: Lane) -> None:
        """Tells it. Raises TryLater or Refused."""

    async def look(self, lane: Lane) -> float | None:
        """Asks what is new and acts on it; seconds until the next look, None = no more. Raises TryLater."""

    async def close(self) -> None: ...
