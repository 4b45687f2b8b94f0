"""Warns while an editor writes: questions that mean (nearly) the same, and answers that contradict.

How near is too near belongs to the encoder and to the base, so it is measured on the base in force: of
the questions of different entries only few may be warned about. ``python -m
knowledge_base.duplicates`` prints what the thresholds catch on our corpus: each similar question is
held out in turn, written as if it were a new entry's, and should be found to belong to its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from knowledge_base.building import VectorCache
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.listing import EntryFilter
from knowledge_base.rendering import without_figures
from knowledge_base.search import KnowledgeSearcher, LoadedBase
from knowledge_base.store import KnowledgeStore
from knowledge_base.text import normalize

Vectors = npt.NDArray[np.float32]
Level = Literal["same", "answered", "close"]
FALSE_CLOSE, FALSE_SAME = 0.05, 0.005
"""Share of questions of distinct entries that may look close, and the same."""
_ENOUGH_ENTRIES = 50
_SAMPLE, _AGAINST = 1500, 20_000
_DRAFTS_COMPARED = 300
_NEAREST = 30
_SHOWN = 8
_ANSWERS_AGREE = 0.5
"""Closeness of two answers, below which they tell different things."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Thresholds:
    """Closeness from which two questions are easily confused, and taken for the same."""

    close: float = 0.72
    same: float = 0.85


@dataclass(frozen=True)
class Neighbour:
    """An existing question near to one being written.

    ``answered`` means that the bot answers the text with this entry today. ``conflict`` says in
    Chinese how the two answers contradict, None where they do not.
    """

    entry_id: str
    question: str
    matched_question: str
    score: float
    level: Level
    published: bool
    conflict: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Other:
    """A question form of an existing entry, with that entry's answer."""

    entry_id: str
    question: str
    form: str
    answer: str
    published: bool
    closeness: float


class Duplicates:
    """Compares what is being written with the published base and the drafts."""

    def __init__(
        self, store: KnowledgeStore, searcher: KnowledgeSearcher, encoder: SentenceEncoder,
        cache: VectorCache,
    ) -> None:  # fmt: skip
        self._store = store
        self._searcher = searcher
        self._encoder = encoder
        self._cache = cache
        self._measured: tuple[str, Thresholds] | None = None

    async def near(
        self, text: str, besides: str | None = None, answer: str = ""
    ) -> list[Neighbour]:
        """Entries near to ``text``, one line each: the nearest first.

        Args:
            besides: the entry being edited.
            answer: what is being written as its answer, compared with the others' answers.
        """
        drafts, _ = await self._store.find(EntryFilter(pending=True, size=_DRAFTS_COMPARED))
        forms = [
            _Other(view.entry.id, view.content.question, form, view.content.answer, False, 0.0)
            for view in drafts if view.entry.state != "retired" and view.entry.id != besides
            for form in (view.content.question, *view.content.similar)
        ]  # fmt: skip
        return await asyncio.to_thread(self._compare, normalize(text), besides, answer, forms)

    def thresholds(self, base: LoadedBase | None) -> Thresholds:
        """Those of the base in force, measured once a version."""
        if base is None or len(base.content.entries) < _ENOUGH_ENTRIES:
            return Thresholds()
        version = base.content.meta.version
        if self._measured is None or self._measured[0] != version:
            self._measured = version, measure(base)
        return self._measured[1]

    def _compare(
        self, folded: str, besides: str | None, answer: str, drafts: Sequence[_Other]
    ) -> list[Neighbour]:
        vector = self._encoder.encode([folded], "query")[0]
        base = self._searcher.base()
        limits = self.thresholds(base)
        vectors = self._cache.encode([normalize(other.form) for other in drafts], "query")
        near = [
            replace(other, closeness=_closeness(base, vector, row))
            for other, row in zip(drafts, vectors, strict=True)
        ]
        if base is not None:
            near += [
                _Other(entry.entry_id, entry.question, form, entry.answer, True, score)
                for entry, form, score in base.nearest_forms(vector, _NEAREST)
            ]
        best: dict[str, Neighbour] = {}
        others: dict[str, _Other] = {}
        for other in sorted(near, key=lambda o: -o.closeness):
            found = _neighbour(folded, other, limits)
            if found and other.entry_id != besides and other.entry_id not in best:
                best[other.entry_id], others[other.entry_id] = found, other
        if base is not None:
            self._add_answering(base, folded, vector, besides, best, others)
        marked = [
            replace(item, conflict=self._conflict(item, answer, others[item.entry_id].answer))
            for item in best.values()
        ]
        return sorted(marked, key=lambda item: (item.level != "same", -item.score))[:_SHOWN]

    def _add_answering(
        self, base: LoadedBase, folded: str, vector: Vectors, besides: str | None,
        best: dict[str, Neighbour], others: dict[str, _Other],
    ) -> None:  # fmt: skip
        result = base.find(folded, vector, 1, time.time())
        if result.decision != "answer" or result.hits[0].entry_id == besides:
            return
        hit = result.hits[0]
        known = best.get(hit.entry_id)
        if known is not None and known.level == "same":
            return
        score = known.score if known else hit.score
        best[hit.entry_id] = Neighbour(
            hit.entry_id, hit.question, hit.matched_question, score, "answered", True
        )
        others[hit.entry_id] = _Other(
            hit.entry_id, hit.question, hit.matched_question, hit.answer, True, score
        )

    def _conflict(self, item: Neighbour, mine: str, theirs: str) -> str | None:
        """Only questions that mean the same may contradict each other."""
        if item.level == "close" or not normalize(mine) or normalize(mine) == normalize(theirs):
            return None
        ours, others = _numbers(mine), _numbers(theirs)
        if ours and others and not (ours <= others or others <= ours):
            return f"数字对不上：这里是 {_listed(ours)}，那条是 {_listed(others)}"
        texts = [normalize(without_figures(text)) for text in (mine, theirs)]
        left, right = self._cache.encode(texts, "passage")
        base = self._searcher.base()
        if base is None or not len(base.content.answers):
            return None
        mean = base.content.answers.mean(0)
        return None if _centred(left, right, mean) >= _ANSWERS_AGREE else "两条的答案说法不一样"


