"""Nearest vectors by inner product: the interface, an exact in-memory version and two of FAISS.

A base that outgrows one machine gets another class with the same contract
(``tests/knowledge_base/index_contract.py`` states it): ``knowledge_base.milvus``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from knowledge_base.mapping import take

Vectors = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
NO_KEY = -1
QUANTIZED_FROM = 20_000
"""Vectors from which their codes, a quarter of the size, stand for them in memory."""
CELLS_FROM = 200_000
"""Vectors from which only the cells near a query are scanned."""
_TRAINING = 100_000
_PER_CELL = 40


class IndexUnavailable(RuntimeError):
    """The index cannot answer now; the message (Chinese) says why."""


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

        Raises:
            IndexUnavailable: it lies elsewhere and cannot be reached.
        """


def checked(keys: Keys, vectors: Vectors, dimension: int) -> tuple[Keys, Vectors]:
    """Both in the form FAISS wants; raises ValueError where they do not fit."""
    if vectors.ndim != 2 or vectors.shape[1] != dimension or len(keys) != len(vectors):
        raise ValueError(f"{len(keys)} keys and vectors {vectors.shape} for dimension {dimension}")
    return (
        np.ascontiguousarray(keys, np.int64),
        np.ascontiguousarray(vectors, np.float32),
    )


def nothing(queries: int, k: int) -> tuple[Vectors, Keys]:
    """What a search gives that found nothing yet."""
    return np.full((queries, k), -np.inf, np.float32), np.full((queries, k), NO_KEY, np.int64)


