"""Tables of the knowledge base. Every save is a new revision; nothing an editor wrote is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime

State = Literal["draft", "in_review", "approved", "published", "retired"]
FindingKind = Literal["miss", "unhelpful", "correction"]
"""What reaches the editors' inbox: no answer, an answer that did not help, a colleague's remark."""
Act = Literal["submit", "return", "approve", "retire"]
"""What people did to an entry besides writing it."""


@dataclass(frozen=True)
class Editor:
    """Who changes something."""

    id: str
    name: str


class KnowledgeEntry(Base):
    """One entry; its texts live in revisions.

    ``state`` is that of the latest revision. ``published_revision`` is what customers get now,
    None when nothing. ``version`` counts changes, for optimistic locking.
    """

    __tablename__ = "knowledge_entry"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    question: Mapped[str] = mapped_column(String(300))
    category: Mapped[str] = mapped_column(String(60), index=True)
    state: Mapped[State] = mapped_column(String(12), index=True)
    search_text: Mapped[str] = mapped_column(Text)
    """Normalised questions, id and tags, for the editors' list."""
    tags_text: Mapped[str | None] = mapped_column(Text, default=None)
    """Each tag on a line of its own, lines before and after too, for exact filters."""
    valid_from: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    valid_to: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    """When the latest revision takes effect and ends, as moments."""
    author: Mapped[str] = mapped_column(String(40), default="", server_default="")
    """Who wrote the latest revision: somebody else must approve it."""
    version: Mapped[int] = mapped_column(default=1)
    latest_revision: Mapped[int] = mapped_column(default=1)
    """The revision editors see and go on from (after a roll-back not the last one written)."""
    revision_count: Mapped[int] = mapped_column(default=0)
    published_revision: Mapped[int | None] = mapped_column(default=None)
    touched: Mapped[bool] = mapped_column(default=True)
    """False while only the seed wrote it; the seed never overwrites people's work."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_by: Mapped[str] = mapped_column(String(40))
    updated_by_name: Mapped[str] = mapped_column(String(40))


class Revision(Base):
    """What one person wrote at one time. ``retired`` also marks revisions a later one replaced."""

    __tablename__ = "knowledge_revision"
    __table_args__ = (UniqueConstraint("entry_id", "number"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("knowledge_entry.id"), index=True)
    number: Mapped[int]
    state: Mapped[State] = mapped_column(String(12))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """``EntryContent`` as JSON."""
    author: Mapped[str] = mapped_column(String(40))
    author_name: Mapped[str] = mapped_column(String(40))
    approver: Mapped[str | None] = mapped_column(String(40), default=None)
    """The second person; None where nobody but its author saw it before customers did."""
    approver_name: Mapped[str | None] = mapped_column(String(40), default=None)
    published_by: Mapped[str | None] = mapped_column(String(40), default=None)
    note: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Snapshot(Base):
    """A published base. ``revisions`` maps entry id → revision number; one row is ``active``."""

    __tablename__ = "knowledge_snapshot"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    created_by: Mapped[str] = mapped_column(String(40))
    entries: Mapped[int]
    forms: Mapped[int]
    encoder: Mapped[str] = mapped_column(String(64))
    revisions: Mapped[dict[str, int]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=False, index=True)


class ReviewAct(Base):
    """One act of the four-eyes review, kept for good: who, what, with which words."""

    __tablename__ = "knowledge_review"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("knowledge_entry.id"), index=True)
    revision: Mapped[int]
    act: Mapped[Act] = mapped_column(String(12))
    comment: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(40))
    by_name: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Finding(Base):
    """Work for editors that came from outside; texts have their numbers masked.

    A ``miss`` has no answer (``best_entry`` was nearest), an ``unhelpful`` answer was
    ``best_entry``'s, a ``correction`` is a colleague's remark on ``best_entry``, with
    ``proposal`` as the better wording. The table is named for its first kind.
    """

    __tablename__ = "knowledge_miss"
    __table_args__ = (Index("ix_knowledge_miss_open", "resolved", "at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[FindingKind] = mapped_column(String(12), default="miss", server_default="miss")
    text: Mapped[str] = mapped_column(Text)
    """The customer's words; of a correction they may be empty."""
    conversation_id: Mapped[str | None] = mapped_column(String(40), default=None)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    best_score: Mapped[float] = mapped_column(default=0.0)
    best_entry: Mapped[str | None] = mapped_column(String(80), default=None)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    proposal: Mapped[str | None] = mapped_column(Text, default=None)
    created_by: Mapped[str | None] = mapped_column(String(40), default=None)
    created_by_name: Mapped[str | None] = mapped_column(String(40), default=None)
    assignee: Mapped[str | None] = mapped_column(String(40), default=None)
    assignee_name: Mapped[str | None] = mapped_column(String(40), default=None)
    resolved: Mapped[bool] = mapped_column(default=False)
    resolved_by: Mapped[str | None] = mapped_column(String(40), default=None)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    resolved_entry: Mapped[str | None] = mapped_column(String(80), default=None)


class Answered(Base):
    """One customer's question for which an entry came first, and what became of the answer.

    ``message_id`` is the bot's message that showed the answer; None where the bot asked back
    instead (``clarify``). ``others`` are the standard questions of the next hits.
    """

    __tablename__ = "knowledge_answer"
    __table_args__ = (
        Index("ix_knowledge_answer_entry", "entry_id", "at"),
        Index("ix_knowledge_answer_conversation", "conversation_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    message_id: Mapped[str | None] = mapped_column(String(40), unique=True, default=None)
    conversation_id: Mapped[str] = mapped_column(String(40))
    asked_seq: Mapped[int]
    """Sequence number of the customer's question in the conversation."""
    entry_id: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(Text)
    score: Mapped[float] = mapped_column(default=0.0)
    others: Mapped[list[str]] = mapped_column(JSON, default=list)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    helpful: Mapped[bool | None] = mapped_column(default=None)
    reacted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    handoff_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class GoldenQuestion(Base):
    """A question that must keep its answer (``entry_id``), or must stay unanswered (None)."""

    __tablename__ = "knowledge_golden"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    query: Mapped[str] = mapped_column(String(300), unique=True)
    entry_id: Mapped[str | None] = mapped_column(String(80), default=None)
    created_by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
