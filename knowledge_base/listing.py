"""The editors' list: filters, sorting, categories and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, func, or_, select

from core.clock import now
from core.database import Database
from knowledge_base.content import EntryContent
from knowledge_base.models import KnowledgeEntry, Revision, State
from knowledge_base.text import normalize
from knowledge_base.usage import figures

Effect = Literal["active", "upcoming", "expired"]
"""Whether an entry is inside its validity dates now."""
Sort = Literal[
    "updated", "question", "category", "asked", "answered", "helpful", "unhelpful", "handoffs"
]
_COLUMNS: dict[str, Any] = {
    "updated": KnowledgeEntry.updated_at,
    "question": KnowledgeEntry.question,
    "category": KnowledgeEntry.category,
}


@dataclass(frozen=True)
class EntryFilter:
    """What the list shows. ``state`` None means everything but retired entries.

    ``pending`` shows what the next publish would change, removals included. ``order`` None is the
    usual one: newest and most first, names from A.
    """

    q: str = ""
    category: str | None = None
    state: State | None = None
    pending: bool = False
    page: int = 1
    size: int = 20
    tag: str | None = None
    effect: Effect | None = None
    sort: Sort = "updated"
    order: Literal["asc", "desc"] | None = None


@dataclass(frozen=True)
class EntryView:
    """An entry with the content of its latest revision."""

    entry: KnowledgeEntry
    content: EntryContent

    @property
    def effect(self) -> Effect:
        return effect_of(self.entry, now())


def effect_of(entry: KnowledgeEntry, moment: datetime) -> Effect:
    """Where ``moment`` lies to the entry's dates."""
    if entry.valid_from is not None and moment < entry.valid_from:
        return "upcoming"
    return "expired" if entry.valid_to is not None and entry.valid_to <= moment else "active"


async def find_entries(database: Database, wanted: EntryFilter) -> tuple[list[EntryView], int]:
    """One page and the number of all that match."""
    query = _filtered(wanted)
    join = (Revision.entry_id == KnowledgeEntry.id) & (
        Revision.number == KnowledgeEntry.latest_revision
    )
    page = (
        _sorted(query.add_columns(Revision).join(Revision, join), wanted)
        .offset((wanted.page - 1) * wanted.size).limit(wanted.size)
    )  # fmt: skip
    async with database.reading() as session:
        total = await session.scalar(select(func.count()).select_from(query.subquery()))
        rows = (await session.execute(page)).all()
    return [EntryView(row[0], EntryContent.model_validate(row[1].content)) for row in rows], int(
        total or 0
    )


async def categories(database: Database) -> list[tuple[str, int]]:
    """(category, entries) in use, by name."""
    query = (
        select(KnowledgeEntry.category, func.count())
        .where(KnowledgeEntry.state != "retired")
        .group_by(KnowledgeEntry.category).order_by(KnowledgeEntry.category)
    )  # fmt: skip
    async with database.reading() as session:
        return [(name, int(count)) for name, count in (await session.execute(query)).all()]


async def tags(database: Database) -> list[tuple[str, int]]:
    """(tag, entries) in use, the most used first."""
    query = select(KnowledgeEntry.tags_text).where(
        KnowledgeEntry.state != "retired", KnowledgeEntry.tags_text != ""
    )
    async with database.reading() as session:
        texts = (await session.scalars(query)).all()
    counts = Counter(tag for text in texts for tag in (text or "").strip("\n").split("\n"))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def tag_lines(values: Sequence[str]) -> str:
    """Tags as ``KnowledgeEntry.tags_text`` holds them."""
    return f"\n{chr(10).join(values)}\n" if values else ""


def _filtered(wanted: EntryFilter) -> Select[Any]:
    query = select(KnowledgeEntry)
    if wanted.pending:
        open_removal = (KnowledgeEntry.state == "retired") & (
            KnowledgeEntry.published_revision.is_not(None)
        )
        unpublished = KnowledgeEntry.state.in_(("draft", "in_review", "approved"))
        query = query.where(unpublished | open_removal)
    elif wanted.state is None:
        query = query.where(KnowledgeEntry.state != "retired")
    else:
        query = query.where(KnowledgeEntry.state == wanted.state)
    if wanted.category is not None:
        query = query.where(KnowledgeEntry.category == wanted.category)
    if wanted.tag:
        query = query.where(
            KnowledgeEntry.tags_text.contains(tag_lines([wanted.tag]), autoescape=True)
        )
    if wanted.effect is not None:
        query = query.where(_in_effect(wanted.effect))
    for word in normalize(wanted.q).split():
        query = query.where(KnowledgeEntry.search_text.contains(word, autoescape=True))
    return query


def _in_effect(effect: Effect) -> Any:
    moment = now()
    begins, ends = KnowledgeEntry.valid_from, KnowledgeEntry.valid_to
    if effect == "upcoming":
        return begins > moment
    if effect == "expired":
        return (ends <= moment) & or_(begins.is_(None), begins <= moment)
    return or_(begins.is_(None), begins <= moment) & or_(ends.is_(None), ends > moment)


def _sorted(query: Select[Any], wanted: EntryFilter) -> Select[Any]:
    column = _COLUMNS.get(wanted.sort)
    usual = "asc" if wanted.sort in ("question", "category") else "desc"
    if column is None:
        counted = figures().subquery()
        query = query.outerjoin(counted, counted.c.entry_id == KnowledgeEntry.id)
        column = func.coalesce(counted.c[wanted.sort], 0)
    ordered = column.asc() if (wanted.order or usual) == "asc" else column.desc()
    return query.order_by(ordered, KnowledgeEntry.id)
