"""How near a question being written is to the entries there are: what warnings of duplicates rest on.

A question that repeats another is near to one of its forms. One that only means the same often is not, but
near to the entry's *middle*, between what the entry is asked, what it answers, and what customers said who
meant it. Of our own similar questions, each written as if it were new, 14 % were nearer to a form of their
entry than 95 % of distinct questions are to each other; by middles of questions and answers it is 28 %, with
the customers' words 31 % (``python -m knowledge_base.duplicates``).

How near is too near belongs to the encoder and to the base, so it is measured on the base in force: of the
questions of different entries only few may be warned about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base.building import VectorCache, build_content
from knowledge_base.columns import Ints, members
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.mapping import take
from knowledge_base.phrasings import phrasings_of, unit
from knowledge_base.ranking import base_model
from knowledge_base.search import LoadedBase, best_in_groups
from knowledge_base.snapshot import BaseEntry
from knowledge_base.text import normalize

Vectors = npt.NDArray[np.float32]
FALSE_CLOSE, FALSE_SAME = 0.05, 0.005
"""Share of questions of distinct entries that may be warned about at all, and be called the same."""
_TOPIC_SHARE = 0.5
"""What customers' words weigh in a middle, beside questions and answer. Twice as much is better where every
entry has a topic, and worse where a third have none."""
_ENTRIES, _QUESTIONS = 5000, 1500


@dataclass(frozen=True)
class Thresholds:
    """Nearness to an entry's middle from which a question is easily confused with it, and nearness to one of
    its forms from which it is taken for the same."""

    close: float = 0.75
    same: float = 0.85


@dataclass(frozen=True)
class Nearness:
    """Of a text to an entry: cosines, relative to the base's means, with the nearest question form (``form``
    is its number) and with the entry's middle."""

    form: int
    to_form: float
    to_middle: float

    def reaches(self, limits: Thresholds) -> bool:
        """Whether an editor should hear of it."""
        return self.to_form >= limits.same or self.to_middle >= limits.close


@dataclass(frozen=True)
class Near:
    """An entry near to a text, and which of its question forms is nearest."""

    entry: BaseEntry
    form: str
    nearness: Nearness


def near_entries(base: LoadedBase, text: str, vector: Vectors, limits: Thresholds) -> list[Near]:
    """Entries that a normalised text with its vector (dimension,) is too near to, in no order."""
    content, rows = base.content, base.around(text, vector)
    if not len(rows):
        return []
    _, _, places = best_in_groups(content.forms, content.form_starts, rows, vector)
    mine = unit(vector - base.form_mean)
    forms = take(content.forms, content.form_starts[rows] + np.array(places, np.int64))
    to_form, to_middle = unit(forms - base.form_mean) @ mine, middles(base, rows) @ mine
    found = []
    for i, row in enumerate(map(int, rows)):
        nearness = Nearness(places[i], float(to_form[i]), float(to_middle[i]))
        if nearness.reaches(limits):
            entry = content.entries[row]
            found.append(Near(entry, entry.forms[places[i]], nearness))
    return found


def nearness_of(
    base: LoadedBase | None, vector: Vectors, forms: Vectors, answer: Vectors
) -> Nearness:
    """To an entry that is not in ``base``, by the vectors of its question forms and its answer."""
    if base is None or not len(base.content.entries):
        # Without a base there is no mean to take out; this encoder's cosines begin near 0.75.
        near = np.maximum(0, (forms @ vector - 0.75) / 0.25)
        return Nearness(int(near.argmax()), float(near.max()), float(near.max()))
    mine = unit(vector - base.form_mean)
    near = unit(forms - base.form_mean) @ mine
    asked, answered = forms.mean(axis=0) - base.form_mean, answer - base.answer_mean
    middle = _between(asked, answered, np.zeros_like(answer))
    return Nearness(int(near.argmax()), float(near.max()), float(middle @ mine))


