"""Figures from predictions. Pure functions over lists; definitions as in DESIGN section 9."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.nlu.evaluation.data import Sentence

OUTSIDE, MISS, CLARIFY = "out_of_scope", "nlu_fallback", "clarify"
BINS = 10


@dataclass(frozen=True)
class Parsed:
    """What the pipeline made of a sentence.

    ``intent`` is final (a miss or ``clarify`` included), ``predicted`` the classifier's alone, ``top``
    its probability, ``seconds`` the time of the parse.
    """

    intent: str
    predicted: str
    top: float
    confidence: float
    entities: tuple[tuple[str, str], ...]
    choices: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Score:
    """Precision, recall, F1 and the number of gold items of one label."""

    precision: float
    recall: float
    f1: float
    support: int


def is_right(sentence: Sentence, parsed: Parsed) -> bool:
    """A miss is right for what is out of scope; everything else must match."""
    if sentence.intent == OUTSIDE:
        return parsed.intent in (OUTSIDE, MISS)
    return parsed.intent == sentence.intent


def accuracy(sentences: Sequence[Sentence], parsed: Sequence[Parsed]) -> float:
    """Share of right final intents; 0 for no sentences."""
    right = [is_right(s, p) for s, p in zip(sentences, parsed, strict=True)]
    return sum(right) / len(right) if right else 0.0


def intent_scores(sentences: Sequence[Sentence], parsed: Sequence[Parsed]) -> dict[str, Score]:
    """Scores of every intent that occurs in the sentences."""
    gold = [s.intent for s in sentences]
    told = [
        s.intent if is_right(s, p) else p.intent for s, p in zip(sentences, parsed, strict=True)
    ]
    return {
        name: _score(
            sum(g == t == name for g, t in zip(gold, told, strict=True)),
            told.count(name), gold.count(name),
        )
        for name in sorted(set(gold))
    }  # fmt: skip


def macro_f1(scores: dict[str, Score]) -> float:
    """Unweighted mean of the F1 of all labels."""
    return float(np.mean([s.f1 for s in scores.values()])) if scores else 0.0


def _score(hits: int, told: int, gold: int) -> Score:
    precision = hits / told if told else 0.0
    recall = hits / gold if gold else 0.0
    both = precision + recall
    return Score(precision, recall, 2 * precision * recall / both if both else 0.0, gold)


def entity_scores(
    sentences: Sequence[Sentence], parsed: Sequence[Parsed]
) -> tuple[dict[str, Score], Score]:
    """Scores by type and over all (micro), by exact type and exact words, counted as multisets."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for sentence, found in zip(sentences, parsed, strict=True):
        gold, told = Counter(sentence.entities), Counter(found.entities)
        for index, part in enumerate((gold & told, told, gold)):
            for (kind, _), number in part.items():
                counts[kind][index] += number
    by_type = {kind: _score(*numbers) for kind, numbers in sorted(counts.items())}
    total = np.sum(list(counts.values()), axis=0) if counts else (0, 0, 0)
    return by_type, _score(*(int(n) for n in total))


def outside_rates(sentences: Sequence[Sentence], parsed: Sequence[Parsed]) -> tuple[float, float]:
    """Share of out-of-scope sentences caught, and of sentences in scope wrongly refused."""
    refused = [p.intent in (OUTSIDE, MISS) for p in parsed]
    outside = [s.intent == OUTSIDE for s in sentences]
    caught = [r for r, o in zip(refused, outside, strict=True) if o]
    wrong = [r for r, o in zip(refused, outside, strict=True) if not o]
    return _share(caught), _share(wrong)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


@dataclass(frozen=True)
class Reliability:
    """Per confidence bin: mean confidence, share right, number. ``error`` is the ECE (Guo et al. 2017)."""

    confidence: tuple[float, ...]
    right: tuple[float, ...]
    count: tuple[int, ...]
    error: float


def reliability(
    sentences: Sequence[Sentence], parsed: Sequence[Parsed], bins: int = BINS
) -> Reliability:
    """Reliability of the classifier's own top probability, bins of equal width."""
    top = np.array([p.top for p in parsed])
    right = np.array([p.predicted == s.intent for s, p in zip(sentences, parsed, strict=True)])
    place = np.minimum((top * bins).astype(int), bins - 1)
    rows = []
    error = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            mean, share, count = top[inside].mean(), right[inside].mean(), int(inside.sum())
            rows.append((float(mean), float(share), count))
            error += abs(mean - share) * count / len(top)
    confidence, shares, counts = zip(*rows, strict=True) if rows else ((), (), ())
    return Reliability(confidence, shares, counts, float(error))


def percentile_ms(parsed: Sequence[Parsed], percent: float) -> float:
    """Percentile of the parse time in milliseconds."""
    return float(np.percentile([p.seconds for p in parsed], percent) * 1000)
