"""Nearest vectors by inner product: the interface, an exact in-memory version and FAISS.

A base that outgrows one machine gets another class with the same contract
(``tests/knowledge_base/index_contract.py`` states it).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
NO_KEY = -1


@runtime_checkable
class VectorIndex(Protocol):
    """Holds unit vectors under integer keys."""

    dimension: int

    def __len__(self) -> int: ...

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Adds vectors of shape (n, dimension) under ``keys`` (n,), non-negative and unique.

        Raises:
            ValueError: the shapes do not fit.
        """

    def remove(self, keys: Keys) -> int:
        """Removes what is there of ``keys``; returns how many went."""

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        """The ``k`` nearest of each query, best first: (scores, keys), each of shape (n, k).

        Missing places hold key -1 and score -inf.
        """


def _checked(keys: Keys, vectors: Vectors, dimension: int) -> tuple[Keys, Vectors]:
    if vectors.ndim != 2 or vectors.shape[1] != dimension or len(keys) != len(vectors):
        raise ValueError(f"{len(keys)} keys and vectors {vectors.shape} for dimension {dimension}")
    return (
        np.ascontiguousarray(keys, np.int64),
        np.ascontiguousarray(vectors, np.float32),
    )


class MemoryIndex:
    """Exact search with numpy: the reference for others, and enough for some thousand vectors."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._keys: Keys = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, dimension), np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        keys, vectors = _checked(keys, vectors, self.dimension)
        self._keys = np.concatenate([self._keys, keys])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, keys: Keys) -> int:
        stays = ~np.isin(self._keys, keys)
        gone = len(stays) - int(stays.sum())
        self._keys, self._vectors = self._keys[stays], self._vectors[stays]
        return gone

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        scores = np.full((len(queries), k), -np.inf, np.float32)
        keys = np.full((len(queries), k), NO_KEY, np.int64)
        found = queries @ self._vectors.T
        width = min(k, len(self))
        order = np.argsort(-found, axis=1, kind="stable")[:, :width]
        scores[:, :width] = np.take_along_axis(found, order, axis=1)
        keys[:, :width] = self._keys[order]
        return scores, keys


class FaissIndex:
    """FAISS (Johnson et al. 2017), exact ``IndexFlatIP`` under a key map."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self.dimension = dimension
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        keys, vectors = _checked(keys, vectors, self.dimension)
        if len(keys):
            self._index.add_with_ids(vectors, keys)

    def remove(self, keys: Keys) -> int:
        import faiss

        selector = faiss.IDSelectorBatch(np.ascontiguousarray(keys, np.int64))
        return int(self._index.remove_ids(selector))

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        import faiss

        # One query at a time is far faster without a team of threads (0.05 ms against 5 ms over
        # 2,000 vectors where cores are shared); the setting belongs to the calling thread.
        faiss.omp_set_num_threads(1)
        scores, keys = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        scores[keys == NO_KEY] = -np.inf
        return scores, keys


def create_index(dimension: int, vectors: Vectors) -> VectorIndex:
    """The index for a base of this size, filled; keys are row numbers."""
    index = FaissIndex(dimension)
    index.add(np.arange(len(vectors), dtype=np.int64), vectors)
    return index
