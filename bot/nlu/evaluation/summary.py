"""One evaluation as figures, as JSON and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.nlu.evaluation import figures
from bot.nlu.evaluation.data import Sentence
from bot.nlu.evaluation.figures import Parsed, Score

_CONFUSIONS = 15
_EXAMPLES = 3


@dataclass(frozen=True)
class Summary:
    """All figures of one run over one set of sentences."""

    sentences: int
    accuracy: float
    accuracy_hard: float
    accuracy_alone: float
    macro_f1: float
    intents: Mapping[str, Score]
    entity_types: Mapping[str, Score]
    entities: Score
    caught: float
    refused: float
    clarified: float
    calibration: figures.Reliability
    median_ms: float
    p95_ms: float

    def to_dict(self) -> dict[str, Any]:
        """The figures of the last line that ``make eval-nlu`` prints."""
        return {
            "sentences": self.sentences, "accuracy": _r(self.accuracy), "macro_f1": _r(self.macro_f1),
            "accuracy_hard": _r(self.accuracy_hard),
            "accuracy_alone": _r(self.accuracy_alone), "entity_f1": _r(self.entities.f1),
            "entity_precision": _r(self.entities.precision), "entity_recall": _r(self.entities.recall),
            "oos_caught": _r(self.caught), "in_scope_refused": _r(self.refused),
            "clarified": _r(self.clarified), "ece": _r(self.calibration.error),
            "median_ms": round(self.median_ms, 2), "p95_ms": round(self.p95_ms, 2),
        }  # fmt: skip


def _r(value: float) -> float:
    return round(value, 4)


def summarise(sentences: Sequence[Sentence], parsed: Sequence[Parsed]) -> Summary:
    """Computes every figure."""
    hard = [(s, p) for s, p in zip(sentences, parsed, strict=True) if s.hard]
    scores = figures.intent_scores(sentences, parsed)
    by_type, overall = figures.entity_scores(sentences, parsed)
    caught, refused = figures.outside_rates(sentences, parsed)
    alone = [p.predicted == s.intent for s, p in zip(sentences, parsed, strict=True)]
    return Summary(
        sentences=len(sentences),
        accuracy=figures.accuracy(sentences, parsed),
        accuracy_hard=figures.accuracy([s for s, _ in hard], [p for _, p in hard]),
        accuracy_alone=sum(alone) / len(alone),
        macro_f1=figures.macro_f1(scores), intents=scores, entity_types=by_type, entities=overall,
        caught=caught, refused=refused,
        clarified=sum(p.intent == figures.CLARIFY for p in parsed) / len(parsed),
        calibration=figures.reliability(sentences, parsed),
        median_ms=figures.percentile_ms(parsed, 50), p95_ms=figures.percentile_ms(parsed, 95),
    )  # fmt: skip


def headline(ours: Mapping[str, Any], stock: Mapping[str, Any] | None = None) -> str:
    """Table of the main figures (``Summary.to_dict``) with the goals; stock Rasa beside them."""
    rows = [
        ("Intent accuracy", "≥ 93 %", _percent, "accuracy"),
        ("— hard sentences", "", _percent, "accuracy_hard"),
        ("— classifier alone, before the arbiter", "", _percent, "accuracy_alone"),
        ("Macro-F1", "≥ 0.92", _three, "macro_f1"),
        ("Entity F1, exact spans", "≥ 0.90", _three, "entity_f1"),
        ("Out of scope caught", "≥ 90 %", _percent, "oos_caught"),
        ("In scope wrongly refused", "≤ 3 %", _percent, "in_scope_refused"),
        ("Asked back (clarify)", "", _percent, "clarified"),
        ("Expected calibration error", "≤ 0.05", _three, "ece"),
        ("Parse, median", "< 12 ms", _ms, "median_ms"),
        ("Parse, 95th percentile", "", _ms, "p95_ms"),
        ("Training from nothing", "< 90 s", _seconds, "training_seconds"),
        ("Loading the model", "< 15 s", _seconds, "load_seconds"),
    ]
    columns = [ours] if stock is None else [ours, stock]
    names = "| Figure | Goal | Ours |" + ("" if stock is None else " Stock Rasa |")
    lines = [names, "|---|---|" + "---|" * len(columns)]
    for name, goal, shape, key in rows:
        if key in ours:
            cells = " | ".join(shape(c[key]) if key in c else "" for c in columns)
            lines.append(f"| {name} | {goal} | {cells} |")
    return "\n".join(lines)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _three(value: float) -> str:
    return f"{value:.3f}"


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def score_table(scores: Mapping[str, Score], heading: str) -> str:
    """Precision, recall and F1 by label."""
    lines = [f"| {heading} | Precision | Recall | F1 | Sentences |", "|---|---|---|---|---|"]
    for name, s in scores.items():
        lines.append(f"| {name} | {s.precision:.2f} | {s.recall:.2f} | {s.f1:.2f} | {s.support} |")
    return "\n".join(lines)


def confusions(sentences: Sequence[Sentence], parsed: Sequence[Parsed]) -> str:
    """The commonest confusions with sentences to read."""
    wrong: dict[tuple[str, str], list[str]] = {}
    for sentence, found in zip(sentences, parsed, strict=True):
        if not figures.is_right(sentence, found):
            wrong.setdefault((sentence.intent, found.intent), []).append(sentence.text)
    common = Counter({pair: len(texts) for pair, texts in wrong.items()}).most_common(_CONFUSIONS)
    lines = ["| Annotated | Understood as | Times | Sentences |", "|---|---|---|---|"]
    for (gold, told), times in common:
        shown = "；".join(_cell(text) for text in wrong[gold, told][:_EXAMPLES])
        lines.append(f"| {gold} | {told} | {times} | {shown} |")
    return "\n".join(lines)


def entity_errors(sentences: Sequence[Sentence], parsed: Sequence[Parsed], most: int = 20) -> str:
    """Sentences whose entities differ: missing with −, invented with +."""
    lines = []
    for sentence, found in zip(sentences, parsed, strict=True):
        gold, told = Counter(sentence.entities), Counter(found.entities)
        differ = [f"−{k}「{v}」" for k, v in gold - told] + [f"+{k}「{v}」" for k, v in told - gold]
        if differ:
            lines.append(f"- {_cell(sentence.text)}: {' '.join(map(_cell, differ))}")
    return "\n".join(lines[:most])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:80]