def measure(base: LoadedBase, false_close: float = FALSE_CLOSE) -> Thresholds:
    """Thresholds that few questions of distinct entries of ``base`` reach."""
    nearest = nearest_of_others(base)
    close, same = np.quantile(nearest, [1 - false_close, 1 - FALSE_SAME])
    return Thresholds(round(float(close), 3), round(float(same), 3))


def nearest_of_others(base: LoadedBase) -> Vectors:
    """For a sample of the question forms: closeness to the nearest form of another entry."""
    content = base.content
    owner = np.repeat(np.arange(len(content.entries)), np.diff(content.form_starts))
    generator = np.random.default_rng(0)
    count = len(owner)
    rows = generator.permutation(count)[:_SAMPLE]
    against = np.sort(generator.permutation(count)[:_AGAINST])
    spread = _unit(np.asarray(content.forms[against]) - base.form_mean)
    mine = _unit(np.asarray(content.forms[np.sort(rows)]) - base.form_mean)
    nearness = mine @ spread.T
    nearness[owner[np.sort(rows)][:, None] == owner[against][None, :]] = -1
    found: Vectors = nearness.max(axis=1)
    return found


def nearest_of_own(base: LoadedBase) -> Vectors:
    """For each question form: closeness to the nearest other form of its own entry."""
    starts, found = base.content.form_starts, []
    for begin, end in pairwise(starts):
        spread = _unit(np.asarray(base.content.forms[begin:end]) - base.form_mean)
        nearness = spread @ spread.T
        np.fill_diagonal(nearness, -1)
        found.append(nearness.max(axis=1) if end - begin > 1 else np.empty(0, np.float32))
    return np.concatenate(found)


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def _centred(left: Vectors, right: Vectors, mean: Vectors) -> float:
    pair = _unit(np.stack([left, right]) - mean)
    return float(pair[0] @ pair[1])


def _closeness(base: LoadedBase | None, left: Vectors, right: Vectors) -> float:
    if base is not None and len(base.content.entries):
        return base.closeness(left, right)
    # Without a base there is no mean to take out; this encoder's cosines begin near 0.75.
    return max(0.0, (float(left @ right) - 0.75) / 0.25)


def _neighbour(folded: str, other: _Other, limits: Thresholds) -> Neighbour | None:
    same = normalize(other.form) == folded
    score = 1.0 if same else round(other.closeness, 4)
    if score < limits.close:
        return None
    level: Level = "same" if score >= limits.same else "close"
    return Neighbour(other.entry_id, other.question, other.form, score, level, other.published)


def _numbers(answer: str) -> set[str]:
    return set(_NUMBER.findall(normalize(without_figures(answer))))


def _listed(numbers: set[str]) -> str:
    return "、".join(sorted(numbers, key=lambda n: float(n))[:6])


def main() -> None:
    """Prints the thresholds measured on our corpus and what they catch."""
    import json
    import tempfile
    from pathlib import Path

    from core.settings import get_settings
    from knowledge_base.building import build_content
    from knowledge_base.ranking import base_model
    from knowledge_base.seed_corpus import read_corpus

    settings = get_settings()
    encoder = SentenceEncoder(settings.encoder_dir)
    with tempfile.TemporaryDirectory() as folder:
        cache = VectorCache(encoder, Path(folder))
        entries = read_corpus()
        model = base_model(encoder.fingerprint)
        base = LoadedBase(build_content(entries, cache, encoder, model))
        own, others, limits = nearest_of_own(base), nearest_of_others(base), measure(base)
        cache.close()
    figures = {
        "encoder": encoder.fingerprint, "entries": len(entries), "forms": len(base.content.forms),
        **asdict(limits),
        "own_caught": round(float(np.mean(own >= limits.close)), 3),
        "distinct_warned": round(float(np.mean(others >= limits.close)), 3),
        "distinct_called_same": round(float(np.mean(others >= limits.same)), 3),
    }  # fmt: skip
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
