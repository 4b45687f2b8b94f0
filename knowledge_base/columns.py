"""What a search must know of all entries at once, in arrays; the texts stay on the disk.

A hundred thousand questions as Python objects weigh more than their vectors' codes, and a search
shows five of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from knowledge_base.text import normalize

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Vectors = npt.NDArray[np.float32]
_REMEMBERED = 1024
_BLOCK = 1 << 20
T = TypeVar("T")


class Served(Protocol):
    """What the columns are made of."""

    @property
    def forms(self) -> tuple[str, ...]: ...
    @property
    def negative(self) -> tuple[str, ...]: ...
    @property
    def valid_from(self) -> float | None: ...
    @property
    def valid_to(self) -> float | None: ...


def hashed(text: str) -> int:
    """64 bits that stand for ``text``, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class EntryColumns:
    """Arrays over all entries.

    Entry i owns the question forms ``form_starts[i]:form_starts[i + 1]``; the same for negatives.
    Validity bounds are unix seconds, infinite where open. ``form_hashes`` (sorted) are those of
    the normalised question forms, ``form_owners`` the entries beside them. The means are those of
    the vectors of forms and answers, shape (dimension,).
    """

    form_starts: Ints
    negative_starts: Ints
    valid_from: Doubles
    valid_to: Doubles
    form_hashes: Hashes
    form_owners: Ints
    form_mean: Vectors
    answer_mean: Vectors

    @classmethod
    def of(
        cls, entries: Sequence[Served], forms: Vectors, answers: Vectors,
        owned: tuple[Hashes, Ints] | None = None,
    ) -> EntryColumns:  # fmt: skip
        """Of entries with the vectors of their forms and answers.

        Args:
            owned: ``form_hashes`` and ``form_owners``, where they are known.
        """
        return cls(
            starts_of(len(entry.forms) for entry in entries),
            starts_of(len(entry.negative) for entry in entries),
            _bounds((entry.valid_from for entry in entries), -np.inf),
            _bounds((entry.valid_to for entry in entries), np.inf),
            *(_owned(entries) if owned is None else owned),
            _mean(forms),
            _mean(answers),
        )

    def owners(self, text: str) -> list[int]:
        """Entries one of whose question forms has the hash of a normalised text."""
        value = np.uint64(hashed(text))
        first, last = (
            int(np.searchsorted(self.form_hashes, value, side)) for side in ("left", "right")
        )
        return [int(number) for number in self.form_owners[first:last]]

    def in_effect(self, entries: Ints, moment: float) -> npt.NDArray[np.bool_]:
        """Which of ``entries`` are valid at ``moment`` (unix seconds)."""
        valid: npt.NDArray[np.bool_] = self.valid_from[entries] <= moment
        return valid & (moment < self.valid_to[entries])

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> EntryColumns:
        """Raises what numpy raises for a damaged file."""
        with np.load(path, allow_pickle=False) as data:
            return cls(**{field.name: data[field.name] for field in fields(cls)})


def starts_of(counts: Iterable[int]) -> Ints:
    """Where groups of rows begin that follow one another, and where the last one ends, shape (groups + 1,)."""
    return np.concatenate([[0], np.cumsum(np.fromiter(counts, np.int64))]).astype(np.int64)


def members(starts: Ints, groups: Ints) -> Ints:
    """Rows of some groups, one group after another; group i owns ``starts[i]:starts[i + 1]``."""
    sizes = starts[groups + 1] - starts[groups]
    begins = np.cumsum(sizes) - sizes
    return np.repeat(starts[groups] - begins, sizes) + np.arange(int(sizes.sum()))


def _owned(entries: Iterable[Served]) -> tuple[Hashes, Ints]:
    owned = sorted(
        (hashed(form), number)
        for number, entry in enumerate(entries)
        for form in {normalize(form) for form in entry.forms}
    )
    hashes = np.array([value for value, _ in owned], np.uint64)
    return hashes, np.array([number for _, number in owned], np.int64)


def _bounds(values: Iterable[float | None], unbounded: float) -> Doubles:
    return np.array([unbounded if v is None else v for v in values], np.float64)


def _mean(vectors: Vectors) -> Vectors:
    mean: Vectors = vectors.mean(0) if len(vectors) else np.zeros(vectors.shape[1], np.float32)
    return mean


class StoredRows(Sequence[T], Generic[T]):
    """Lines of a JSONL file, made into objects when they are looked at; the last ones are kept.

    The open file outlives its folder, so a base in use can be cleared away.

    Args:
        make: turns a line's object into what the sequence holds.
    """

    def __init__(self, path: Path, offsets: Ints, make: Callable[[dict[str, object]], T]) -> None:
        self._file = path.open("rb")
        self._offsets = offsets
        self._make = make
        self._row = lru_cache(_REMEMBERED)(self._read)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._row(int(place))

    def _read(self, row: int) -> T:
        begin, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return self._make(json.loads(os.pread(self._file.fileno(), end - begin, begin)))


def write_lines(path: Path, rows: Iterable[dict[str, object]]) -> tuple[Ints, int]:
    """Writes a JSONL file: (where its lines begin, and the end; checksum)."""
    offsets, checksum = [0], 0
    # ``json.dumps`` would make one for every row.
    encoder = json.JSONEncoder(ensure_ascii=False)
    with path.open("wb") as file:
        for row in rows:
            line = encoder.encode(row).encode() + b"\n"
            checksum = zlib.crc32(line, checksum)
            file.write(line)
            offsets.append(offsets[-1] + len(line))
    return np.array(offsets, np.int64), checksum


def checksum_of(path: Path) -> int:
    """The checksum that ``write_lines`` gave, if the file is as it was."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum
