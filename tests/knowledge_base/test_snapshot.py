"""Snapshots on disk: complete or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.lexical import LexicalIndex
from knowledge_base.ranking import base_model
from knowledge_base.snapshot import (
    BaseEntry,
    EncoderMismatch,
    SnapshotContent,
    SnapshotError,
    SnapshotMeta,
    current_version,
    point_to,
    read_content,
    snapshot_folder,
    write_content,
)

ENTRIES = [
    BaseEntry("a", "问一？", "答一。", similar=("问一甲",), negative=("不是问一",), tags=("t",)),
    BaseEntry("b", "问二？", "答二。", valid_from=10.0, valid_to=20.0),
]


def made(version: str = "v1") -> SnapshotContent:
    rng = np.random.default_rng(1)
    forms, answers, negatives = (
        rng.normal(size=(n, 4)).astype(np.float32) for n in (3, 2, 1)
    )  # fmt: skip
    lexical = LexicalIndex.build([["问一"], ["问二"]])
    meta = SnapshotMeta(version, "2026-01-01T00:00:00Z", "enc", 4, 2, 3, base_model("enc"))
    return SnapshotContent(meta, ENTRIES, forms, answers, negatives, lexical)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_content(snapshot_folder(tmp_path, "v1"), made())
    return snapshot_folder(tmp_path, "v1")


def test_what_was_written_is_read(folder: Path) -> None:
    again = read_content(folder, "enc")
    assert list(again.entries) == ENTRIES
    assert replace(again.meta, checksum=0) == made().meta
    assert np.array_equal(again.forms, made().forms)
    assert list(again.form_starts) == [0, 2, 3]
    assert list(again.negative_starts) == [0, 1, 1]


def test_another_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(EncoderMismatch, match="重新发布"):
        read_content(folder, "other")


@pytest.mark.parametrize(
    "name",
    [
        "entries.jsonl",
        "lines.npy",
        "columns.npz",
        "forms.npy",
        "answers.npy",
        "negatives.npy",
        "terms.npz",
        "postings.npy",
        "weights.npy",
        "meta.json",
    ],
)
@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damage_to_any_file_is_refused(folder: Path, name: str, damage: bytes | None) -> None:
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damage)
    with pytest.raises(SnapshotError):
        read_content(folder, "enc")


def test_missing_rows_are_refused(folder: Path) -> None:
    np.save(folder / "forms.npy", np.zeros((2, 4), np.float32))
    with pytest.raises(SnapshotError, match="不一致"):
        read_content(folder, "enc")


def test_another_format_is_refused(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    (folder / "meta.json").write_text(json.dumps({**meta, "format": 99}), "utf-8")
    with pytest.raises(SnapshotError, match="格式版本"):
        read_content(folder, "enc")


def test_the_pointer_only_points_at_complete_snapshots(folder: Path, tmp_path: Path) -> None:
    assert current_version(tmp_path) is None
    point_to(tmp_path, "v1")
    assert current_version(tmp_path) == "v1"
    for version in ("v2", "../v1", ".", "", "a/b"):
        with pytest.raises(SnapshotError):
            point_to(tmp_path, version)
    assert current_version(tmp_path) == "v1"


def test_validity_is_half_open() -> None:
    dated = ENTRIES[1]
    assert [dated.valid_at(t) for t in (9, 10, 19.9, 20)] == [False, True, True, False]
    assert ENTRIES[0].valid_at(0)
