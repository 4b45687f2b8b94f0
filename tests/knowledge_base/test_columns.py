"""Columns over all entries, and entries read from the disk one by one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.columns import EntryColumns, StoredRows, checksum_of, hashed, write_lines
from knowledge_base.snapshot import BaseEntry

ENTRIES = [
    BaseEntry(
        "a", "怎么查话费？", "答。", similar=("查話費", "怎么查话费"), negative=("怎么交话费",)
    ),
    BaseEntry("b", "怎么交话费？", "答。", similar=("怎么查话费",), valid_from=10.0, valid_to=20.0),
    BaseEntry("c", "停机了", "答。", valid_to=5.0),
]
VECTORS = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def columns() -> EntryColumns:
    return EntryColumns.of(ENTRIES, VECTORS, VECTORS[:3])


def test_forms_and_negatives_are_counted(columns: EntryColumns) -> None:
    assert list(columns.form_starts) == [0, 3, 5, 6]
    assert list(columns.negative_starts) == [0, 1, 1, 1]
    assert np.array_equal(columns.form_mean, VECTORS.mean(0))


def test_a_text_finds_the_entries_that_own_it(columns: EntryColumns) -> None:
    assert columns.owners("怎么查话费") == [0, 1]
    assert columns.owners("查话费") == [0]
    assert columns.owners("怎么交话费") == [1]
    assert columns.owners("没有这个问题") == []


def test_validity_is_half_open(columns: EntryColumns) -> None:
    every = np.arange(3)
    for moment, valid in [(0, [1, 0, 1]), (5, [1, 0, 0]), (10, [1, 1, 0]), (20, [1, 0, 0])]:
        assert list(columns.in_effect(every, moment)) == [bool(v) for v in valid], moment
        expected = [entry.valid_at(moment) for entry in ENTRIES]
        assert list(columns.in_effect(every, moment)) == expected


def test_columns_come_back_from_their_file(columns: EntryColumns, tmp_path: Path) -> None:
    columns.save(tmp_path / "columns.npz")
    again = EntryColumns.load(tmp_path / "columns.npz")
    assert again.owners("怎么查话费") == [0, 1]
    assert math.isinf(again.valid_from[0])
    assert np.array_equal(again.answer_mean, columns.answer_mean)


def test_an_empty_base_has_columns() -> None:
    none = np.empty((0, 4), np.float32)
    columns = EntryColumns.of([], none, none)
    assert columns.owners("话费") == []
    assert list(columns.form_mean) == [0, 0, 0, 0]


def test_hashes_are_the_same_in_every_process() -> None:
    assert hashed("话费") == 0xD5996C6AAF2646EC


def test_rows_are_read_when_they_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    offsets, checksum = write_lines(path, ({"n": n, "text": "话费\n" * n} for n in range(50)))
    made: list[int] = []

    def make(row: dict[str, object]) -> str:
        made.append(int(str(row["n"])))
        return str(row["text"])

    rows = StoredRows(path, offsets, make)
    assert checksum_of(path) == checksum
    assert (len(rows), made) == (50, [])
    assert rows[3] == rows[-47] == "话费\n" * 3
    assert rows[1:4] == ["话费\n" * n for n in (1, 2, 3)]
    assert sorted(made) == [1, 2, 3]
    with pytest.raises(IndexError):
        rows[50]
    path.unlink()
    assert rows[49] == "话费\n" * 49


def test_a_changed_file_has_another_checksum(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    _, checksum = write_lines(path, [{"n": 1}, {"n": 2}])
    path.write_bytes(path.read_bytes().replace(b"2", b"3"))
    assert checksum_of(path) != checksum
