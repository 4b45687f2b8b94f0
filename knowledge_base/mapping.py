"""Large arrays that stay in their files: mapped for what reads on and on, read row by row for single rows.

A page fault maps far more than the page (half a megabyte on a new kernel, once the file is at hand), so that
the few hundred scattered rows of a search would make a process look, and count, as large as the whole file.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_MAPPED_FROM = 16 * 1024 * 1024
T = TypeVar("T", bound=np.generic)


class _MappedFile(np.memmap[Any, Any]):
    """numpy's map of a file, with the file kept open for :func:`take`."""

    file: Any


def load(path: Path) -> npt.NDArray[Any]:
    """An array in memory, or mapped when it is large: only rows of candidates are looked at."""
    if path.stat().st_size <= _MAPPED_FROM:
        loaded: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        return loaded
    mapped = np.load(path, mmap_mode="r", allow_pickle=False).view(_MappedFile)
    mapped._mmap.madvise(mmap.MADV_RANDOM)
    mapped.file = path.open("rb", buffering=0)
    # A plain view: slices of numpy's own class for maps cost ten times as much.
    return np.asarray(mapped)


def take(array: npt.NDArray[T], rows: npt.NDArray[np.int64]) -> npt.NDArray[T]:
    """``array[rows]``; raises OSError where the file became shorter."""
    if not _is_whole_map(array):
        return array[rows]
    out = np.empty((len(rows), *array.shape[1:]), array.dtype)
    # Rows of one entry lie side by side and are read at once.
    ends = np.flatnonzero(np.diff(rows, append=-2) != 1) + 1
    begin = 0
    for end in ends.tolist():
        _read(array, int(rows[begin]), out[begin:end])
        begin = end
    return out


def span(array: npt.NDArray[T], begin: int, end: int) -> npt.NDArray[T]:
    """``array[begin:end]``; raises OSError where the file became shorter."""
    if not _is_whole_map(array):
        return array[begin:end]
    out = np.empty((end - begin, *array.shape[1:]), array.dtype)
    _read(array, begin, out)
    return out


def _is_whole_map(array: npt.NDArray[Any]) -> bool:
    return isinstance(array.base, _MappedFile) and array.shape == array.base.shape


def _read(array: npt.NDArray[Any], row: int, out: npt.NDArray[Any]) -> None:
    mapped: Any = array.base
    place = mapped.offset + row * array.strides[0]
    if out.nbytes and os.preadv(mapped.file.fileno(), [out.data], place) != out.nbytes:
        raise OSError(f"{mapped.filename} is shorter than it was")


def release(array: npt.NDArray[Any]) -> None:
    """Gives back the pages of a mapped array that were read; they are read again when needed."""
    if isinstance(array.base, _MappedFile):
        array.base._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
