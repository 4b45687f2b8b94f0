"""Tables of this room: what an outside desk is still to be told, and how far it and we are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime
from handoff.models import DeskName

NoticeState = Literal["pending", "sent", "dead"]


class DeskNotice(Base):
    """One thing a desk must hear. Those of a handoff go out one after the other, in the order of ``id``."""

    __tablename__ = "desk_notices"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "handoff_id", "state"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(40), unique=True)
    """By this the desk knows a repetition."""
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"))
    desk: Mapped[DeskName] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(30))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[NoticeState] = mapped_column(String(10), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(200))
    """Why the last attempt failed, in Chinese."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was sent or given up."""

    def shown(self) -> dict[str, Any]:
        """For supervisors and the desk itself; what was said is not in it."""
        return {
            "event_id": self.event_id,
            "event": self.kind,
            "handoff_id": self.handoff_id,
            "desk": self.desk,
            "state": self.state,
            "attempts": self.attempts,
            "error": self.error,
            "due_at": self.due_at.isoformat(),
            "created_at": self.created_at.isoformat(),
            "settled_at": self.settled_at.isoformat() if self.settled_at else None,
        }


class DeskLink(Base):
    """A handoff at an outside desk."""

    __tablename__ = "desk_links"
    __table_args__ = (Index(None, "desk", "outside_id"), Index(None, "live", "look_at"))

    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), primary_key=True)
    desk: Mapped[DeskName] = mapped_column(String(10))
    live: Mapped[bool] = mapped_column(default=True)
    """Until the desk's part is over."""
    conversation_id: Mapped[str] = mapped_column(String(40))
    """The handoff's, when it was listened to last; a customer's conversations may become one."""
    heard_seq: Mapped[int] = mapped_column(default=0)
    """Last message of it that is in a notice, or was in the package."""
    heard_id: Mapped[str | None] = mapped_column(String(40))
    """The same by id, since messages that move get other numbers."""
    outside_id: Mapped[str | None] = mapped_column(String(40))
    """The desk's own id of the conversation."""
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What was done there and what was read there; each desk's own."""
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When to ask the desk what is new; null = it tells us by itself."""
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A worker has this handoff in hand until then."""
    delay_told: Mapped[bool] = mapped_column(default=False)
    """The customer heard that the desk cannot be reached."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
