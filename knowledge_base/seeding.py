"""Loads the corpus we ship (``knowledge_base/corpus/*.yml``) into an empty or older base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.database import Database
from knowledge_base.building import VectorCache
from knowledge_base.content import EntryContent
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.indexing import LOCAL, IndexStore
from knowledge_base.models import Editor, KnowledgeEntry
from knowledge_base.publishing import Publisher, PublishReport
from knowledge_base.seed_corpus import CORPUS, corpus_rows
from knowledge_base.snapshot import current_version
from knowledge_base.store import KnowledgeStore, write

SEED = Editor("seed", "系统初始化")


@dataclass(frozen=True)
class SeedReport:
    """What the seed did; ``kept`` are entries people edited, which it leaves alone."""

    created: int
    updated: int
    unchanged: int
    kept: int
    version: str | None


async def seed_knowledge(
    database: Database, knowledge_dir: Path, encoder: SentenceEncoder, say: Callable[[str], None],
    folder: Path = CORPUS, indexes: IndexStore = LOCAL,
) -> SeedReport:  # fmt: skip
    """Brings our corpus in as published entries; idempotent, and never over people's work.

    Encoding 2,000 question forms takes some ten seconds the first time; ``say`` hears of it.
    """
    cache = VectorCache(encoder, knowledge_dir / "vectors")
    publisher = Publisher(KnowledgeStore(database), knowledge_dir, encoder, cache, indexes=indexes)
    try:
        await KnowledgeStore(database).complete()
        changes = await _write_rows(database, list(corpus_rows(folder)))
        ids = [entry_id for entry_id, change in changes if change in ("created", "updated")]
        told = _Told(say)
        report: PublishReport | None
        if ids:
            report = await publisher.publish(SEED, ids, force=True, report=told)
        else:
            report = await publisher.ensure(SEED, told)
    finally:
        cache.close()
    count = Counter(change for _, change in changes)
    version = report.version if report else current_version(knowledge_dir)
    return SeedReport(
        count["created"], count["updated"], count["unchanged"], count["kept"], version
    )


async def refresh_published(
    database: Database, knowledge_dir: Path, encoder: SentenceEncoder, say: Callable[[str], None],
    indexes: IndexStore = LOCAL,
) -> None:  # fmt: skip
    """Rebuilds what is published when the encoder or its calibration changed; loads no corpus."""
    cache = VectorCache(encoder, knowledge_dir / "vectors")
    publisher = Publisher(KnowledgeStore(database), knowledge_dir, encoder, cache, indexes=indexes)
    try:
        await KnowledgeStore(database).complete()
        await publisher.ensure(SEED, _Told(say))
    finally:
        cache.close()


async def _write_rows(
    database: Database, rows: list[tuple[str, EntryContent]]
) -> list[tuple[str, str]]:
    changes = []
    async with database.transaction() as session:
        for entry_id, content in rows:
            entry = await session.get(KnowledgeEntry, entry_id)
            if entry is not None and entry.touched:
                changes.append((entry_id, "kept"))
                continue
            wrote = await write(session, entry, entry_id, content, SEED, note="初始知识")
            fresh = "created" if entry is None else "updated"
            changes.append((entry_id, fresh if wrote is not None else "unchanged"))
            (await session.get_one(KnowledgeEntry, entry_id)).touched = False
    return changes


class _Told:
    """Says how far encoding is, every tenth part."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = -1

    def __call__(self, done: int, total: int) -> None:
        part = done * 10 // max(total, 1)
        if part != self._last and total > 500:
            self._last = part
            self._say(f"  encoding knowledge: {done} of {total} texts")
