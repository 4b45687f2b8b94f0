"""Bases of any size, made for measuring only.

Vectors are spread as those of our own questions are: each entry lies between two of them, each of
its forms near it, with noise of the same covariance. Texts put words of jieba's dictionary between
halves of our questions, so that words are as frequent and as rare as in speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.building import build_lexical, new_version
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.ranking import base_model, default_model
from knowledge_base.rendering import without_figures
from knowledge_base.seed_corpus import read_corpus
from knowledge_base.snapshot import BaseEntry, SnapshotContent, SnapshotMeta
from knowledge_base.text import normalize
from knowledge_base.words import segmenter

Vectors = npt.NDArray[np.float32]
_CHUNK = 20_000


@dataclass(frozen=True)
class Spread:
    """Our own questions' vectors, and the axes along which they vary."""

    real: Vectors
    axes: Vectors

    @classmethod
    def of(cls, real: Vectors) -> Spread:
        _, sizes, axes = np.linalg.svd(real - real.mean(0), full_matrices=False)
        return cls(real, (axes * (sizes / np.sqrt(len(real)))[:, None]).astype(np.float32))

    def near(self, points: Vectors, noise: float, rng: np.random.Generator) -> Vectors:
        """Unit vectors around ``points``; noise of 1 is as wide as all our questions are."""
        drawn = rng.standard_normal((len(points), len(self.axes)), np.float32)
        moved = points + noise * (drawn @ self.axes)
        unit: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return unit

    def entries(self, count: int, rng: np.random.Generator) -> Vectors:
        one, other = (self.real[rng.integers(len(self.real), size=count)] for _ in range(2))
        share = rng.uniform(0, 0.5, (count, 1)).astype(np.float32)
        return self.near(one + share * (other - one), 0.6, rng)


@dataclass(frozen=True)
class BigBase:
    """A base not yet written, and customers' questions for it."""

    content: SnapshotContent
    texts: list[str]
    queries: Vectors


class Writer:
    """Texts that look like questions and answers, and mean nothing."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        corpus = read_corpus()
        self._questions = [form for entry in corpus for form in entry.forms if len(form) > 5]
        self._answers = [without_figures(entry.answer)[:60] for entry in corpus]
        known = [(w, n) for w, n in segmenter().FREQ.items() if n > 2 and 1 < len(w) < 5]
        self._words = [word for word, _ in known]
        weight = np.sqrt(np.array([number for _, number in known], np.float64))
        self._steps = np.cumsum(weight / weight.sum())

    def _word(self) -> str:
        return self._words[
            min(int(np.searchsorted(self._steps, self._rng.random())), len(self._words) - 1)
        ]

    def question(self) -> str:
        one, other = (
            self._questions[int(i)] for i in self._rng.integers(len(self._questions), size=2)
        )
        return one[: len(one) // 2] + self._word() + other[len(other) // 2 :]

    def answer(self) -> str:
        part = self._answers[int(self._rng.integers(len(self._answers)))]
        return part + "".join(self._word() for _ in range(4))


def big_base(encoder: SentenceEncoder, forms: int, per_entry: int = 5, asked: int = 500) -> BigBase:
    """A base of ``forms`` question forms, ``per_entry`` to an entry."""
    rng = np.random.default_rng(7)
    questions = [form for entry in read_corpus() for form in entry.forms]
    spread = Spread.of(encoder.encode([normalize(question) for question in questions]))
    count = forms // per_entry
    middles = np.concatenate(
        [spread.entries(min(_CHUNK, count - i), rng) for i in range(0, count, _CHUNK)]
    )
    vectors = np.empty((count * per_entry, encoder.dimension), np.float32)
    answers = np.empty((count, encoder.dimension), np.float32)
    for i in range(0, count, _CHUNK):
        part = middles[i : i + _CHUNK]
        rows = slice(i * per_entry, (i + len(part)) * per_entry)
        vectors[rows] = spread.near(np.repeat(part, per_entry, axis=0), 0.35, rng)
        answers[i : i + len(part)] = spread.near(part, 0.5, rng)
    writer = Writer(rng)
    entries = [
        BaseEntry(
            f"e{i:07}", writer.question(), writer.answer(),
            tuple(writer.question() for _ in range(per_entry - 1)), category="量",
        ) for i in range(count)
    ]  # fmt: skip
    lexical = build_lexical(
        [[normalize(form) for form in entry.forms] for entry in entries],
        [normalize(entry.answer) for entry in entries],
    )
    fingerprint = encoder.fingerprint
    meta = SnapshotMeta(
        new_version(), datetime.now(UTC).isoformat(), fingerprint, encoder.dimension, count,
        len(vectors), default_model(fingerprint) or base_model(fingerprint),
    )  # fmt: skip
    none = np.empty((0, encoder.dimension), np.float32)
    content = SnapshotContent(meta, entries, vectors, answers, none, lexical)
    chosen = rng.integers(count, size=asked)
    texts = [writer.question() for _ in chosen]
    return BigBase(content, texts, spread.near(middles[chosen], 0.5, rng))


def recall(content: SnapshotContent, queries: Vectors, depth: int, found: int) -> float:
    """Share of the true ``depth`` nearest forms among the ``found`` that the index gives."""
    exact = queries @ np.asarray(content.forms).T
    best = np.argpartition(-exact, depth, axis=1)[:, :depth]
    _, given = content.form_index.search(queries, found)
    shares = [
        len(set(b.tolist()) & set(g.tolist())) / depth for b, g in zip(best, given, strict=True)
    ]
    return float(np.mean(shares))


def save_queries(base: BigBase, path: Path) -> None:
    np.savez(path, texts=np.array(base.texts), vectors=base.queries)
