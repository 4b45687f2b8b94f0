"""Writes many drafts at once. What takes time is computed before the database is held, so that
customers' messages never wait for an import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import new_id, now
from core.database import Database
from core.errors import Conflict
from knowledge_base.content import EntryContent
from knowledge_base.models import Editor, KnowledgeEntry, Revision
from knowledge_base.store import UNPUBLISHED, list_columns

Change = Literal["created", "updated", "unchanged"]
Rows = Sequence[tuple[str, EntryContent]]
Tell = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""
NOTE = "导入"
_TRIES = 3
_PART = 500


@dataclass
class _Work:
    """What will be written: column values by table, and the versions it rests on."""

    changes: list[Change] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    new_entries: list[dict[str, Any]] = field(default_factory=list)
    old_entries: list[dict[str, Any]] = field(default_factory=list)
    revisions: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[dict[str, Any]] = field(default_factory=list)


def _silent(done: int, total: int) -> None:
    return None


async def apply_rows(
    database: Database, rows: Rows, editor: Editor, dry_run: bool = False, tell: Tell = _silent
) -> list[Change]:
    """Creates or updates drafts, all or none of them.

    Args:
        dry_run: only say what would happen.

    Raises:
        Conflict: others kept saving the same entries meanwhile.
    """
    for _ in range(_TRIES):
        async with database.reading() as session:
            known = await _latest(session, [entry_id for entry_id, _ in rows])
        work = await asyncio.to_thread(_prepare, rows, known, editor, tell)
        if dry_run or not work.revisions:
            return work.changes
        async with database.transaction() as session:
            if await _unchanged(session, work):
                await _write(session, work)
                return work.changes
    raise Conflict("导入期间有人在修改同样的条目，请稍后再导入一次。")


async def _latest(
    session: AsyncSession, ids: Sequence[str]
) -> dict[str, tuple[KnowledgeEntry, Revision]]:
    found = {}
    join = (Revision.entry_id == KnowledgeEntry.id) & (
        Revision.number == KnowledgeEntry.latest_revision
    )
    for start in range(0, len(ids), _PART):
        part = KnowledgeEntry.id.in_(ids[start : start + _PART])
        query = select(KnowledgeEntry, Revision).join(Revision, join).where(part)
        for entry, revision in (await session.execute(query)).all():
            found[entry.id] = (entry, revision)
    return found


def _prepare(
    rows: Rows, known: dict[str, tuple[KnowledgeEntry, Revision]], editor: Editor, tell: Tell
) -> _Work:
    work = _Work()
    for number, (entry_id, given) in enumerate(rows, start=1):
        entry, latest = known.get(entry_id, (None, None))
        _add(work, entry_id, given, entry, latest, editor)
        if number % _PART == 0 or number == len(rows):
            tell(number, len(rows))
    return work


def _add(
    work: _Work, entry_id: str, given: EntryContent, entry: KnowledgeEntry | None,
    latest: Revision | None, editor: Editor,
) -> None:  # fmt: skip
    content = _merged(latest, given)
    data = content.model_dump()
    moment = now()
    number = 1
    values: dict[str, Any] = {
        "id": entry_id, **list_columns(entry_id, content), "state": "draft", "touched": True,
        "author": editor.id, "updated_at": moment, "updated_by": editor.id,
        "updated_by_name": editor.name,
    }  # fmt: skip
    if entry is None or latest is None:
        work.changes.append("created")
        work.new_entries.append({
            **values, "created_at": moment, "version": 1, "latest_revision": 1,
            "revision_count": 1, "published_revision": None,
        })  # fmt: skip
    elif latest.content == data and entry.state != "retired":
        work.changes.append("unchanged")
        return
    else:
        number = entry.revision_count + 1
        work.changes.append("updated")
        work.versions[entry_id] = entry.version
        work.old_entries.append({
            **values, "version": entry.version + 1, "latest_revision": number,
            "revision_count": number,
        })  # fmt: skip
        if latest.state in UNPUBLISHED:
            work.replaced.append({"id": latest.id, "state": "retired"})
    work.revisions.append({
        "id": new_id("rev"), "entry_id": entry_id, "number": number, "state": "draft",
        "content": data, "author": editor.id, "author_name": editor.name, "note": NOTE,
        "created_at": moment,
    })  # fmt: skip


async def _unchanged(session: AsyncSession, work: _Work) -> bool:
    """Whether nobody touched the same entries since they were read."""
    wanted = [*work.versions, *(row["id"] for row in work.new_entries)]
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _PART):
        part = KnowledgeEntry.id.in_(wanted[start : start + _PART])
        rows = await session.execute(select(KnowledgeEntry.id, KnowledgeEntry.version).where(part))
        found.update((entry_id, version) for entry_id, version in rows)
    return found == work.versions


async def _write(session: AsyncSession, work: _Work) -> None:
    for table, rows in ((KnowledgeEntry, work.new_entries), (Revision, work.revisions)):
        for start in range(0, len(rows), _PART):
            await session.execute(insert(table), rows[start : start + _PART])
    for table, rows in ((KnowledgeEntry, work.old_entries), (Revision, work.replaced)):
        for start in range(0, len(rows), _PART):
            await session.execute(update(table), rows[start : start + _PART])


def _merged(latest: Revision | None, content: EntryContent) -> EntryContent:
    """``content`` with the fields its row did not mention taken from the latest revision."""
    if latest is None:
        return content
    given = {name: getattr(content, name) for name in content.model_fields_set}
    try:
        return EntryContent.model_validate({**latest.content, **given})
    except ValidationError:
        # What was kept contradicts what is new; the row is right.
        return content
