"""A published knowledge base on disk: one folder per version, and a pointer to the one in force.

    <knowledge_dir>/CURRENT                      the version in force, one line
    <knowledge_dir>/snapshots/<version>/         entries.jsonl, lines.npy, columns.npz; forms.npy, answers.npy,
                                                 negatives.npy; terms.npz, postings.npy,
                                                 weights.npy; for many vectors their codes
                                                 forms.faiss, answers.faiss; links.npz; marks.npz;
                                                 meta.json (last)

Folders never change once they are complete; publishing replaces the pointer atomically. Reading
needs nothing of the application, because Rasa does it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from knowledge_base.columns import EntryColumns, Ints, StoredRows, checksum_of, write_lines
from knowledge_base.index import QuantizedIndex, VectorIndex, create_index
from knowledge_base.lexical import LexicalIndex
from knowledge_base.mapping import load, release
from knowledge_base.marks import Marks
from knowledge_base.phrasings import Links
from knowledge_base.ranking import RankingModel

FORMAT = 3
POINTER = "CURRENT"
META = "meta.json"
_VERSION = re.compile(r"[0-9A-Za-z._-]{1,64}")
Vectors = npt.NDArray[np.float32]


class SnapshotError(RuntimeError):
    """The snapshot cannot be used; the message (Chinese) says why."""


class EncoderMismatch(SnapshotError):
    """The snapshot's vectors come from another encoder."""


@dataclass(frozen=True)
class BaseEntry:
    """An entry as it is served. Validity bounds are unix seconds, None where open."""

    entry_id: str
    question: str
    answer: str
    similar: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    rich: str | None = None
    follow_ups: tuple[str, ...] = ()
    category: str = ""
    tags: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_to: float | None = None
    revision: int = 1

    @property
    def forms(self) -> tuple[str, ...]:
        """Every way the question is put, the standard one first."""
        return (self.question, *self.similar)

    def valid_at(self, moment: float) -> bool:
        """Whether the entry is in effect at ``moment`` (unix seconds)."""
        begun = self.valid_from is None or self.valid_from <= moment
        return begun and (self.valid_to is None or moment < self.valid_to)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BaseEntry:
        lists = {name: tuple(data[name]) for name in ("similar", "negative", "follow_ups", "tags")}
        return cls(**{**data, **lists})


@dataclass(frozen=True)
class SnapshotMeta:
    """What a snapshot says of itself."""

    version: str
    created_at: str
    encoder: str
    dimension: int
    entries: int
    forms: int
    ranking: RankingModel
    phrasings: str = ""
    """Digest of the memory that the links belong to."""
    checksum: int = 0
    """Of entries.jsonl, whose lines are read one by one later."""
    format: int = FORMAT


@dataclass(frozen=True)
class SnapshotContent:
    """Everything a snapshot holds.

    ``forms`` has one row per question form, entry after entry; entry i owns rows
    ``form_starts[i]:form_starts[i + 1]``; the same for ``negatives``. ``answers`` has a row per
    entry. ``folder`` is where it was read from.
    """

    meta: SnapshotMeta
    entries: Sequence[BaseEntry]
    forms: Vectors
    answers: Vectors
    negatives: Vectors
    lexical: LexicalIndex
    columns: EntryColumns = None  # type: ignore[assignment]
    """Made from the entries where they are not given."""
    links: Links = None  # type: ignore[assignment]
    """To remembered phrasings; none where they are not given."""
    folder: Path | None = None
    marks: Marks | None = None
    """For the next publish; they are written, and read by nobody else."""

    def __post_init__(self) -> None:
        if self.links is None:
            object.__setattr__(self, "links", Links.none(len(self.entries)))
        if self.columns is None:
            made = EntryColumns.of(self.entries, self.forms, self.answers)
            object.__setattr__(self, "columns", made)
        if len(self.forms) != self.form_starts[-1] or len(self.answers) != len(self.entries):
            raise SnapshotError("知识库快照的向量与条目数量不一致。")
        if len(self.links.topics) != len(self.entries):
            raise SnapshotError("知识库快照的说法关联与条目数量不一致。")
        if len(self.negatives) != self.negative_starts[-1]:
            raise SnapshotError("知识库快照的反例向量与条目数量不一致。")

    @property
    def form_starts(self) -> Ints:
        return self.columns.form_starts

    @property
    def negative_starts(self) -> Ints:
        return self.columns.negative_starts

    @cached_property
    def form_index(self) -> VectorIndex:
        """Of the question forms' vectors, made once or read; raises SnapshotError."""
        return self._index("forms", self.forms)

    @cached_property
    def answer_index(self) -> VectorIndex:
        """Of the answers' vectors, made once or read; raises SnapshotError."""
        return self._index("answers", self.answers)

    def _index(self, name: str, vectors: Vectors) -> VectorIndex:
        path = None if self.folder is None else self.folder / f"{name}.faiss"
        if path is None or not path.exists():
            made = create_index(self.meta.dimension, vectors)
            release(vectors)
            return made
        try:
            return QuantizedIndex.read(path, vectors)
        except ValueError as error:
            raise SnapshotError(f"知识库快照 {self.meta.version} 的索引已损坏：{error}") from error


