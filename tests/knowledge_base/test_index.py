"""Both indexes keep the contract."""

from __future__ import annotations

import numpy as np

from knowledge_base.index import FaissIndex, MemoryIndex, VectorIndex, create_index
from tests.knowledge_base.index_contract import DIMENSION, VectorIndexContract, unit_vectors


class TestMemoryIndex(VectorIndexContract):
    def make(self) -> VectorIndex:
        return MemoryIndex(DIMENSION)


class TestFaissIndex(VectorIndexContract):
    def make(self) -> VectorIndex:
        return FaissIndex(DIMENSION)


def test_a_created_index_is_keyed_by_row() -> None:
    vectors = unit_vectors(20)
    _, keys = create_index(DIMENSION, vectors).search(vectors, 1)
    assert np.array_equal(keys[:, 0], np.arange(20))
