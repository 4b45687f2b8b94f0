"""Tables of this room: handoffs with their events, tickets, ratings, the agents' status."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime
from handoff.states import State

ActorKind = Literal["customer", "agent", "supervisor", "system"]
AgentStatus = Literal["online", "busy", "offline"]
TicketKind = Literal["complaint", "fault", "callback", "consultation", "other"]
TicketState = Literal["open", "processing", "resolved", "closed"]
Grade = Literal["normal", "high"]
GuestState = Literal["invited", "joined", "declined", "left"]
DeskName = Literal["own", "webhook", "chatwoot"]


class Handoff(Base):
    """One stretch of a conversation in which a person is wanted or serves."""

    __tablename__ = "handoffs"
    __table_args__ = (
        Index(None, "state", "skill_group", "desk", "ranked_at"),
        Index(None, "desk", "state"),
        Index(None, "state", "skill_group", "queued_at"),
        Index(None, "agent_id", "state"),
        Index(None, "customer_id", "accepted_at"),
        Index(None, "skill_group", "ended_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    live_conversation: Mapped[str | None] = mapped_column(String(40), unique=True)
    """The conversation while the handoff is live, else null: the database holds "one live each"."""
    customer_id: Mapped[str | None] = mapped_column(String(40))
    desk: Mapped[DeskName] = mapped_column(String(10), default="own", server_default=sql("'own'"))
    """Whose people serve it. What waits for an outside desk is not in our own line."""
    state: Mapped[State] = mapped_column(String(12))
    trigger: Mapped[str] = mapped_column(String(20))
    skill_group: Mapped[str] = mapped_column(String(20))
    request: Mapped[str] = mapped_column(Text)
    """One Chinese line: what the customer wants."""
    complaint_grade: Mapped[Grade | None] = mapped_column(String(10))
    priority: Mapped[int]
    """Points; each is worth some seconds of waiting (setting), see ``ranked_at``."""
    priority_reasons: Mapped[list[str]] = mapped_column(JSON)
    mood: Mapped[str] = mapped_column(String(10), default="neutral")
    """As it was when the handoff opened."""
    agent_id: Mapped[str | None] = mapped_column(String(40))
    """Who serves or served last; while offered, who it is offered to."""
    owner: Mapped[str | None] = mapped_column(String(40))
    """Who answers for it until it is closed, also on its way to a colleague; null = its skill group."""
    first_agent: Mapped[str | None] = mapped_column(String(40))
    """Who was asked first."""
    reserved_for: Mapped[str | None] = mapped_column(String(40))
    """The colleague a transfer names."""
    preferred_agent: Mapped[str | None] = mapped_column(String(40))
    """Who served this customer within the last 24 h."""
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The context package as it was when the handoff opened (without the transcript)."""
    read_seq: Mapped[int] = mapped_column(default=0)
    """Last message the serving agent has seen."""
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Arrival, never before that of who waits already; kept through transfers and lost agents."""
    ranked_at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=sql("'2000-01-01 00:00:00.000000'")
    )
    """Arrival, moved forward by what the priority is worth: the order of the line."""
    waiting_since: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the present wait began."""
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offer_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the present offer lapses."""
    passed_over: Mapped[dict[str, str]] = mapped_column(
        JSON, default=dict, server_default=sql("'{}'")
    )
    """Agents who refused it or let it lapse in this wait, and when (ISO)."""
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_reply_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the person's part was over for the customer."""
    handling_s: Mapped[float | None]
    """Seconds from the last accept to the end."""
    disposition: Mapped[str | None] = mapped_column(String(40))
    summary: Mapped[str | None] = mapped_column(Text)
    """What the agent wrote at the end."""
    escalations: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default=sql("'{}'")
    )
    """Clock → {"since", "level"}: how far an overdue clock was escalated."""
    escalate_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When its clocks need looking at next."""

    def __init__(self, **fields: Any) -> None:
        # Known before it is stored: where it waits depends on it.
        super().__init__(**{"desk": "own", **fields})


class HandoffEvent(Base):
    """A move or a note; ``id`` gives the order even when the clock jumps."""

    __tablename__ = "handoff_events"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    """A Move, "note" or "escalate"."""
    from_state: Mapped[str | None] = mapped_column(String(12))
    to_state: Mapped[str | None] = mapped_column(String(12))
    actor_kind: Mapped[ActorKind] = mapped_column(String(12))
    actor: Mapped[str | None] = mapped_column(String(40))
    """Staff id; null for customer and system."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)

    def shown(self) -> dict[str, Any]:
        """For the desk."""
        return {
            "id": self.id,
            "kind": self.kind,
            "from_state": self.from_state,
            "to_state": self.to_state,
            "actor_kind": self.actor_kind,
            "actor": self.actor,
            "at": self.at.isoformat(),
            "data": self.data,
        }