def snapshot_folder(knowledge_dir: Path, version: str) -> Path:
    """Raises SnapshotError for a name that is not a version (it might leave the folder)."""
    if not _VERSION.fullmatch(version) or version.startswith("."):
        raise SnapshotError(f"知识库版本号不合法：{version!r}")
    return knowledge_dir / "snapshots" / version


def current_version(knowledge_dir: Path) -> str | None:
    """The version in force, or None when nothing was ever published."""
    try:
        return (knowledge_dir / POINTER).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def point_to(knowledge_dir: Path, version: str) -> None:
    """Makes ``version`` the one in force, atomically and durably.

    Raises:
        SnapshotError: that snapshot is not there or not complete.
    """
    if not (snapshot_folder(knowledge_dir, version) / META).exists():
        raise SnapshotError(f"知识库快照 {version} 不存在或不完整。")
    draft = knowledge_dir / f".{POINTER}.{os.getpid()}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(version + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(knowledge_dir / POINTER)
    sync_folder(knowledge_dir)


def sync_folder(folder: Path) -> None:
    """Flushes a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_content(folder: Path, content: SnapshotContent) -> None:
    """Writes a snapshot into ``folder`` (new); ``meta.json`` comes last and makes it complete."""
    folder.mkdir(parents=True)
    offsets, checksum = write_lines(folder / "entries.jsonl", map(vars, content.entries))
    np.save(folder / "lines.npy", offsets)
    content.columns.save(folder / "columns.npz")
    for name in ("forms", "answers", "negatives"):
        np.save(folder / f"{name}.npy", getattr(content, name))
    for name, index in (("forms", content.form_index), ("answers", content.answer_index)):
        if isinstance(index, QuantizedIndex):
            index.write(folder / f"{name}.faiss")
    content.lexical.save(folder)
    content.links.save(folder / "links.npz")
    if content.marks is not None:
        content.marks.save(folder)
    for path in folder.iterdir():
        _sync_file(path)
    meta = replace(content.meta, checksum=checksum)
    data = {**asdict(meta), "ranking": meta.ranking.to_dict()}
    (folder / META).write_text(json.dumps(data, ensure_ascii=False, indent=2), "utf-8")
    _sync_file(folder / META)
    sync_folder(folder)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def read_meta(folder: Path) -> SnapshotMeta:
    """Raises SnapshotError when the folder holds no complete snapshot."""
    try:
        data = json.loads((folder / META).read_text("utf-8"))
        meta = SnapshotMeta(**{**data, "ranking": RankingModel.from_dict(data["ranking"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"知识库快照 {folder.name} 无法读取：{error}") from error
    if meta.format != FORMAT:
        raise SnapshotError(
            f"知识库快照 {folder.name} 的格式版本 {meta.format} 不受支持，请重新发布。"
        )
    return meta


def _tidy() -> None:
    """Gives back what loading, of the encoder too, freed but the C library kept: some 15 MB."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def read_content(folder: Path, encoder: str) -> SnapshotContent:
    """Reads a whole snapshot made by ``encoder`` (a fingerprint).

    Raises:
        EncoderMismatch: its vectors come from another encoder.
        SnapshotError: it is damaged or incomplete.
    """
    meta = read_meta(folder)
    if meta.encoder != encoder:
        raise EncoderMismatch(
            f"知识库快照 {meta.version} 由另一个编码模型（{meta.encoder}）生成，"
            f"当前模型是 {encoder}，请重新发布知识库。"
        )
    try:
        if checksum_of(folder / "entries.jsonl") != meta.checksum:
            raise SnapshotError(f"知识库快照 {folder.name} 已损坏：entries.jsonl 与发布时不同。")
        lines = np.load(folder / "lines.npy", allow_pickle=False)
        entries = StoredRows(folder / "entries.jsonl", lines, BaseEntry.from_dict)
        forms, answers, negatives = (
            load(folder / f"{name}.npy") for name in ("forms", "answers", "negatives")
        )
        lexical = LexicalIndex.load(folder, load)
        columns = EntryColumns.load(folder / "columns.npz")
        links = Links.load(folder / "links.npz")
        _tidy()
        return SnapshotContent(
            meta, entries, forms, answers, negatives, lexical, columns, links, folder
        )
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
        raise SnapshotError(f"知识库快照 {folder.name} 已损坏：{error}") from error
