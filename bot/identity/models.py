"""The table of channel accounts: who writes from where, and which customer that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.database import Base, UtcDateTime

GUEST, BOUND, VERIFIED = 0, 1, 2
"""Levels of assurance: nobody knows who; an account bound earlier; proven in these hours."""
Number = dict[str, Any]
"""{"phone", "customer_id", "profile", "bound_at"}: one number that an account is bound to."""


@dataclass(frozen=True)
class Known:
    """A customer as the operator knows them: the outcome of an SMS code or of a signed app token."""

    customer_id: str
    phone: str
    profile: dict[str, Any] = field(default_factory=dict)
    """{"name", "tier", "elderly"}."""


class ChannelAccount(Base):
    """One account on one channel: an openid, an external_userid, a login of the app, a browser's visit.

    Several accounts may belong to one customer (husband and wife with the same number), and one account may
    be bound to several numbers (``numbers``), of which one is in use (``customer_id``, ``phone``).
    """

    __tablename__ = "channel_accounts"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    account: Mapped[str] = mapped_column(String(128), primary_key=True)
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id"), index=True)
    customer_id: Mapped[str | None] = mapped_column(String(40), index=True)
    phone: Mapped[str | None] = mapped_column(String(20))
    profile: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    numbers: Mapped[list[Number]] = mapped_column(JSON, default=list)
    verified_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def assurance(self) -> int:
        """GUEST, BOUND or VERIFIED, as of now."""
        if self.customer_id is None:
            return GUEST
        return VERIFIED if self.verified_until and self.verified_until > now() else BOUND

    def identity(self) -> dict[str, Any]:
        """The fields of a conversation in which this account speaks."""
        known = bool(self.customer_id)
        return {
            "channel": self.channel,
            "channel_account": self.account,
            "assurance": self.assurance,
            **({"customer_id": self.customer_id, "phone": self.phone} if known else {}),
        }