def middles(base: LoadedBase, entries: Ints) -> Vectors:
    """Of each of ``entries`` (row numbers), relative to what is usual, shape (entries, dimension), unit length."""
    content = base.content
    sizes = content.form_starts[entries + 1] - content.form_starts[entries]
    forms = take(content.forms, members(content.form_starts, entries))
    asked = np.add.reduceat(forms, np.cumsum(sizes) - sizes, axis=0) / sizes[:, None]
    topics = base.reminded.centres(entries)
    return _between(
        asked - base.form_mean, take(content.answers, entries) - base.answer_mean, topics
    )


def _between(asked: Vectors, answered: Vectors, topics: Vectors) -> Vectors:
    return unit(unit(asked) + unit(answered) + _TOPIC_SHARE * topics)


def measure(base: LoadedBase, false_close: float = FALSE_CLOSE) -> Thresholds:
    """Thresholds that few questions of distinct entries of ``base`` reach."""
    to_form, to_middle = nearest_of_others(base)
    same = float(np.quantile(to_form, 1 - FALSE_SAME))
    # What looks the same is warned about already, and counts.
    other = np.where(to_form >= same, np.inf, to_middle)
    close = float(np.quantile(other, 1 - false_close, method="higher"))
    return Thresholds(round(min(close, 1.0), 3), round(same, 3))


def nearest_of_others(base: LoadedBase) -> tuple[Vectors, Vectors]:
    """For a sample of the question forms: nearness to the nearest form of another entry, and to the nearest
    middle of one."""
    content, generator = base.content, np.random.default_rng(0)
    entries = np.sort(generator.permutation(len(content.entries))[:_ENTRIES]).astype(np.int64)
    sizes = content.form_starts[entries + 1] - content.form_starts[entries]
    owner = np.repeat(np.arange(len(entries)), sizes)
    forms = take(content.forms, members(content.form_starts, entries))
    spread = unit(forms - base.form_mean)
    asked = np.sort(generator.permutation(len(forms))[:_QUESTIONS])
    mine, own = spread[asked], owner[asked]
    to_form = mine @ spread.T
    to_form[own[:, None] == owner[None, :]] = -1
    to_middle = mine @ middles(base, entries).T
    to_middle[np.arange(len(asked)), own] = -1
    return to_form.max(axis=1), to_middle.max(axis=1)


def held_out(
    entries: Sequence[BaseEntry], encoder: SentenceEncoder, cache: VectorCache
) -> dict[str, Any]:
    """What warnings catch: similar question n of each entry is asked of a base without all questions n."""
    limits, asked = [], []
    for turn in range(max(len(entry.similar) for entry in entries)):
        less = [replace(e, similar=e.similar[:turn] + e.similar[turn + 1 :]) for e in entries]
        content = build_content(less, cache, encoder, base_model(encoder.fingerprint))
        base = LoadedBase(content, memory=phrasings_of(encoder))
        limits.append(measure(base))
        for entry in entries:
            for question in entry.similar[turn : turn + 1]:
                asked.append(_warned(base, entry, normalize(question), cache, limits[-1]))
    own, others, same = np.mean(asked, axis=0)
    close_from, same_from = np.mean([(item.close, item.same) for item in limits], axis=0)
    figures = {
        "close": close_from, "same": same_from, "own_caught": own, "distinct_warned": others,
        "distinct_called_same": same,
    }  # fmt: skip
    return {"encoder": encoder.fingerprint, "entries": len(entries), "asked": len(asked),
            **{name: round(float(value), 3) for name, value in figures.items()}}  # fmt: skip


def _warned(
    base: LoadedBase, entry: BaseEntry, text: str, cache: VectorCache, limits: Thresholds
) -> tuple[bool, bool, bool]:
    """Whether its own entry, whether others were named, and whether one of these as the same."""
    found = near_entries(base, text, cache.encode([text], "query")[0], limits)
    others = [near for near in found if near.entry.entry_id != entry.entry_id]
    same = any(near.nearness.to_form >= limits.same for near in others)
    return len(others) < len(found), bool(others), same
