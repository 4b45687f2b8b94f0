"""The knowledge base as the app holds it: store, publisher, searcher, misses, imports in one
object.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from core.clock import new_id, now
from core.database import Database
from core.errors import Conflict, NotFound
from core.events import LiveBus
from knowledge_base.building import VectorCache
from knowledge_base.duplicates import Duplicates
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.explaining import explain
from knowledge_base.golden import GoldenFailure, failures
from knowledge_base.import_jobs import ImportJobs
from knowledge_base.importing import Importer
from knowledge_base.inbox import Group, Inbox
from knowledge_base.indexing import LOCAL, IndexStore
from knowledge_base.models import Editor, FindingKind, GoldenQuestion
from knowledge_base.publishing import Publisher
from knowledge_base.review import Review
from knowledge_base.search import KnowledgeSearcher, SearchResult
from knowledge_base.store import KnowledgeStore
from knowledge_base.usage import UsageLog

FourEyes = Literal["on", "strict", "off"]
"""Whether author and approver must differ: ``on`` for everybody at the console, ``strict`` for
programs too and without exception, ``off`` for nobody."""


class KnowledgeService:
    """What the app's routes use.

    Args:
        knowledge_dir: snapshots, vector cache and import reports live there.
        encoder: shared by searching and publishing.
        four_eyes: who must have seen what goes live, see ``FourEyes``.
        indexes: where vectors are searched.
    """

    def __init__(
        self, database: Database, knowledge_dir: Path, encoder: SentenceEncoder,
        bus: LiveBus | None = None, four_eyes: FourEyes = "on", indexes: IndexStore = LOCAL,
    ) -> None:  # fmt: skip
        self._database = database
        self._encoder = encoder
        self._cache = VectorCache(encoder, knowledge_dir / "vectors")
        self.store = KnowledgeStore(database)
        self.publisher = Publisher(self.store, knowledge_dir, encoder, self._cache, bus, indexes)
        self.searcher = KnowledgeSearcher(knowledge_dir, encoder, indexes)
        self.inbox = Inbox(database, self._cache)
        self.usage = UsageLog(database)
        self.four_eyes = four_eyes
        self.review = Review(database, four_eyes != "off")
        self.duplicates = Duplicates(self.store, self.searcher, encoder, self._cache)
        self.importer = Importer(self.store, knowledge_dir / "imports", self._cache)
        self.imports = ImportJobs(self.importer, knowledge_dir / "imports")

    @property
    def ready(self) -> bool:
        """Whether the published base can be searched (an empty one can)."""
        self.searcher.base()
        return self.searcher.problem is None

    async def search(self, text: str, k: int = 5) -> SearchResult:
        """Searches the published base without holding up the event loop."""
        return await asyncio.to_thread(self.searcher.search, text, k)

    async def explain(self, text: str) -> dict[str, Any] | None:
        """The probabilities behind a decision, and the thresholds; None without a base."""
        return await asyncio.to_thread(explain, self.searcher.base(), self._encoder, text)

    async def record_miss(
        self, text: str, conversation_id: str | None = None, best_score: float = 0.0,
        best_entry: str | None = None,
    ) -> None:  # fmt: skip
        """Remembers what the base could not answer."""
        await self.inbox.record_miss(text, conversation_id, best_score, best_entry)

    async def work(self, kind: FindingKind, assignee: str | None = None) -> list[Group]:
        """Open findings of one kind as pieces of work, the largest first."""
        base = self.searcher.base()
        return await self.inbox.groups(kind, None if base is None else base.form_mean, assignee)

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
