"""Shapes of the knowledge routes, requests and responses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from core.errors import InvalidInput
from knowledge_base.content import EntryContent, error_lines
from knowledge_base.inbox import Group
from knowledge_base.listing import Effect, EntryView
from knowledge_base.models import (
    Act,
    Finding,
    FindingKind,
    GoldenQuestion,
    ReviewAct,
    Revision,
    Snapshot,
    State,
)
from knowledge_base.usage import Usage

Listed = list[str | int | float]
Id = Annotated[str, BeforeValidator(lambda v: str(v) if type(v) is int else v)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class EntryBody(BaseModel):
    """An entry as an editor saves it. ``version`` is the one read before; without it the last
    save wins."""

    id: Id | None = None
    question: str = ""
    answer: str = ""
    category: str = ""
    similar: Listed = []
    negative: Listed = []
    rich: str | None = None
    follow_ups: Listed = []
    tags: Listed = []
    valid_from: str | None = None
    valid_to: str | None = None
    enabled: bool = True
    version: int | None = None

    def content(self) -> EntryContent:
        """Raises InvalidInput with Chinese messages."""
        return checked_content(self.model_dump(exclude={"id", "version"}))


def checked_content(data: dict[str, Any]) -> EntryContent:
    """Raises InvalidInput whose ``errors`` are Chinese lines."""
    try:
        return EntryContent.model_validate(data)
    except ValidationError as error:
        lines = error_lines(error.errors())
        raise InvalidInput("；".join(lines)[:500], errors=lines) from error


class Counts(BaseModel):
    """How often customers asked for an entry, and how it went."""

    asked: int = 0
    answered: int = 0
    helpful: int = 0
    unhelpful: int = 0
    handoffs: int = 0


class EntryOut(BaseModel):
    """An entry with the content editors see."""

    id: str
    question: str
    answer: str
    category: str
    similar: list[str]
    negative: list[str]
    rich: str | None
    follow_ups: list[str]
    tags: list[str]
    valid_from: str | None
    valid_to: str | None
    enabled: bool
    state: State
    version: int
    revision: int
    published_revision: int | None
    created_at: datetime
    updated_at: datetime
    updated_by: str
    updated_by_name: str
    author: str
    effect: Effect
    usage: Counts | None = None
    """Figures of the last 30 days; only in lists."""
    warnings: list[str] = []

    @classmethod
    def of(
        cls, view: EntryView, warnings: list[str] | None = None, usage: Usage | None = None
    ) -> EntryOut:
        entry = view.entry
        return cls(
            id=entry.id, state=entry.state, version=entry.version,
            revision=entry.latest_revision, published_revision=entry.published_revision,
            created_at=entry.created_at, updated_at=entry.updated_at,
            updated_by=entry.updated_by, updated_by_name=entry.updated_by_name,
            author=entry.author, effect=view.effect, warnings=warnings or [],
            usage=Counts(**usage.to_dict()) if usage else None, **view.content.model_dump(),
        )  # fmt: skip


class EntryPage(BaseModel):
    items: list[EntryOut]
    total: int
    page: int
    size: int


class RevisionOut(BaseModel):
    number: int
    state: State
    author: str
    author_name: str
    approver: str | None
    approver_name: str | None
    published_by: str | None
    note: str
    created_at: datetime
    published_at: datetime | None
    content: dict[str, Any]

    @classmethod
    def of(cls, row: Revision) -> RevisionOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class RollbackBody(BaseModel):
    revision: int = Field(ge=1)
    version: int | None = None


class ReviewBody(BaseModel):
    action: Literal["submit", "return", "approve"]
    comment: Words = ""
    version: int | None = None


class ActOut(BaseModel):
    revision: int
    act: Act
    comment: str
    by: str
    by_name: str
    at: datetime

    @classmethod
    def of(cls, row: ReviewAct) -> ActOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class CheckBody(BaseModel):
    """``entry_id`` is the entry being edited, which is left out of the comparison; with ``answer``
    contradictions are looked for too."""

    text: Annotated[str, StringConstraints(max_length=300)]
    entry_id: str | None = None
    answer: Annotated[str, StringConstraints(max_length=4000)] = ""


class PreviewBody(BaseModel):
    answer: Annotated[str, StringConstraints(max_length=4000)] = ""
    rich: Annotated[str, StringConstraints(max_length=4000)] | None = None


class PublishBody(BaseModel):
    """Without ``ids`` everything pending goes live. ``ignore_golden`` overrides golden questions,
    ``unreviewed`` the second person (``strict`` four eyes never allow it), ``force`` both."""

    ids: list[Id] | None = None
    force: bool = False
    ignore_golden: bool = False
    unreviewed: bool = False


class GoldenBody(BaseModel):
    query: Question
    entry_id: str | None = None


class GoldenOut(BaseModel):
    id: str
    query: str
    entry_id: str | None
    created_by: str
    at: datetime

    @classmethod
    def of(cls, row: GoldenQuestion) -> GoldenOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class SnapshotOut(BaseModel):
    version: str
    created_at: datetime
    created_by: str
    entries: int
    forms: int
    encoder: str
    active: bool

    @classmethod
    def of(cls, row: Snapshot) -> SnapshotOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class FindingOut(BaseModel):
    id: str
    kind: FindingKind
    text: str
    conversation_id: str | None
    at: datetime
    best_score: float
    best_entry: str | None
    note: str
    proposal: str | None
    created_by_name: str | None

    @classmethod
    def of(cls, row: Finding) -> FindingOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class MissClusterOut(BaseModel):
    text: str
    count: int
    last_at: datetime
    misses: list[FindingOut]


class WorkOut(BaseModel):
    """One piece of work in the inbox; ``findings`` are at most the newest 50 of ``ids``."""

    kind: FindingKind
    text: str
    count: int
    last_at: datetime
    entry_id: str | None
    question: str | None
    assignee: str | None
    assignee_name: str | None
    ids: list[str]
    findings: list[FindingOut]

    @classmethod
    def of(cls, group: Group, question: str | None) -> WorkOut:
        first = group.findings[0]
        return cls(
            kind=group.kind, text=group.text, count=len(group.findings), last_at=first.at,
            entry_id=group.entry_id, question=question, assignee=first.assignee,
            assignee_name=first.assignee_name, ids=[f.id for f in group.findings],
            findings=[FindingOut.of(finding) for finding in group.findings[:50]],
        )  # fmt: skip


class ResolveBody(BaseModel):
    ids: list[str] = Field(min_length=1, max_length=2000)
    entry_id: str | None = None


class AssignBody(BaseModel):
    """``mine`` takes the findings, its opposite gives them back to everybody."""

    ids: list[str] = Field(min_length=1, max_length=2000)
    mine: bool = True


class CorrectionBody(BaseModel):
    """A colleague's remark: the answer is wrong here (``note``), or reads better so (``proposal``)."""

    entry_id: Id
    note: Words = ""
    proposal: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] | None = (
        None
    )
    query: Annotated[str, StringConstraints(max_length=2000)] = ""
    conversation_id: Annotated[str, StringConstraints(max_length=40)] | None = None
