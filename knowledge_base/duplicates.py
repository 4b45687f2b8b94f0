"""Warns while an editor writes: questions that mean (nearly) the same, and answers that contradict.

``python -m knowledge_base.duplicates`` prints what the warnings catch on our corpus: each similar question is
held out in turn, written as if it were a new entry's, and should be found to belong to its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from knowledge_base.building import VectorCache
from knowledge_base.closeness import (
    Nearness,
    Thresholds,
    held_out,
    measure,
    near_entries,
    nearness_of,
)
from knowledge_base.columns import starts_of
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.listing import EntryFilter, EntryView
from knowledge_base.phrasings import unit
from knowledge_base.rendering import without_figures
from knowledge_base.search import KnowledgeSearcher, LoadedBase
from knowledge_base.store import KnowledgeStore
from knowledge_base.text import normalize

Vectors = npt.NDArray[np.float32]
Level = Literal["same", "answered", "close"]
_ENOUGH_ENTRIES = 50
_DRAFTS_COMPARED = 300
_SHOWN = 8
_ANSWERS_AGREE = 0.5
"""Closeness of two answers, below which they tell different things."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


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
    """An existing entry that is near, with the question form that is nearest."""

    entry_id: str
    question: str
    form: str
    answer: str
    published: bool
    near: Nearness


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
        found, _ = await self._store.find(EntryFilter(pending=True, size=_DRAFTS_COMPARED))
        drafts = [view for view in found if view.entry.state != "retired"]
        return await asyncio.to_thread(self._compare, normalize(text), besides, answer, drafts)

    def thresholds(self, base: LoadedBase | None) -> Thresholds:
        """Those of the base in force, measured once a version."""
        if base is None or len(base.content.entries) < _ENOUGH_ENTRIES:
            return Thresholds()
        version = base.content.meta.version
        if self._measured is None or self._measured[0] != version:
            self._measured = version, measure(base)
        return self._measured[1]

    def _compare(
        self, folded: str, besides: str | None, answer: str, drafts: Sequence[EntryView]
    ) -> list[Neighbour]:
        vector = self._encoder.encode([folded], "query")[0]
        base = self._searcher.base()
        limits = self.thresholds(base)
        near = self._near_drafts(base, vector, drafts)
        if base is not None:
            near += [
                _Other(n.entry.entry_id, n.entry.question, n.form, n.entry.answer, True, n.nearness)
                for n in near_entries(base, folded, vector, limits)
            ]
        best: dict[str, Neighbour] = {}
        others: dict[str, _Other] = {}
        for other in near:
            found, known = _neighbour(folded, other, limits), best.get(other.entry_id)
            if found and other.entry_id != besides and (known is None or found.score > known.score):
                best[other.entry_id], others[other.entry_id] = found, other
        if base is not None:
            self._add_answering(base, folded, vector, besides, best, others)
        marked = [
            replace(item, conflict=self._conflict(item, answer, others[item.entry_id].answer))
            for item in best.values()
        ]
        return sorted(marked, key=lambda item: (item.level != "same", -item.score))[:_SHOWN]

    def _near_drafts(
        self, base: LoadedBase | None, vector: Vectors, drafts: Sequence[EntryView]
    ) -> list[_Other]:
        groups = [(view.content.question, *view.content.similar) for view in drafts]
        forms = self._cache.encode([normalize(f) for group in groups for f in group], "query")
        texts = [normalize(without_figures(view.content.answer)) for view in drafts]
        answers = self._cache.encode(texts, "passage")
        starts = starts_of(map(len, groups))
        others = []
        for i, (view, group) in enumerate(zip(drafts, groups, strict=True)):
            near = nearness_of(base, vector, forms[starts[i] : starts[i + 1]], answers[i])
            item, form = view.content, group[near.form]
            others.append(_Other(view.entry.id, item.question, form, item.answer, False, near))
        return others

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
            hit.entry_id, hit.question, hit.matched_question, hit.answer, True,
            Nearness(0, score, score),
        )  # fmt: skip

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


def _centred(left: Vectors, right: Vectors, mean: Vectors) -> float:
    pair = unit(np.stack([left, right]) - mean)
    return float(pair[0] @ pair[1])


def _neighbour(folded: str, other: _Other, limits: Thresholds) -> Neighbour | None:
    same = normalize(other.form) == folded
    if not same and not other.near.reaches(limits):
        return None
    level: Level = "same" if same or other.near.to_form >= limits.same else "close"
    score = 1.0 if same else round(max(other.near.to_form, other.near.to_middle), 4)
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
    from knowledge_base.seed_corpus import read_corpus

    encoder = SentenceEncoder(get_settings().encoder_dir)
    with tempfile.TemporaryDirectory() as folder:
        cache = VectorCache(encoder, Path(folder))
        print(json.dumps(held_out(read_corpus(), encoder, cache), ensure_ascii=False))
        cache.close()


if __name__ == "__main__":
    main()