class AgentPresence(Base):
    """An agent's chosen status. The last sign of life lives in Redis; ``seen_at`` stands in for it."""

    __tablename__ = "agent_presence"

    agent_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    status: Mapped[AgentStatus] = mapped_column(String(10))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lapsed: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    """Offers in a row that ran out unanswered."""
    notice: Mapped[str | None] = mapped_column(String(200))
    """Why the system changed the status, until the agent changes it."""


class OutsideAgent(Base):
    """Somebody of an outside desk who served here; customers and supervisors know them by name."""

    __tablename__ = "outside_agents"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Desk and that desk's own id: ``webhook:17``."""
    name: Mapped[str] = mapped_column(String(40))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Ticket(Base):
    """A case that outlives the conversation. It has an owner, a group or a person, until closed."""

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "state", "first_reply_due"),)

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[TicketKind] = mapped_column(String(15))
    grade: Mapped[Grade] = mapped_column(String(10), default="normal")
    state: Mapped[TicketState] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    skill_group: Mapped[str] = mapped_column(String(20))
    owner: Mapped[str | None] = mapped_column(String(40), index=True)
    """Staff id; null while the skill group owns it."""
    conversation_id: Mapped[str | None] = mapped_column(String(40), index=True)
    handoff_id: Mapped[str | None] = mapped_column(String(40))
    customer_id: Mapped[str | None] = mapped_column(String(40), index=True)
    phone: Mapped[str | None] = mapped_column(String(20))
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Steps: {"at", "state", "text", "actor"}, oldest first."""
    first_reply_due: Mapped[datetime] = mapped_column(UtcDateTime)
    resolve_due: Mapped[datetime] = mapped_column(UtcDateTime)
    first_reply_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalations: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default=sql("'{}'")
    )
    """As a handoff's."""
    escalate_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When its clocks need looking at next."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Rating(Base):
    """The customer's verdict on one handoff, given once."""

    __tablename__ = "ratings"

    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), primary_key=True)
    agent_id: Mapped[str | None] = mapped_column(String(40), index=True)
    score: Mapped[int]
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HandoffGuest(Base):
    """Somebody beside the owner in a conversation: invited, there, or gone."""

    __tablename__ = "handoff_guests"

    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    state: Mapped[GuestState] = mapped_column(String(10))
    invited_by: Mapped[str | None] = mapped_column(String(40))
    """Null when a supervisor came by themselves."""
    note: Mapped[str] = mapped_column(Text)
    """Why they are asked in; never shown to the customer."""
    stretch: Mapped[datetime] = mapped_column(UtcDateTime)
    """The handoff's ``accepted_at`` then: when somebody else accepts it, its guests are gone."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NumberReveal(Base):
    """Somebody saw a customer's whole number: who, whose, why, when. Rows are only ever added."""

    __tablename__ = "number_reveals"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), index=True)
    conversation_id: Mapped[str] = mapped_column(String(40))
    staff_id: Mapped[str] = mapped_column(String(40), index=True)
    masked_phone: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CannedReply(Base):
    """A text that agents send often, with placeholders in braces: {客户称呼}."""

    __tablename__ = "canned_replies"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(40), index=True)
    """Staff id; null = everybody's."""
    name: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
