"""The outbox: one row a message that a channel must carry to its customer, written with the message itself.

Pages follow the transcript and need no row. Who works the rows off lives with the channels.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime

PUSHED_CHANNELS = frozenset({"wechat", "wecom"})
"""Channels to which messages must be carried."""

DeliveryState = Literal["pending", "held", "sent", "failed"]
"""``held``: allowed again once the customer has spoken; ``failed``: will not arrive."""


class Delivery(Base):
    """One message on its way to one account. Rows of an account go out in the order of ``id``."""

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "channel", "account", "state"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), unique=True)
    channel: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(128))
    state: Mapped[DeliveryState] = mapped_column(String(10), default="pending")
    parts: Mapped[int] = mapped_column(default=0)
    """How many parts of a long message have arrived."""
    attempts: Mapped[int] = mapped_column(default=0)
    bundle: Mapped[str | None] = mapped_column(String(40))
    """Messages tried together are tried together again, so that the platform knows the repetition."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A worker has it in hand until then."""
    receipt: Mapped[str | None] = mapped_column(String(64), index=True)
    """What carried it: the platform's message id, or the callback that it answered."""
    error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
