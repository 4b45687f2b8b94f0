"""What customers asked and the base could not answer, and the same grouped by meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, update

from core.clock import new_id, now
from core.database import Database
from core.security import mask
from knowledge_base.building import VectorCache
from knowledge_base.models import Miss
from knowledge_base.store import Editor
from knowledge_base.text import normalize

Vectors = npt.NDArray[np.float32]
SAME_MEANING = 0.62
"""Cosine, after the mean vector is taken out, from which two misses are about one thing."""
_MAX_CLUSTERED = 2000
_MAX_TEXT = 500


@dataclass(frozen=True)
class MissCluster:
    """Misses of one meaning, newest first; ``text`` is the one nearest to their centre."""

    text: str
    misses: list[Miss]


class MissLog:
    """Records misses and groups the open ones."""

    def __init__(self, database: Database, cache: VectorCache) -> None:
        self._database = database
        self._cache = cache

    async def record(
        self, text: str, conversation_id: str | None, best_score: float = 0.0,
        best_entry: str | None = None,
    ) -> None:  # fmt: skip
        """Stores one miss, numbers masked; texts with nothing to search for are left out."""
        if not normalize(text):
            return
        miss = Miss(
            id=new_id("miss"), text=mask(text)[:_MAX_TEXT], conversation_id=conversation_id,
            at=now(), best_score=best_score, best_entry=best_entry, resolved=False,
        )  # fmt: skip
        async with self._database.transaction() as session:
            session.add(miss)

    async def clusters(self, centre: Vectors | None = None) -> list[MissCluster]:
        """Open misses by meaning, the most frequent group first.

        Args:
            centre: mean vector of the published questions; by default that of the misses.
        """
        query = select(Miss).where(Miss.resolved.is_(False)).order_by(Miss.at.desc())
        async with self._database.reading() as session:
            misses = list((await session.scalars(query.limit(_MAX_CLUSTERED))).all())
        return await asyncio.to_thread(self._group, misses, centre)

    async def resolve(self, ids: Sequence[str], editor: Editor, entry_id: str | None) -> int:
        """Takes misses off the list, saying which entry answers them now; returns how many."""
        change = update(Miss).where(Miss.id.in_(ids), Miss.resolved.is_(False))
        change = change.values(resolved=True, resolved_by=editor.id, resolved_entry=entry_id)
        async with self._database.transaction() as session:
            result = await session.execute(change.returning(Miss.id))
            return len(result.all())

    def _group(self, misses: Sequence[Miss], centre: Vectors | None) -> list[MissCluster]:
        if not misses:
            return []
        vectors = self._cache.encode([normalize(miss.text) for miss in misses], "query")
        groups = group_by_meaning(vectors, vectors.mean(0) if centre is None else centre)
        clusters = [
            MissCluster(misses[middle].text, [misses[i] for i in members])
            for middle, members in groups
        ]
        return sorted(clusters, key=lambda c: -len(c.misses))


def group_by_meaning(
    vectors: Vectors, mean: Vectors, threshold: float = SAME_MEANING
) -> list[tuple[int, list[int]]]:
    """Greedy groups of unit vectors (n, d), ``mean`` taken out: (row nearest to the centre, rows
    of the group).

    Each row joins the nearest group whose running centre is near enough, else it begins one.
    """
    spread = vectors - mean
    spread = spread / np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1e-9)
    sums: list[Vectors] = []
    members: list[list[int]] = []
    for row, vector in enumerate(spread):
        nearness = [float(s @ vector / max(np.linalg.norm(s), 1e-9)) for s in sums]
        best = int(np.argmax(nearness)) if nearness else -1
        if best >= 0 and nearness[best] >= threshold:
            sums[best] = sums[best] + vector
            members[best].append(row)
        else:
            sums.append(vector.copy())
            members.append([row])
    return [
        (rows[int(np.argmax(spread[rows] @ centre))], rows)
        for centre, rows in zip(sums, members, strict=True)
    ]
