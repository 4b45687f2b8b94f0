"""Puts drafts before customers: builds a snapshot, tests it, and swaps it in at one moment.

SQL is the truth. The folder is written first, then one transaction marks the revisions and, as
its last act before the commit, moves the pointer; ``reconcile`` puts a pointer right that a crash
left ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from sqlalchemy import func, select

from core import events, redis_keys
from core.clock import now
from core.errors import Conflict, NotFound, Unavailable
from core.events import LiveBus
from knowledge_base.building import Progress, VectorCache
from knowledge_base.calibrate import model_for
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.golden import GoldenFailure, failures
from knowledge_base.index import IndexUnavailable
from knowledge_base.indexing import LOCAL, IndexStore
from knowledge_base.merging import rebuilt
from knowledge_base.models import Editor, GoldenQuestion, KnowledgeEntry, Snapshot
from knowledge_base.phrasings import phrasings_of
from knowledge_base.ranking import default_model
from knowledge_base.releases import Plan, activate, contents, mark, plan_of, restore, standings
from knowledge_base.search import LoadedBase
from knowledge_base.snapshot import (
    META,
    BaseEntry,
    SnapshotContent,
    SnapshotError,
    current_version,
    point_to,
    read_content,
    read_meta,
    snapshot_folder,
    write_content,
)
from knowledge_base.store import KnowledgeStore

log = structlog.get_logger(__name__)
KEPT_SNAPSHOTS = 5


def _silent(done: int, total: int) -> None:
    return None


class PublishRefused(Conflict):
    """Golden questions would no longer get their answers; ``data`` lists them."""

    code, title = "golden_questions_failed", "有必过问题没有通过，本次没有发布。"


class ReviewNeeded(Conflict):
    """Nobody but its author has seen what should go live; ``data`` lists it."""

    code, title = "review_needed", "还没有另一位编辑审核通过，本次没有发布。"


@dataclass(frozen=True)
class Preview:
    """What a publish would do now. Ids, by what would happen to them."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    waiting: list[str]
    golden_asked: int = 0
    golden_failures: list[GoldenFailure] = field(default_factory=list)


@dataclass(frozen=True)
class PublishReport:
    """What a publish did. ``version`` stays the old one when there was nothing to do."""

    version: str | None
    published: list[str]
    removed: list[str]
    entries: int
    forms: int
    golden_failures: list[GoldenFailure] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


