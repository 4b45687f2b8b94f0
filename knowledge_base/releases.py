"""What a publish changes in SQL: its plan, the marks it leaves, and the way back.

Statements carry many rows at a time, because customers' messages wait for these transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Base
from core.errors import InvalidInput
from knowledge_base.content import EntryContent
from knowledge_base.models import Editor, KnowledgeEntry, Revision, Snapshot
from knowledge_base.snapshot import BaseEntry
from knowledge_base.store import show

_PART = 500


@dataclass(frozen=True)
class Plan:
    """What the next snapshot holds: entry id → revision number, and which of that is new.

    ``waiting`` is left as customers have it, because nobody approved it yet.
    """

    target: dict[str, int]
    entries: list[BaseEntry]
    published: list[str]
    removed: list[str]
    waiting: list[str]


async def standings(session: AsyncSession) -> Sequence[Any]:
    """Where every entry stands, for ``plan_of``; whole objects would take ten times as long."""
    entry = KnowledgeEntry
    query = select(entry.id, entry.state, entry.latest_revision, entry.published_revision)
    return (await session.execute(query)).all()


def plan_of(rows: Iterable[Any], ids: set[str] | None, reviewed: bool) -> Plan:
    """What a publish of ``ids`` (None: of everything pending) would bring, contents left out.

    Args:
        rows: ``standings``.
    """
    target: dict[str, int] = {}
    published, removed, waiting = [], [], []
    for row in rows:
        chosen = ids is None or row.id in ids
        number = row.published_revision
        if chosen and row.state == "retired":
            if number is not None:
                removed.append(row.id)
            continue
        if chosen and number != row.latest_revision:
            if reviewed and row.state != "approved":
                waiting.append(row.id)
            else:
                number = row.latest_revision
                published.append(row.id)
        if number is not None:
            target[row.id] = number
    return Plan(target, [], published, removed, waiting)


async def contents(session: AsyncSession, target: dict[str, int]) -> list[BaseEntry]:
    """The entries that a snapshot of ``target`` serves, by id."""
    found = await _contents_of(session, target)
    return await asyncio.to_thread(_served, found, target)


async def _contents_of(session: AsyncSession, target: dict[str, int]) -> dict[str, dict[str, Any]]:
    """Contents by entry id of the revisions that ``target`` names."""
    found: dict[str, dict[str, Any]] = {}
    ids = list(target)
    for start in range(0, len(ids), _PART):
        query = select(Revision.entry_id, Revision.number, Revision.content).where(
            Revision.entry_id.in_(ids[start : start + _PART])
        )
        rows = (await session.execute(query)).all()
        found.update((i, content) for i, number, content in rows if target[i] == number)
    return found


def _served(contents: dict[str, dict[str, Any]], target: dict[str, int]) -> list[BaseEntry]:
    """Entries as customers get them, by id; what editors switched off is left out."""
    pairs = ((entry_id, EntryContent.stored(data)) for entry_id, data in contents.items())
    entries = [c.to_base_entry(i, target[i]) for i, c in pairs if c.enabled]
    return sorted(entries, key=lambda entry: entry.entry_id)


async def mark(session: AsyncSession, plan: Plan, editor: Editor) -> None:
    """Marks what goes live; an entry saved again meanwhile keeps its newer draft."""
    entries = await _entries(session, [*plan.published, *plan.removed])
    before = [(entry.id, entry.published_revision) for entry in entries.values()]
    await _set_revisions(session, before, state="retired")
    after = [(entry_id, plan.target[entry_id]) for entry_id in plan.published]
    await _set_revisions(
        session, after, state="published", published_by=editor.id, published_at=now()
    )
    for entry_id, number in after:
        entry = entries[entry_id]
        entry.published_revision = number
        if entry.latest_revision == number and entry.state != "retired":
            entry.state = "published"
    for entry_id in plan.removed:
        entries[entry_id].published_revision = None


async def _entries(session: AsyncSession, ids: Sequence[str]) -> dict[str, KnowledgeEntry]:
    found: dict[str, KnowledgeEntry] = {}
    for start in range(0, len(ids), _PART):
        part = KnowledgeEntry.id.in_(ids[start : start + _PART])
        rows = await session.scalars(select(KnowledgeEntry).where(part))
        found.update((row.id, row) for row in rows.all())
    return found


async def _set_revisions(
    session: AsyncSession, numbers: Iterable[tuple[str, int | None]], **values: Any
) -> None:
    """Sets columns of many revisions, named by entry and number; None names none."""
    table = Base.metadata.tables[Revision.__tablename__]
    rows = [{"of": entry_id, "nr": number} for entry_id, number in numbers if number is not None]
    if not rows:
        return
    columns = table.c
    named = (columns.entry_id == bindparam("of")) & (columns.number == bindparam("nr"))
    change = update(table).where(named).values(**values)
    connection = await session.connection()
    await connection.execute(change, rows)


async def activate(session: AsyncSession, row: Snapshot) -> None:
    """Makes ``row`` the one snapshot that is in force."""
    await session.execute(update(Snapshot).where(Snapshot.active).values(active=False))
    row.active = True
    await session.flush()


async def restore(session: AsyncSession, row: Snapshot, editor: Editor) -> None:
    """Makes the tables say what the snapshot holds; drafts not yet published stay drafts."""
    wanted = row.revisions
    entries = (await session.scalars(select(KnowledgeEntry))).all()
    changed = [e for e in entries if wanted.get(e.id) != e.published_revision]
    before = [(entry.id, entry.published_revision) for entry in changed]
    await _set_revisions(session, before, state="retired")
    after = [(entry.id, wanted.get(entry.id)) for entry in changed]
    await _set_revisions(session, after, state="published")
    seen = [e for e in changed if e.latest_revision == e.published_revision or e.state == "retired"]
    contents = await _contents_of(session, {e.id: wanted[e.id] for e in seen if e.id in wanted})
    for entry in changed:
        entry.published_revision = wanted.get(entry.id)
        entry.version += 1
        entry.updated_at, entry.updated_by = now(), editor.id
        entry.updated_by_name = editor.name
    for entry in seen:
        _show_revision(entry, wanted.get(entry.id), contents.get(entry.id))


def _show_revision(
    entry: KnowledgeEntry, wanted: int | None, content: dict[str, Any] | None
) -> None:
    if wanted is None:
        entry.state = "retired"
        return
    if content is None:
        raise InvalidInput(f"{entry.id} 的第 {wanted} 版已经不在。")
    entry.latest_revision = wanted
    show(entry, EntryContent.stored(content), "published")
