"""The editors' inbox: what customers asked in vain, answers that did not help, colleagues' remarks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select, update

from core.clock import new_id, now
from core.database import Database
from core.security import mask
from knowledge_base.building import VectorCache
from knowledge_base.models import Answered, Editor, Finding, FindingKind
from knowledge_base.text import normalize

Vectors = npt.NDArray[np.float32]
SAME_MEANING = 0.62
"""Cosine, after the mean vector is taken out, from which two misses are about one thing."""
_MAX_GROUPED = 2000
_MAX_TEXT = 500


@dataclass(frozen=True)
class Group:
    """Findings that one piece of work settles, newest first.

    Misses of one meaning (``text`` is the one nearest to their centre), unhelpful answers of one
    entry, or one correction.
    """

    kind: FindingKind
    text: str
    findings: list[Finding]

    @property
    def entry_id(self) -> str | None:
        """The entry concerned; of misses only the nearest."""
        return self.findings[0].best_entry


class Inbox:
    """Records findings, groups the open ones, and lets editors take and finish them."""

    def __init__(self, database: Database, cache: VectorCache) -> None:
        self._database = database
        self._cache = cache

    async def record_miss(
        self, text: str, conversation_id: str | None, best_score: float = 0.0,
        best_entry: str | None = None,
    ) -> None:  # fmt: skip
        """Stores one miss, numbers masked; texts with nothing to search for are left out."""
        if not normalize(text):
            return
        miss = Finding(
            id=new_id("miss"), kind="miss", text=mask(text)[:_MAX_TEXT],
            conversation_id=conversation_id, at=now(), best_score=best_score,
            best_entry=best_entry, resolved=False,
        )  # fmt: skip
        async with self._database.transaction() as session:
            session.add(miss)

    async def record_correction(
        self, entry_id: str, person: Editor, note: str, proposal: str | None, text: str,
        conversation_id: str | None,
    ) -> Finding:  # fmt: skip
        """Stores a colleague's remark on an entry."""
        correction = Finding(
            id=new_id("fix"), kind="correction", text=mask(text)[:_MAX_TEXT], at=now(),
            conversation_id=conversation_id, best_entry=entry_id, note=note, proposal=proposal,
            created_by=person.id, created_by_name=person.name, resolved=False,
        )  # fmt: skip
        async with self._database.transaction() as session:
            session.add(correction)
        return correction

    async def groups(
        self, kind: FindingKind, centre: Vectors | None = None, assignee: str | None = None
    ) -> list[Group]:
        """Open findings as pieces of work, the largest first, then the newest.

        Args:
            centre: mean vector of the published questions; by default that of the misses.
            assignee: only what this editor took.
        """
        query = select(Finding).where(Finding.resolved.is_(False), Finding.kind == kind)
        if assignee is not None:
            query = query.where(Finding.assignee == assignee)
        async with self._database.reading() as session:
            rows = await session.scalars(query.order_by(Finding.at.desc()).limit(_MAX_GROUPED))
            found = list(rows.all())
        if kind == "miss":
            return await asyncio.to_thread(self._by_meaning, found, centre)
        if kind == "unhelpful":
            return _by_entry(found)
        return [Group("correction", finding.text, [finding]) for finding in found]

    async def counts(self) -> dict[str, int]:
        """Open findings by kind."""
        query = (
            select(Finding.kind, func.count())
            .where(Finding.resolved.is_(False)).group_by(Finding.kind)
        )  # fmt: skip
        async with self._database.reading() as session:
            found: dict[str, int] = {kind: int(n) for kind, n in await session.execute(query)}
        return {kind: found.get(kind, 0) for kind in ("miss", "unhelpful", "correction")}

    async def resolve(self, ids: Sequence[str], editor: Editor, entry_id: str | None) -> int:
        """Takes findings off the list, saying which entry settles them; returns how many."""
        return await self._change(
            ids, resolved=True, resolved_by=editor.id, resolved_at=now(), resolved_entry=entry_id
        )

    async def assign(self, ids: Sequence[str], editor: Editor | None) -> int:
        """Gives findings to an editor, or back to everybody; returns how many."""
        who = (editor.id, editor.name) if editor else (None, None)
        return await self._change(ids, assignee=who[0], assignee_name=who[1])

    async def _change(self, ids: Sequence[str], **values: Any) -> int:
        change = update(Finding).where(Finding.id.in_(ids), Finding.resolved.is_(False))
        async with self._database.transaction() as session:
            result = await session.execute(change.values(**values).returning(Finding.id))
            return len(result.all())

    def _by_meaning(self, misses: Sequence[Finding], centre: Vectors | None) -> list[Group]:
        if not misses:
            return []
        vectors = self._cache.encode([normalize(miss.text) for miss in misses], "query")
        groups = group_by_meaning(vectors, vectors.mean(0) if centre is None else centre)
        clusters = [
            Group("miss", misses[middle].text, [misses[i] for i in members])
            for middle, members in groups
        ]
        return sorted(clusters, key=lambda group: -len(group.findings))


def unhelpful(answer: Answered) -> Finding:
    """The inbox's side of an answer that did not help."""
    return Finding(
        id=new_id("miss"), kind="unhelpful", text=answer.query, at=now(),
        conversation_id=answer.conversation_id, best_score=answer.score,
        best_entry=answer.entry_id, resolved=False,
    )  # fmt: skip


def _by_entry(findings: Sequence[Finding]) -> list[Group]:
    entries: dict[str | None, list[Finding]] = {}
    for finding in findings:
        entries.setdefault(finding.best_entry, []).append(finding)
    groups = [Group("unhelpful", found[0].text, found) for found in entries.values()]
    return sorted(groups, key=lambda group: -len(group.findings))


def group_by_meaning(
    vectors: Vectors, mean: Vectors, threshold: float = SAME_MEANING
) -> list[tuple[int, list[int]]]:
    """Greedy groups of unit vectors (n, d), ``mean`` taken out: (row nearest to the centre, rows
    of the group).

    Each row joins the nearest group whose running centre is near enough, else it begins one.
    """
    spread = vectors - mean
    spread = spread / np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1e-9)
    sums = np.zeros_like(spread)
    lengths = np.ones(len(spread), np.float32)
    members: list[list[int]] = []
    for row, vector in enumerate(spread):
        known = len(members)
        nearness = sums[:known] @ vector / lengths[:known]
        best = int(np.argmax(nearness)) if known else -1
        if best < 0 or nearness[best] < threshold:
            best = known
            members.append([])
        members[best].append(row)
        sums[best] += vector
        lengths[best] = max(float(np.linalg.norm(sums[best])), 1e-9)
    return [
        (rows[int(np.argmax(spread[rows] @ sums[group]))], rows)
        for group, rows in enumerate(members)
    ]
