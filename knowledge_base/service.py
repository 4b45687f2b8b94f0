"""The knowledge base as the app holds it: store, publisher, searcher, misses, imports in one
object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from core.clock import new_id, now
from core.database import Database
from core.errors import Conflict, NotFound
from core.events import LiveBus
from knowledge_base.building import VectorCache
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.golden import GoldenFailure, failures
from knowledge_base.importing import Importer
from knowledge_base.misses import MissCluster, MissLog
from knowledge_base.models import GoldenQuestion
from knowledge_base.publishing import Publisher
from knowledge_base.search import KnowledgeSearcher, SearchResult
from knowledge_base.store import Editor, EntryFilter, KnowledgeStore
from knowledge_base.text import normalize

SAME, CLOSE = 0.9, 0.7
"""Closeness from which two questions are taken for the same, and for easily confused."""
_DRAFTS_COMPARED = 300


@dataclass(frozen=True)
class Neighbour:
    """An existing question near to one being written."""

    entry_id: str
    question: str
    matched_question: str
    score: float
    level: Literal["same", "close"]
    published: bool


class KnowledgeService:
    """What the app's routes use.

    Args:
        knowledge_dir: snapshots, vector cache and import reports live there.
        encoder: shared by searching and publishing.
    """

    def __init__(
        self, database: Database, knowledge_dir: Path, encoder: SentenceEncoder,
        bus: LiveBus | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._encoder = encoder
        self._cache = VectorCache(encoder, knowledge_dir / "vectors")
        self.store = KnowledgeStore(database)
        self.publisher = Publisher(self.store, knowledge_dir, encoder, self._cache, bus)
        self.searcher = KnowledgeSearcher(knowledge_dir, encoder)
        self.misses = MissLog(database, self._cache)
        self.importer = Importer(self.store, knowledge_dir / "imports")

    @property
    def ready(self) -> bool:
        """Whether the published base can be searched (an empty one can)."""
        self.searcher.base()
        return self.searcher.problem is None

    async def search(self, text: str, k: int = 5) -> SearchResult:
        """Searches the published base without holding up the event loop."""
        return await asyncio.to_thread(self.searcher.search, text, k)

    async def record_miss(
        self, text: str, conversation_id: str | None = None, best_score: float = 0.0,
        best_entry: str | None = None,
    ) -> None:  # fmt: skip
        """Remembers what the base could not answer."""
        await self.misses.record(text, conversation_id, best_score, best_entry)

    async def open_misses(self) -> list[MissCluster]:
        """What the base could not answer, by meaning, the most frequent first."""
        base = self.searcher.base()
        return await self.misses.clusters(None if base is None else base.form_mean)

    async def neighbours(self, text: str, besides: str | None = None) -> list[Neighbour]:
        """Published questions and drafts near to ``text`` in meaning, one an entry, nearest
        first.
        """
        drafts, _ = await self.store.find(EntryFilter(pending=True, size=_DRAFTS_COMPARED))
        forms = [
            (view.entry.id, view.content.question, form)
            for view in drafts if view.entry.state != "retired"
            for form in (view.content.question, *view.content.similar)
        ]  # fmt: skip
        found = await asyncio.to_thread(self._compare, text, forms)
        best: dict[str, Neighbour] = {}
        for item in sorted(found, key=lambda n: -n.score):
            if item.entry_id != besides and item.score >= CLOSE:
                best.setdefault(item.entry_id, item)
        return list(best.values())[:8]

    def _compare(self, text: str, drafts: Sequence[tuple[str, str, str]]) -> list[Neighbour]:
        folded = normalize(text)
        vector = self._encoder.encode([folded], "query")[0]
        base = self.searcher.base()
        found = []
        if base is not None:
            for entry, form, score in base.nearest_forms(vector, 30):
                found.append(_neighbour(folded, entry.entry_id, entry.question, form, score, True))
        vectors = self._cache.encode([normalize(form) for _, _, form in drafts], "query")
        for (entry_id, question, form), other in zip(drafts, vectors, strict=True):
            score = (
                base.closeness(vector, other) if base is not None else _stretched(vector @ other)
            )
            found.append(_neighbour(folded, entry_id, question, form, score, False))
        return found

    async def golden_questions(self) -> list[GoldenQuestion]:
        """All golden questions, oldest first."""
        async with self._database.reading() as session:
            query = select(GoldenQuestion).order_by(GoldenQuestion.at)
            return list((await session.scalars(query)).all())

    async def add_golden(self, query: str, entry_id: str | None, editor: Editor) -> GoldenQuestion:
        """Adds one; raises Conflict when it is there, NotFound for an unknown entry."""
        if entry_id is not None:
            await self.store.get(entry_id)
        row = GoldenQuestion(
            id=new_id("golden"), query=query, entry_id=entry_id, created_by=editor.id, at=now()
        )
        try:
            async with self._database.transaction() as session:
                session.add(row)
        except IntegrityError as error:
            raise Conflict("这个必过问题已经有了。") from error
        return row

    async def remove_golden(self, golden_id: str) -> None:
        """Raises NotFound when there is none of that id."""
        async with self._database.transaction() as session:
            gone = await session.execute(
                delete(GoldenQuestion)
                .where(GoldenQuestion.id == golden_id)
                .returning(GoldenQuestion.id)
            )
            if not gone.all():
                raise NotFound("没有这个必过问题。")

    async def run_golden(self) -> tuple[int, list[GoldenFailure]]:
        """Asks all golden questions of the base in force: (asked, failures)."""
        questions = await self.golden_questions()
        base = self.searcher.base()
        if base is None or not questions:
            return len(questions), []
        return len(questions), await asyncio.to_thread(failures, base, questions, self._cache)


def _stretched(cosine: float) -> float:
    # Without a base there is no mean to take out; this encoder's cosines begin near 0.75.
    return max(0.0, (float(cosine) - 0.75) / 0.25)


def _neighbour(
    text: str, entry_id: str, question: str, form: str, score: float, published: bool
) -> Neighbour:
    same = normalize(form) == text
    score = 1.0 if same else round(score, 4)
    return Neighbour(
        entry_id, question, form, score, "same" if score >= SAME else "close", published
    )
