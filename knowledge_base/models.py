"""Tables of the knowledge base. Every save is a new revision; nothing an editor wrote is lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime

State = Literal["draft", "in_review", "published", "retired"]


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


class Miss(Base):
    """Something a customer asked that the base could not answer (numbers masked)."""

    __tablename__ = "knowledge_miss"
    __table_args__ = (Index("ix_knowledge_miss_open", "resolved", "at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    conversation_id: Mapped[str | None] = mapped_column(String(40), default=None)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    best_score: Mapped[float] = mapped_column(default=0.0)
    best_entry: Mapped[str | None] = mapped_column(String(80), default=None)
    resolved: Mapped[bool] = mapped_column(default=False)
    resolved_by: Mapped[str | None] = mapped_column(String(40), default=None)
    resolved_entry: Mapped[str | None] = mapped_column(String(80), default=None)


class GoldenQuestion(Base):
    """A question that must keep its answer (``entry_id``), or must stay unanswered (None)."""

    __tablename__ = "knowledge_golden"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    query: Mapped[str] = mapped_column(String(300), unique=True)
    entry_id: Mapped[str | None] = mapped_column(String(80), default=None)
    created_by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
