"""Makes a snapshot's content from entries: encodes what is new, indexes, takes the ranking model.

Pure of the application: the publisher, the evaluation and the tests build bases the same way.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.columns import starts_of
from knowledge_base.embedding.encoder import Kind, SentenceEncoder
from knowledge_base.lexical import LexicalIndex
from knowledge_base.phrasings import Phrasings, phrasings_of
from knowledge_base.ranking import RankingModel
from knowledge_base.rendering import without_figures
from knowledge_base.snapshot import BaseEntry, SnapshotContent, SnapshotMeta
from knowledge_base.text import normalize
from knowledge_base.words import terms

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Called with (texts encoded, texts to encode)."""
_CHUNK = 256
_QUESTION_WEIGHT = 2


def _silent(done: int, total: int) -> None:
    return None


class VectorCache:
    """Vectors of texts already encoded, in one SQLite file per encoder.

    A publish of one changed entry must not encode the whole base again.

    Args:
        folder: where the file lies; None keeps it in memory.
    """

    def __init__(self, encoder: SentenceEncoder, folder: Path | None) -> None:
        self._encoder = encoder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / f"{encoder.fingerprint}.sqlite")
        self._file = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
        )

    def encode(self, texts: Sequence[str], kind: Kind, progress: Progress = _silent) -> Vectors:
        """Unit vectors of ``texts``, shape (n, dimension); only unknown texts are computed."""
        keys = [_key(text, kind) for text in texts]
        known = self._read(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        self._compute(missing, kind, known, progress)
        out = np.empty((len(texts), self._encoder.dimension), np.float32)
        for row, key in enumerate(keys):
            out[row] = known[key]
        return out

    def _compute(
        self, missing: dict[bytes, str], kind: Kind, known: dict[bytes, Vectors], progress: Progress
    ) -> None:
        items = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(items), _CHUNK):
            chunk = items[start : start + _CHUNK]
            vectors = self._encoder.encode([text for _, text in chunk], kind)
            fresh = {key: vector for (key, _), vector in zip(chunk, vectors, strict=True)}
            known.update(fresh)
            with self._file:
                self._file.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                    [(key, vector.tobytes()) for key, vector in fresh.items()],
                )
            progress(start + len(chunk), len(items))

    def _read(self, keys: set[bytes]) -> dict[bytes, Vectors]:
        found: dict[bytes, Vectors] = {}
        wanted = list(keys)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            # Only question marks are put into the statement.
            query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"  # noqa: S608
            for key, blob in self._file.execute(query, part):
                vector = np.frombuffer(blob, np.float32)
                if len(vector) == self._encoder.dimension:
                    found[key] = vector
        return found

    def close(self) -> None:
        self._file.close()


def _key(text: str, kind: Kind) -> bytes:
    return hashlib.blake2b(f"{kind}\0{text}".encode(), digest_size=16).digest()


def new_version() -> str:
    """A sortable version name."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"


def encode_entries(
    entries: Sequence[BaseEntry], cache: VectorCache, progress: Progress = _silent
) -> None:
    """Puts every text of ``entries`` into the cache, as :func:`build_content` will ask for it."""
    queries = [normalize(text) for entry in entries for text in (*entry.forms, *entry.negative)]
    answers = [normalize(without_figures(entry.answer)) for entry in entries]
    total = len(queries) + len(answers)
    cache.encode(queries, "query", lambda done, _: progress(done, total))
    cache.encode(answers, "passage", lambda done, _: progress(len(queries) + done, total))
    progress(total, total)


def build_content(
    entries: Sequence[BaseEntry], cache: VectorCache, encoder: SentenceEncoder,
    ranking: RankingModel, progress: Progress = _silent, memory: Phrasings | None = None,
) -> SnapshotContent:  # fmt: skip
    """Encodes and indexes ``entries`` (ids unique).

    Args:
        memory: what entries are linked to; the encoder's own by default.

    Returns:
        the content of a new snapshot version, not yet written anywhere.
    """
    memory = phrasings_of(encoder) if memory is None else memory
    questions = [[normalize(form) for form in entry.forms] for entry in entries]
    answers = [normalize(without_figures(entry.answer)) for entry in entries]
    negatives = [normalize(text) for entry in entries for text in entry.negative]
    forms = [form for group in questions for form in group]
    vectors = cache.encode(forms + negatives, "query", progress)
    meta = SnapshotMeta(
        version=new_version(), created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder=encoder.fingerprint, dimension=encoder.dimension, entries=len(entries),
        forms=len(forms), ranking=ranking, phrasings=memory.digest,
    )  # fmt: skip
    form_vectors = vectors[: len(forms)]
    answer_vectors = cache.encode(answers, "passage", progress)
    return SnapshotContent(
        meta=meta,
        entries=list(entries),
        forms=form_vectors,
        answers=answer_vectors,
        negatives=vectors[len(forms) :],
        lexical=build_lexical(questions, answers),
        links=memory.links(form_vectors, starts_of(map(len, questions)), answer_vectors),
    )


def build_lexical(questions: Sequence[Sequence[str]], answers: Sequence[str]) -> LexicalIndex:
    """One document per entry.

    Its question forms, counted double, and its answer (normalised texts).
    """
    return LexicalIndex.build(
        [term for form in forms for term in terms(form)] * _QUESTION_WEIGHT + terms(answer)
        for forms, answer in zip(questions, answers, strict=True)
    )
