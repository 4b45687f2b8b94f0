"""All indexes keep the contract; large bases get smaller ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowledge_base import index as index_module
from knowledge_base.index import (
    FaissIndex,
    MemoryIndex,
    QuantizedIndex,
    VectorIndex,
    create_index,
)
from tests.knowledge_base.index_contract import DIMENSION, VectorIndexContract, unit_vectors


class TestMemoryIndex(VectorIndexContract):
    def make(self) -> VectorIndex:
        return MemoryIndex(DIMENSION)


class TestFaissIndex(VectorIndexContract):
    def make(self) -> VectorIndex:
        return FaissIndex(DIMENSION)


class TestQuantizedIndex(VectorIndexContract):
    def make(self) -> VectorIndex:
        return QuantizedIndex(DIMENSION)


class TestQuantizedIndexInCells(VectorIndexContract):
    def make(self) -> VectorIndex:
        return QuantizedIndex(DIMENSION, cells=4, probes=4)


@pytest.mark.parametrize("cells", [0, 8])
def test_codes_come_back_from_their_file(tmp_path: Path, cells: int) -> None:
    vectors = unit_vectors(400)
    index = QuantizedIndex(DIMENSION, cells)
    index.add(np.arange(400, dtype=np.int64), vectors)
    index.write(tmp_path / "forms.faiss")
    again = QuantizedIndex.read(tmp_path / "forms.faiss", vectors)
    queries = unit_vectors(20, seed=5)
    for mine, theirs in zip(index.search(queries, 7), again.search(queries, 7), strict=True):
        assert np.array_equal(mine, theirs)


def test_codes_of_other_vectors_and_broken_files_are_refused(tmp_path: Path) -> None:
    index = QuantizedIndex(DIMENSION)
    index.add(np.arange(50, dtype=np.int64), unit_vectors(50))
    path = tmp_path / "forms.faiss"
    index.write(path)
    with pytest.raises(ValueError, match="other vectors"):
        QuantizedIndex.read(path, unit_vectors(49))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="faiss"):
        QuantizedIndex.read(path, unit_vectors(50))


def test_the_size_of_a_base_chooses_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "QUANTIZED_FROM", 100)
    monkeypatch.setattr(index_module, "CELLS_FROM", 1000)
    vectors, queries = unit_vectors(2000), unit_vectors(30, seed=8)
    exact = np.sort(queries @ vectors[:999].T, axis=1)[:, ::-1][:, :10]
    assert isinstance(create_index(DIMENSION, vectors[:99]), FaissIndex)
    scanned = create_index(DIMENSION, vectors[:999])
    assert isinstance(scanned, QuantizedIndex)
    assert np.allclose(scanned.search(queries, 10)[0], exact, atol=1e-6)
    celled = create_index(DIMENSION, vectors)
    scores, _ = celled.search(queries, 10)
    best = np.sort(queries @ vectors.T, axis=1)[:, ::-1][:, :10]
    assert np.isclose(scores[:, 0], best[:, 0], atol=1e-6).mean() > 0.9


def test_a_created_index_is_keyed_by_row() -> None:
    vectors = unit_vectors(20)
    _, keys = create_index(DIMENSION, vectors).search(vectors, 1)
    assert np.array_equal(keys[:, 0], np.arange(20))
