"""Entries and their revisions in SQL: the editors' side of the knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import new_id, now
from core.database import Database
from core.errors import Conflict, InvalidInput, NotFound
from knowledge_base.content import ID_PATTERN, EntryContent, moment
from knowledge_base.listing import EntryFilter, EntryView, find_entries, tag_lines
from knowledge_base.models import Act, Editor, KnowledgeEntry, ReviewAct, Revision, State
from knowledge_base.text import normalize

UNPUBLISHED: tuple[State, ...] = ("draft", "in_review", "approved")


class KnowledgeStore:
    """Creates, changes, retires and finds entries; all changes are revisions."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(
        self, entry_id: str | None, content: EntryContent, editor: Editor
    ) -> EntryView:
        """A new entry as a draft; a retired one of that id comes back to life.

        Raises:
            Conflict: the id is taken.
            InvalidInput: the id cannot be used.
        """
        entry_id = checked_id(entry_id) if entry_id else new_id("kb")
        async with self.database.transaction() as session:
            entry = await session.get(KnowledgeEntry, entry_id)
            if entry is not None and entry.state != "retired":
                raise Conflict(f"编号 {entry_id} 已经存在。", entry_id=entry_id)
            await write(session, entry, entry_id, content, editor)
        return await self.get(entry_id)

    async def save(
        self, entry_id: str, content: EntryContent, editor: Editor, version: int | None = None
    ) -> EntryView:
        """A new draft revision; the same content again changes nothing.

        Raises:
            Conflict: somebody saved since ``version`` was read; names who.
            NotFound: no such entry.
        """
        async with self.database.transaction() as session:
            entry = await find(session, entry_id)
            check_version(entry, version)
            await write(session, entry, entry_id, content, editor)
        return await self.get(entry_id)

    async def retire(self, entry_id: str, editor: Editor, version: int | None = None) -> None:
        """Takes the entry off the list; customers lose it at the next publish."""
        async with self.database.transaction() as session:
            entry = await find(session, entry_id)
            check_version(entry, version)
            await set_state(session, entry, "retired", editor)
            session.add(act_of(entry, "retire", editor))

    async def roll_back(
        self, entry_id: str, number: int, editor: Editor, version: int | None = None
    ) -> EntryView:
        """A new draft with the content of an older revision; works on retired entries too."""
        async with self.database.transaction() as session:
            entry = await find(session, entry_id, retired=True)
            check_version(entry, version)
            old = await _revision(session, entry_id, number)
            content = EntryContent.model_validate(old.content)
            await write(session, entry, entry_id, content, editor, note=f"恢复到第{number}版")
        return await self.get(entry_id)

    async def get(self, entry_id: str, retired: bool = False) -> EntryView:
        """Raises NotFound; retired entries are found only when asked for."""
        async with self.database.reading() as session:
            entry = await find(session, entry_id, retired)
            latest = await _revision(session, entry_id, entry.latest_revision)
        return EntryView(entry, EntryContent.model_validate(latest.content))

    async def find(self, wanted: EntryFilter) -> tuple[list[EntryView], int]:
        """One page and the number of all that match, see ``listing``."""
        return await find_entries(self.database, wanted)

    async def all_contents(self) -> list[EntryView]:
        """Every entry that is not retired, in order of id: what an export holds."""
        join = (Revision.entry_id == KnowledgeEntry.id) & (
            Revision.number == KnowledgeEntry.latest_revision
        )
        query = select(KnowledgeEntry, Revision).join(Revision, join)
        query = query.where(KnowledgeEntry.state != "retired").order_by(KnowledgeEntry.id)
        async with self.database.reading() as session:
            rows = (await session.execute(query)).all()
        return [EntryView(e, EntryContent.stored(r.content)) for e, r in rows]

    async def lines(self, entry_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What a list of changes shows of entries: id, question, category, state, who wrote it."""
        shown = ("id", "question", "category", "state", "author", "updated_by_name")
        found = []
        async with self.database.reading() as session:
            for start in range(0, len(entry_ids), 500):
                part = KnowledgeEntry.id.in_(entry_ids[start : start + 500])
                rows = await session.scalars(select(KnowledgeEntry).where(part))
                found += [{name: getattr(row, name) for name in shown} for row in rows.all()]
        return found

    async def questions(self, entry_ids: Sequence[str]) -> dict[str, str]:
        """Standard questions by entry id; unknown ids are left out."""
        lines = await self.lines(list(dict.fromkeys(entry_ids)))
        return {line["id"]: line["question"] for line in lines}

    async def complete(self) -> int:
        """Fills the list's columns of rows written before these existed; returns how many."""
        query = select(KnowledgeEntry).where(KnowledgeEntry.tags_text.is_(None))
        async with self.database.transaction() as session:
            rows = list((await session.scalars(query)).all())
            for entry in rows:
                latest = await _revision(session, entry.id, entry.latest_revision)
                show(entry, EntryContent.model_validate(latest.content), entry.state)
                entry.author = latest.author
        return len(rows)

    async def revisions(self, entry_id: str) -> list[Revision]:
        """All revisions, newest first; raises NotFound for an unknown entry."""
        query = select(Revision).where(Revision.entry_id == entry_id)
        async with self.database.reading() as session:
            await find(session, entry_id, retired=True)
            return list((await session.scalars(query.order_by(Revision.number.desc()))).all())

    async def compare(self, entry_id: str, left: int, right: int) -> list[dict[str, Any]]:
        """What differs between two revisions, see :func:`difference`."""
        async with self.database.reading() as session:
            old = await _revision(session, entry_id, left)
            new = await _revision(session, entry_id, right)
        return difference(old.content, new.content)


def checked_id(entry_id: str) -> str:
    """Raises InvalidInput unless the id is 1-80 plain characters (it stands in URLs and files)."""
    entry_id = entry_id.strip()
    if not ID_PATTERN.fullmatch(entry_id) or set(entry_id) <= {"."}:
        raise InvalidInput("编号只能是1到80个字符，不能含空格、斜杠、引号、? # % & < > 等符号。")
    return entry_id


def check_version(entry: KnowledgeEntry, version: int | None) -> None:
    """Raises Conflict, naming the other editor, when the entry changed since ``version``."""
    if version is not None and version != entry.version:
        raise Conflict(
            f"{entry.updated_by_name} 刚刚修改过这条知识，请刷新后再保存。",
            editor=entry.updated_by_name, version=entry.version,
        )  # fmt: skip


async def find(session: AsyncSession, entry_id: str, retired: bool = False) -> KnowledgeEntry:
    entry = await session.get(KnowledgeEntry, entry_id)
    if entry is None or (entry.state == "retired" and not retired):
        raise NotFound(f"没有编号为 {entry_id} 的知识。")
    return entry


async def _revision(session: AsyncSession, entry_id: str, number: int) -> Revision:
    query = select(Revision).where(Revision.entry_id == entry_id, Revision.number == number)
    found = await session.scalar(query)
    if found is None:
        raise NotFound(f"没有第 {number} 版。")
    return found


async def write(
    session: AsyncSession, entry: KnowledgeEntry | None, entry_id: str, content: EntryContent,
    editor: Editor, state: State = "draft", note: str = "",
) -> Revision | None:  # fmt: skip
    """Adds a revision (and the entry, if new); None when the content is the latest one already."""
    data = content.model_dump()
    written = now()
    if entry is None:
        entry = KnowledgeEntry(id=entry_id, created_at=written, version=0, revision_count=0)
        session.add(entry)
    else:
        latest = await _revision(session, entry_id, entry.latest_revision)
        if entry.state != "retired" and latest.content == data:
            return None
        if latest.state in UNPUBLISHED:
            latest.state = "retired"
    revision = Revision(
        id=new_id("rev"), entry_id=entry_id, number=entry.revision_count + 1, state=state,
        content=data, author=editor.id, author_name=editor.name, note=note, created_at=written,
    )  # fmt: skip
    entry.latest_revision = entry.revision_count = revision.number
    entry.author = editor.id
    show(entry, content, state)
    entry.touched = True
    _stamp(entry, editor)
    await session.flush()
    session.add(revision)
    return revision


async def set_state(
    session: AsyncSession, entry: KnowledgeEntry, state: State, editor: Editor
) -> None:
    """Moves the entry and its latest revision, unless customers are getting that very revision."""
    entry.state = state
    entry.touched = True
    _stamp(entry, editor)
    if entry.latest_revision != entry.published_revision:
        await session.execute(
            update(Revision)
            .where(Revision.entry_id == entry.id, Revision.number == entry.latest_revision)
            .values(state=state)
        )


def act_of(entry: KnowledgeEntry, act: Act, editor: Editor, comment: str = "") -> ReviewAct:
    """What somebody did to an entry just now, for its history."""
    return ReviewAct(
        id=new_id("act"), entry_id=entry.id, revision=entry.latest_revision, act=act,
        comment=comment, by=editor.id, by_name=editor.name, at=now(),
    )  # fmt: skip


def as_moment(value: str | None, end: bool = False) -> datetime | None:
    """A content's validity bound as the list filters by it."""
    seconds = moment(value, end)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def show(entry: KnowledgeEntry, content: EntryContent, state: State) -> None:
    """Sets what the editors' list shows of an entry."""
    entry.state = state
    for name, value in list_columns(entry.id, content).items():
        setattr(entry, name, value)


def list_columns(entry_id: str, content: EntryContent) -> dict[str, Any]:
    """The columns of an entry that repeat its content, for filters and search."""
    return {
        "question": content.question,
        "category": content.category,
        "search_text": _search_text(entry_id, content),
        "tags_text": tag_lines(content.tags),
        "valid_from": as_moment(content.valid_from),
        "valid_to": as_moment(content.valid_to, end=True),
    }


def _stamp(entry: KnowledgeEntry, editor: Editor) -> None:
    entry.version += 1
    entry.updated_at, entry.updated_by, entry.updated_by_name = now(), editor.id, editor.name


def _search_text(entry_id: str, content: EntryContent) -> str:
    texts = [content.question, *content.similar, content.category, *content.tags]
    return " ".join([entry_id.lower(), *(normalize(text) for text in texts)])


def difference(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Changed fields: {"field", "before", "after"} and, for lists, {"added", "removed"}."""
    changes = []
    for name in EntryContent.model_fields:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        change: dict[str, Any] = {"field": name, "before": before, "after": after}
        if isinstance(before, list) and isinstance(after, list):
            change["added"] = [item for item in after if item not in before]
            change["removed"] = [item for item in before if item not in after]
        changes.append(change)
    return changes
