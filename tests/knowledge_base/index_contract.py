"""What every ``VectorIndex`` must do; a new backend subclasses this with its ``make``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from knowledge_base.index import NO_KEY, VectorIndex

DIMENSION = 16


def unit_vectors(count: int, seed: int = 3) -> npt.NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


class VectorIndexContract:
    """Run by every implementation."""

    def make(self) -> VectorIndex:
        raise NotImplementedError

    def filled(self, count: int = 50) -> tuple[VectorIndex, npt.NDArray[np.float32]]:
        index, vectors = self.make(), unit_vectors(count)
        index.add(np.arange(count, dtype=np.int64) * 10, vectors)
        return index, vectors

    def test_is_an_index(self) -> None:
        assert isinstance(self.make(), VectorIndex)

    def test_each_vector_finds_itself_first(self) -> None:
        index, vectors = self.filled()
        scores, keys = index.search(vectors, 3)
        assert np.array_equal(keys[:, 0], np.arange(50) * 10)
        assert np.allclose(scores[:, 0], 1, atol=1e-4)

    def test_results_are_the_true_nearest_in_order(self) -> None:
        index, vectors = self.filled()
        queries = unit_vectors(5, seed=9)
        scores, keys = index.search(queries, 10)
        expected = np.sort(queries @ vectors.T, axis=1)[:, ::-1][:, :10]
        assert np.allclose(scores, expected, atol=1e-4)
        assert np.all(np.diff(scores, axis=1) <= 1e-6)
        assert keys.shape == (5, 10)

    def test_missing_places_are_marked(self) -> None:
        index, vectors = self.filled(2)
        scores, keys = index.search(vectors[:1], 5)
        assert list(keys[0, 2:]) == [NO_KEY] * 3
        assert np.all(np.isneginf(scores[0, 2:]))

    def test_an_empty_index_finds_nothing(self) -> None:
        scores, keys = self.make().search(unit_vectors(1), 3)
        assert np.all(keys == NO_KEY)
        assert np.all(np.isneginf(scores))

    def test_removed_vectors_are_gone(self) -> None:
        index, vectors = self.filled()
        assert index.remove(np.array([0, 10, 99999], np.int64)) == 2
        assert len(index) == 48
        _, keys = index.search(vectors[:2], 48)
        assert not {0, 10} & set(keys.ravel().tolist())

    def test_adding_goes_on_after_removing(self) -> None:
        index, vectors = self.filled()
        index.remove(np.array([0], np.int64))
        index.add(np.array([7], np.int64), vectors[:1])
        _, keys = index.search(vectors[:1], 1)
        assert keys[0, 0] == 7

    def test_wrong_shapes_are_refused(self) -> None:
        index = self.make()
        with pytest.raises(ValueError, match="dimension"):
            index.add(np.array([1], np.int64), np.zeros((1, DIMENSION + 1), np.float32))
        with pytest.raises(ValueError, match="dimension"):
            index.add(np.array([1, 2], np.int64), np.zeros((1, DIMENSION), np.float32))

    def test_nothing_may_be_added(self) -> None:
        index = self.make()
        index.add(np.empty(0, np.int64), np.empty((0, DIMENSION), np.float32))
        assert len(index) == 0
