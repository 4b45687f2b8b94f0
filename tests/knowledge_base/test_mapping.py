"""Large arrays in files: rows are read, not mapped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import mapping

ROWS = 12_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = np.random.default_rng(0).random((ROWS, 384), np.float32)
    np.save(tmp_path / "rows.npy", rows)
    return tmp_path / "rows.npy"


@pytest.mark.parametrize(
    "rows", [[], [7], [3, 4, 5, 900, 901, 17], [5, 5, 4], [ROWS - 1, 0], list(range(50, 250))]
)
def test_rows_are_those_of_the_array(path: Path, rows: list[int]) -> None:
    mapped, wanted = mapping.load(path), np.array(rows, np.int64)
    np.testing.assert_array_equal(mapping.take(mapped, wanted), np.load(path)[wanted])


def test_lists_are_read_by_their_bounds(path: Path) -> None:
    flat = path.with_name("flat.npy")
    np.save(flat, np.arange(5_000_000, dtype=np.int32))
    mapped = mapping.load(flat)
    np.testing.assert_array_equal(mapping.span(mapped, 4_999_990, 5_000_000), mapped[-10:])
    assert mapping.span(mapped, 12, 12).shape == (0,)


def test_a_search_does_not_map_the_file(path: Path) -> None:
    mapped = mapping.load(path)
    mapping.release(mapped)
    mapping.take(mapped, np.arange(0, ROWS, 40))
    assert _resident_kb(path) == 0
    assert float(mapped.sum()) > 0
    assert _resident_kb(path) > 0
    mapping.release(mapped)
    assert _resident_kb(path) == 0


def test_small_arrays_and_parts_are_plain(path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", np.eye(3))
    small = mapping.load(tmp_path / "small.npy")
    np.testing.assert_array_equal(mapping.take(small, np.array([2, 0])), np.eye(3)[[2, 0]])
    part = mapping.load(path)[100:200]
    np.testing.assert_array_equal(mapping.take(part, np.array([1])), np.load(path)[[101]])
    np.testing.assert_array_equal(mapping.span(part, 0, 2), np.load(path)[100:102])


def test_a_shortened_file_is_told(path: Path) -> None:
    mapped = mapping.load(path)
    os.truncate(path, 4096)
    with pytest.raises(OSError, match="shorter"):
        mapping.take(mapped, np.array([ROWS - 1]))


def _resident_kb(path: Path) -> int:
    """How much of a file this process has mapped in memory."""
    name, total = "", 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            name = rest[-1] if rest else ""
        elif first == "Rss:" and name == str(path):
            total += int(rest[0])
    return total
