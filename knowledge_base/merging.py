"""Takes over from the base in force what did not change, so that publishing one entry of ten thousand costs
little more than that entry.

An entry's vectors, words and links follow from its texts. Beside a snapshot lies a mark of the texts of each
of its entries (``marks.npz``, which only the next publish reads); what has the same mark is copied, and only
the rest is encoded, cut and linked. The result is what building the whole base anew would give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from knowledge_base import building, rendering, text, words
from knowledge_base.building import Progress, VectorCache, build_content
from knowledge_base.columns import EntryColumns, Hashes, Ints, hashed, members
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.lexical import Counted, LexicalIndex
from knowledge_base.marks import Marks
from knowledge_base.phrasings import Links, phrasings_of
from knowledge_base.ranking import RankingModel
from knowledge_base.snapshot import (
    BaseEntry,
    SnapshotContent,
    SnapshotError,
    current_version,
    read_content,
    snapshot_folder,
)

_NEW = -1
Array = TypeVar("Array", bound=npt.NDArray[Any])


def rebuilt(
    entries: Sequence[BaseEntry], cache: VectorCache, encoder: SentenceEncoder,
    ranking: RankingModel, progress: Progress, knowledge_dir: Path,
) -> SnapshotContent:  # fmt: skip
    """What ``build_content`` makes of ``entries``, with what is the same taken from the base in force, if any."""
    texts = _marks(entries)
    before = _in_force(knowledge_dir, encoder)
    rows = None if before is None else _rows(texts, before[1].texts)
    if before is None or rows is None:
        content = build_content(entries, cache, encoder, ranking, progress)
    else:
        old, marks = before
        changed = [entry for entry, row in zip(entries, rows, strict=True) if row == _NEW]
        new = build_content(changed, cache, encoder, ranking, progress)
        content = _merged(entries, rows, old, marks.counted, new)
        if old.meta.phrasings != new.meta.phrasings:
            memory = phrasings_of(encoder)
            links = memory.links(content.forms, content.form_starts, content.answers)
            content = replace(content, links=links)
    return replace(content, marks=Marks(texts, _counted(content.lexical)))


def _in_force(
    knowledge_dir: Path, encoder: SentenceEncoder
) -> tuple[SnapshotContent, Marks] | None:
    """None where nothing can be taken over."""
    version = current_version(knowledge_dir)
    if version is None:
        return None
    try:
        folder = snapshot_folder(knowledge_dir, version)
        content, marks = read_content(folder, encoder.fingerprint), Marks.load(folder)
        content.lexical.postings(marks.counted)
    except (SnapshotError, OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return (content, marks) if len(marks.texts) == len(content.entries) else None


def _marks(entries: Sequence[BaseEntry]) -> Hashes:
    cutting = _cutting()
    texts = (
        "\0".join([cutting, e.entry_id, *e.forms, "", *e.negative, "", e.answer]) for e in entries
    )
    return np.fromiter(map(hashed, texts), np.uint64, len(entries))


@lru_cache(maxsize=1)
def _cutting() -> str:
    """Names the way from texts to terms: after a change of it no old word counts may be taken over."""
    digest = hashlib.sha256(metadata.version("jieba").encode())
    sources = [Path(str(module.__file__)) for module in (building, rendering, text, words)]
    for path in (*sources, words.LEXICON):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:16]


def _rows(wanted: Hashes, known: Hashes) -> Ints | None:
    """Where each of ``wanted`` is in ``known``, or ``_NEW``; None where nothing is, or the order is another."""
    if not len(known):
        return None
    order = np.argsort(known)
    places = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
    rows = np.where(known[places] == wanted, places, _NEW).astype(np.int64)
    kept = rows[rows != _NEW]
    return rows if len(kept) and (np.diff(kept) > 0).all() else None


def _merged(
    entries: Sequence[BaseEntry], rows: Ints, old: SnapshotContent, counted: Counted,
    new: SnapshotContent,
) -> SnapshotContent:  # fmt: skip
    """One base of the entries of ``old`` that ``rows`` names and, at the other places, those of ``new``."""
    kept = rows != _NEW
    places = np.full(len(old.entries), _NEW, np.int64)
    places[rows[kept]] = np.flatnonzero(kept)
    fresh = np.flatnonzero(~kept)
    form_rows = _member_rows(rows, old.form_starts, new.form_starts)
    negative_rows = _member_rows(rows, old.negative_starts, new.negative_starts)
    forms, answers = _taken(form_rows, old.forms, new.forms), _taken(rows, old.answers, new.answers)
    lexical = (
        old.lexical.postings(counted).placed(places, len(rows))
        .joined(new.lexical.postings(_counted(new.lexical)).placed(fresh, len(rows)))
    )  # fmt: skip
    return SnapshotContent(
        meta=replace(new.meta, entries=len(entries), forms=len(forms)),
        entries=entries,
        forms=forms,
        answers=answers,
        negatives=_taken(negative_rows, old.negatives, new.negatives),
        lexical=LexicalIndex.of(lexical),
        columns=EntryColumns.of(entries, forms, answers, _owned(old, places, new, fresh)),
        links=Links(
            _taken(rows, old.links.topics, new.links.topics),
            _taken(rows, old.links.strengths, new.links.strengths),
        ),
    )


def _member_rows(rows: Ints, old: Ints, new: Ints) -> Ints:
    """The same as ``rows`` for the members of groups that begin at ``old`` and ``new``."""
    kept = rows != _NEW
    sizes = np.zeros(len(rows), np.int64)
    sizes[kept], sizes[~kept] = np.diff(old)[rows[kept]], np.diff(new)
    found = np.full(int(sizes.sum()), _NEW, np.int64)
    found[np.repeat(kept, sizes)] = members(old, rows[kept])
    return found


def _taken(rows: Ints, old: Array, new: Array) -> Array:
    """Rows of ``old`` where ``rows`` names one, and those of ``new``, one after another, elsewhere."""
    kept = rows != _NEW
    out: Any = np.empty((len(rows), *old.shape[1:]), old.dtype)
    out[kept], out[~kept] = old[rows[kept]], new
    return out  # type: ignore[no-any-return]


def _counted(index: LexicalIndex) -> Counted:
    if index.counted is None:
        raise ValueError("an index that was read does not know its counts")
    return index.counted


def _owned(
    old: SnapshotContent, places: Ints, new: SnapshotContent, fresh: Ints
) -> tuple[Hashes, Ints]:
    """Hashes of all question forms, and their owners at their new places."""
    owners = places[old.columns.form_owners]
    stays = owners != _NEW
    hashes = np.concatenate([old.columns.form_hashes[stays], new.columns.form_hashes])
    owners = np.concatenate([owners[stays], fresh[new.columns.form_owners]])
    order = np.lexsort((owners, hashes))
    return hashes[order], owners[order]