class MemoryIndex:
    """Exact search with numpy: the reference for others, and enough for some thousand vectors."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._keys: Keys = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, dimension), np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        keys, vectors = checked(keys, vectors, self.dimension)
        self._keys = np.concatenate([self._keys, keys])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, keys: Keys) -> int:
        stays = ~np.isin(self._keys, keys)
        gone = len(stays) - int(stays.sum())
        self._keys, self._vectors = self._keys[stays], self._vectors[stays]
        return gone

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        scores, keys = nothing(len(queries), k)
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
        keys, vectors = checked(keys, vectors, self.dimension)
        if len(keys):
            self._index.add_with_ids(vectors, keys)

    def remove(self, keys: Keys) -> int:
        return _remove(self._index, keys)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        scores, keys = _search(self._index, queries, k)
        scores[keys == NO_KEY] = -np.inf
        return scores, keys


def _search(index: Any, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
    import faiss

    # One query at a time is far faster without a team of threads (0.05 ms against 5 ms over
    # 2,000 vectors where cores are shared); the setting belongs to the calling thread.
    faiss.omp_set_num_threads(1)
    scores, keys = index.search(np.ascontiguousarray(queries, np.float32), k)
    return scores, keys


def _remove(index: Any, keys: Keys) -> int:
    import faiss

    selector = faiss.IDSelectorBatch(np.ascontiguousarray(keys, np.int64))
    return int(index.remove_ids(selector))


class QuantizedIndex:
    """FAISS over one byte per dimension; the vectors themselves stay where the caller has them.

    The codes find half as many again as are asked for, and exact products with the original rows
    (of a mapped file, as a rule) put them in order. With ``cells``, an inverted file (Jégou et al.
    2011) looks only into the cells nearest to a query.

    Args:
        cells: 0 scans all codes.
        probes: cells looked into.
    """

    def __init__(self, dimension: int, cells: int = 0, probes: int = 64) -> None:
        self.dimension = dimension
        self._cells, self._probes = cells, probes
        self._codes: Any = None
        self._originals = _Originals(dimension)

    def __len__(self) -> int:
        return 0 if self._codes is None else int(self._codes.ntotal)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        keys, vectors = checked(keys, vectors, self.dimension)
        if not len(keys):
            return
        if self._codes is None:
            self._codes = _trained(vectors, min(self._cells, len(vectors)), self._probes)
        self._codes.add_with_ids(vectors, keys)
        self._originals.add(keys, vectors)

    def remove(self, keys: Keys) -> int:
        return 0 if self._codes is None else _remove(self._codes, keys)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        scores, keys = nothing(len(queries), k)
        if not len(self):
            return scores, keys
        _, near = _search(self._codes, queries, min(k + max(k // 2, 20), len(self)))
        for row, found in enumerate(near):
            found = found[found != NO_KEY]
            exact = self._originals.rows(found) @ queries[row]
            order = np.argsort(-exact, kind="stable")[:k]
            scores[row, : len(order)], keys[row, : len(order)] = exact[order], found[order]
        return scores, keys

    def write(self, path: Path) -> None:
        """Writes the codes; the vectors have a file of their own."""
        import faiss

        faiss.write_index(self._codes, str(path))

    @classmethod
    def read(cls, path: Path, vectors: Vectors) -> QuantizedIndex:
        """The index over ``vectors`` (keys are row numbers) that was written to ``path``.

        Raises:
            ValueError: the file is damaged, or belongs to other vectors.
        """
        import faiss

        index = cls(vectors.shape[1])
        try:
            # Inverted lists are mapped: what no query looks at is never read.
            index._codes = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            raise ValueError(f"{path.name}: {error}") from error
        if index._codes.ntotal != len(vectors) or index._codes.d != vectors.shape[1]:
            raise ValueError(f"{path.name} belongs to other vectors")
        index._originals.add(np.arange(len(vectors), dtype=np.int64), vectors)
        return index


def _trained(vectors: Vectors, cells: int, probes: int) -> Any:
    import faiss

    dimension = vectors.shape[1]
    wanted = max(_TRAINING, cells * _PER_CELL)
    sample = vectors
    if len(vectors) > wanted:
        rows = np.random.default_rng(0).choice(len(vectors), wanted, replace=False)
        sample = vectors[np.sort(rows)]
    made = f"IVF{cells},SQ8" if cells else "IDMap,SQ8"
    codes: Any = faiss.index_factory(dimension, made, faiss.METRIC_INNER_PRODUCT)
    if cells:
        codes.cp.max_points_per_centroid, codes.cp.min_points_per_centroid = _PER_CELL, 1
        codes.nprobe = probes
    codes.train(sample)
    return codes


class _Originals:
    """Vectors by key, in the blocks in which they came; nothing is copied."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._blocks: list[tuple[Keys | None, int, Keys | None, Vectors]] = []

    def add(self, keys: Keys, vectors: Vectors) -> None:
        first = int(keys[0])
        if np.array_equal(keys, np.arange(first, first + len(keys))):
            self._blocks.append((None, first, None, vectors))
        else:
            order = np.argsort(keys)
            self._blocks.append((keys[order], first, order, vectors))

    def rows(self, keys: Keys) -> Vectors:
        """Shape (n, dimension); a key added again has its newest vector."""
        out = np.zeros((len(keys), self._dimension), np.float32)
        for known, first, order, vectors in self._blocks:
            if known is None or order is None:
                here = (keys >= first) & (keys < first + len(vectors))
                places = keys[here] - first
            else:
                spot = np.minimum(np.searchsorted(known, keys), len(known) - 1)
                here = known[spot] == keys
                places = order[spot[here]]
            out[here] = take(vectors, places)
        return out


def create_index(dimension: int, vectors: Vectors) -> VectorIndex:
    """The index for a base of this size, filled; keys are row numbers.

    Exact while vectors are few, then codes of a quarter of the size, then codes in cells, about
    twice as many as the root of the number of vectors.
    """
    index: FaissIndex | QuantizedIndex
    if len(vectors) < QUANTIZED_FROM:
        index = FaissIndex(dimension)
    elif len(vectors) < CELLS_FROM:
        index = QuantizedIndex(dimension)
    else:
        index = QuantizedIndex(dimension, 2 ** round(np.log2(2 * len(vectors) ** 0.5)))
    index.add(np.arange(len(vectors), dtype=np.int64), vectors)
    return index