class Publisher:
    """Publishes and rolls back; one at a time over all processes that share the folder."""

    def __init__(
        self, store: KnowledgeStore, knowledge_dir: Path, encoder: SentenceEncoder,
        cache: VectorCache, bus: LiveBus | None = None, indexes: IndexStore = LOCAL,
    ) -> None:  # fmt: skip
        self._store = store
        self._database = store.database
        self._dir = knowledge_dir
        self._encoder = encoder
        self._cache = cache
        self._bus = bus
        self._indexes = indexes
        self._lock = asyncio.Lock()
        self.progress: tuple[int, int] | None = None
        """(texts encoded, texts to encode) while a publish of this process runs."""

    async def publish(
        self, editor: Editor, ids: Sequence[str] | None = None, force: bool = False,
        report: Progress | None = None, reviewed: bool = False,
    ) -> PublishReport:  # fmt: skip
        """Publishes all drafts and removals, or only those of ``ids``.

        Args:
            reviewed: only what a second person approved goes live; removals always do, because
                a wrong answer must be gone at once.

        Raises:
            NotFound: one of ``ids`` does not exist.
            PublishRefused: golden questions fail and ``force`` is off.
            ReviewNeeded: nobody approved one of ``ids``, or anything at all.
            Conflict: another publish is running.
        """
        async with self._alone():
            await self._reconcile()
            plan = await self._plan(ids, reviewed)
            if plan.waiting and (ids is not None or not (plan.published or plan.removed)):
                raise ReviewNeeded(waiting=plan.waiting)
            if not plan.published and not plan.removed and self._in_force():
                return await self._nothing_new()
            return await self._bring_live(plan, editor, force, report)

    async def preview(self, reviewed: bool = False, golden: bool = True) -> Preview:
        """What a publish of everything pending would change; asks the golden questions of it.

        Args:
            golden: off saves building the base (and encoding what is new).
        """
        plan = await self._plan(None, reviewed)
        async with self._database.reading() as session:
            live = select(KnowledgeEntry.id).where(KnowledgeEntry.published_revision.is_not(None))
            known = set((await session.scalars(live)).all())
            asked = int(await session.scalar(select(func.count(GoldenQuestion.id))) or 0)
        failed: list[GoldenFailure] = []
        if golden and asked and (plan.published or plan.removed):
            content = await asyncio.to_thread(self._build, plan.entries, _silent)
            failed = await self._golden(content)
        return Preview(
            [i for i in plan.published if i not in known],
            [i for i in plan.published if i in known],
            plan.removed, plan.waiting, asked, failed,
        )  # fmt: skip

    async def ensure(self, editor: Editor, report: Progress | None = None) -> PublishReport | None:
        """Rebuilds the published base where its snapshot is missing, or is another encoder's or
        calibration's; drafts stay drafts. None when all is well."""
        async with self._alone():
            await self._reconcile()
            if self._in_force():
                await self._index_again(current_version(self._dir))
                return None
            plan = await self._plan([])
            if not plan.target:
                return None
            return await self._bring_live(plan, editor, True, report)

    async def roll_back(self, version: str, editor: Editor) -> None:
        """Makes a kept snapshot the one in force again; what replaced it becomes retired revisions.

        Raises:
            NotFound: no such snapshot.
            Conflict: its files are gone, or another encoder made it.
        """
        async with self._alone():
            await self._reconcile()
            try:
                meta = await asyncio.to_thread(read_meta, snapshot_folder(self._dir, version))
            except SnapshotError as error:
                raise NotFound("这个版本的快照已经不在了。") from error
            if meta.encoder != self._encoder.fingerprint:
                raise Conflict("这个版本由旧的编码模型生成，不能直接恢复。")
            await self._index_again(version)
            async with self._database.transaction() as session:
                row = await session.get(Snapshot, version)
                if row is None:
                    raise NotFound("没有这个版本。")
                await restore(session, row, editor)
                await activate(session, row)
                await asyncio.to_thread(point_to, self._dir, version)
        await self._announce(version)

    async def snapshots(self) -> list[Snapshot]:
        """Kept snapshots, newest first."""
        query = select(Snapshot).order_by(Snapshot.created_at.desc()).limit(KEPT_SNAPSHOTS * 4)
        async with self._database.reading() as session:
            rows = (await session.scalars(query)).all()
        return [row for row in rows if snapshot_folder(self._dir, row.version).exists()]

    async def _bring_live(
        self, plan: Plan, editor: Editor, force: bool, report: Progress | None
    ) -> PublishReport:
        def told(done: int, total: int) -> None:
            self.progress = (done, total)
            if report:
                report(done, total)

        try:
            content = await asyncio.to_thread(self._build, plan.entries, told)
            failed = await self._golden(content)
            if failed and not force:
                raise PublishRefused(failures=[failure.to_dict() for failure in failed])
            folder = snapshot_folder(self._dir, content.meta.version)
            # The folder comes first: by it a crash's left-overs are found, wherever they are.
            await asyncio.to_thread(write_content, folder, content)
            await self._index_new(content, folder)
            await self._commit(plan, content, editor)
        finally:
            self.progress = None
        await asyncio.to_thread(self._prune)
        await self._announce(content.meta.version)
        return PublishReport(
            content.meta.version, plan.published, plan.removed, content.meta.entries,
            content.meta.forms, failed, plan.waiting,
        )  # fmt: skip

    async def _index(self, content: SnapshotContent) -> None:
        try:
            await asyncio.to_thread(self._indexes.publish, content)
        except IndexUnavailable as error:
            raise Unavailable(f"{error}，本次没有发布。") from error

    async def _index_new(self, content: SnapshotContent, folder: Path) -> None:
        try:
            await self._index(content)
        except BaseException:
            # Without it the folder is a left-over that the next publish clears away.
            (folder / META).unlink(missing_ok=True)
            raise

    async def _index_again(self, version: str | None) -> None:
        """Takes a kept version into the index store, where that does not know it yet."""
        if version is None:
            return
        try:
            if await asyncio.to_thread(self._indexes.holds, version):
                return
        except IndexUnavailable as error:
            log.warning("vector_index_unavailable", version=version, problem=str(error))
            return
        folder = snapshot_folder(self._dir, version)
        await self._index(await asyncio.to_thread(read_content, folder, self._encoder.fingerprint))

    def _build(self, entries: list[BaseEntry], tell: Progress) -> SnapshotContent:
        ranking = model_for(entries, self._encoder, self._cache)
        return rebuilt(entries, self._cache, self._encoder, ranking, tell, self._dir)

    async def _golden(self, content: SnapshotContent) -> list[GoldenFailure]:
        async with self._database.reading() as session:
            questions = list((await session.scalars(select(GoldenQuestion))).all())
        if not questions:
            return []
        memory = phrasings_of(self._encoder)
        base = await asyncio.to_thread(LoadedBase, content, LOCAL, memory)
        return await asyncio.to_thread(failures, base, questions, self._cache)

    async def _commit(self, plan: Plan, content: SnapshotContent, editor: Editor) -> None:
        previous = current_version(self._dir)
        meta = content.meta
        try:
            async with self._database.transaction() as session:
                row = Snapshot(
                    version=meta.version, created_at=now(), created_by=editor.id,
                    entries=meta.entries, forms=meta.forms, encoder=meta.encoder,
                    revisions=plan.target, active=False,
                )  # fmt: skip
                session.add(row)
                await session.flush()
                await mark(session, plan, editor)
                await activate(session, row)
                await asyncio.to_thread(point_to, self._dir, meta.version)
        except BaseException:
            if previous is not None and current_version(self._dir) == meta.version:
                point_to(self._dir, previous)
            raise

    async def _plan(self, ids: Sequence[str] | None, reviewed: bool = False) -> Plan:
        async with self._database.reading() as session:
            rows = await standings(session)
            known = {row.id for row in rows}
            missing = [i for i in ids or [] if i not in known]
            if missing:
                raise NotFound(f"没有编号为 {missing[0]} 的知识。", ids=missing)
            plan = plan_of(rows, None if ids is None else set(ids), reviewed)
            entries = await contents(session, plan.target)
        # A revision that editors switched off is published, but customers do not get it.
        return replace(plan, entries=entries)

    def _in_force(self) -> bool:
        version = current_version(self._dir)
        if version is None:
            return False
        try:
            meta = read_meta(snapshot_folder(self._dir, version))
        except SnapshotError:
            return False
        shipped = default_model(self._encoder.fingerprint)
        made_by = (self._encoder.fingerprint, phrasings_of(self._encoder).digest)
        same = (meta.encoder, meta.phrasings) == made_by
        return same and (shipped is None or meta.ranking == shipped)

    async def _nothing_new(self) -> PublishReport:
        version = current_version(self._dir)
        meta = read_meta(snapshot_folder(self._dir, version or ""))
        return PublishReport(version, [], [], meta.entries, meta.forms)

    async def _reconcile(self) -> None:
        async with self._database.reading() as session:
            active = await session.scalar(select(Snapshot.version).where(Snapshot.active))
        if active is None or current_version(self._dir) == active:
            return
        with contextlib.suppress(SnapshotError):
            await asyncio.to_thread(point_to, self._dir, active)
            log.warning("knowledge_pointer_restored", version=active)

    def _prune(self) -> None:
        """Keeps the newest snapshots; folders a crash left incomplete go too."""
        kept = current_version(self._dir)
        folders = sorted((self._dir / "snapshots").iterdir(), reverse=True)
        complete = [f for f in folders if (f / META).exists()]
        for folder in folders:
            if folder not in complete[:KEPT_SNAPSHOTS] and folder.name != kept:
                try:
                    self._indexes.drop(folder.name)
                except IndexUnavailable as error:
                    # The folder stays, and so reminds the next publish.
                    log.warning("vectors_not_dropped", version=folder.name, problem=str(error))
                    continue
                shutil.rmtree(folder, ignore_errors=True)

    async def _announce(self, version: str) -> None:
        if self._bus is not None:
            await self._bus.publish(
                redis_keys.KNOWLEDGE_CHANNEL, events.KNOWLEDGE_PUBLISHED, version=version
            )

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._lock.locked():
            raise Conflict("另一次发布正在进行，请稍候再试。")
        async with self._lock:
            self._dir.mkdir(parents=True, exist_ok=True)
            with (self._dir / "publish.lock").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise Conflict("另一次发布正在进行，请稍候再试。") from error
                yield
