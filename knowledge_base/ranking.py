"""From signals to one score, and from scores to a decision.

Three signals rank an entry: the best cosine of the query with one of its question forms, the
cosine with its answer, and the share of the query's BM25 weight that its words cover. Cosines are
taken relative to the base's mean, because this kind of encoder puts everything near everything.
The linear weights come from a listwise softmax regression on pairs of customer questions and
entries, the two decisions (does the base know this, is the first hit the right one) from logistic
regressions on top of it; see ``calibrate``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Decision = Literal["answer", "clarify", "none"]
Floats = npt.NDArray[np.float32]
DEFAULTS_FILE = Path(__file__).with_name("calibration.json")
NEGATIVE_MARGIN = 0.01


@dataclass(frozen=True)
class Signals:
    """What is known of each candidate; every array has shape (candidates,).

    ``question`` and ``answer`` are cosines minus the query's cosine with the base's mean vector,
    ``lexical`` lies in 0..1, ``negative`` is by how much the nearest negative question is nearer
    than the nearest question form (0 where it is not).
    """

    question: Floats
    answer: Floats
    lexical: Floats
    negative: Floats

    def at(self, position: int) -> dict[str, float]:
        """One candidate's signals, rounded, for people."""
        return {
            name: round(float(getattr(self, name)[position]), 4)
            for name in ("question", "answer", "lexical", "negative")
        }


@dataclass(frozen=True)
class RankingModel:
    """Weights and thresholds that belong to one encoder.

    ``known`` and ``sure`` are logistic weights over (1, best score, margin, best question signal,
    lexical signal of the best). Below ``none_below`` of ``known`` the base says nothing; an
    answer needs ``answer_from`` of ``known`` and ``sure_from`` of ``sure``; between them the
    customer is asked which.
    """

    encoder: str
    question: float
    answer: float
    lexical: float
    negative: float
    known: tuple[float, ...]
    sure: tuple[float, ...]
    none_below: float
    answer_from: float
    sure_from: float
    origin: str = "defaults"

    def scores(self, signals: Signals) -> Floats:
        """Fused score of each candidate (higher is better, comparable between queries)."""
        fused = (
            self.question * signals.question
            + self.answer * signals.answer
            + self.lexical * signals.lexical
            - self.negative * signals.negative
        )
        return np.asarray(fused, np.float32)

    def probabilities(self, scores: Floats, signals: Signals, best: int) -> tuple[float, float]:
        """(the base knows it, the best candidate is the right one)."""
        features = decision_features(scores, signals, best)
        return _sigmoid(features @ np.array(self.known)), _sigmoid(features @ np.array(self.sure))

    def decide(self, known: float, sure: float) -> Decision:
        if known < self.none_below:
            return "none"
        if known >= self.answer_from and sure >= self.sure_from:
            return "answer"
        return "clarify"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RankingModel:
        known, sure = tuple(data["known"]), tuple(data["sure"])
        return cls(**{**data, "known": known, "sure": sure})


def decision_features(scores: Floats, signals: Signals, best: int) -> npt.NDArray[np.float64]:
    """(1, best score, margin to the second, its question signal, its lexical signal)."""
    others = np.delete(scores, best)
    margin = float(scores[best] - others.max()) if len(others) else 5.0
    return np.array(
        [
            1.0, float(scores[best]), min(margin, 5.0),
            float(signals.question[best]), float(signals.lexical[best]),
        ]
    )  # fmt: skip


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -30, 30))))


def default_model(encoder: str, path: Path = DEFAULTS_FILE) -> RankingModel | None:
    """The shipped model of this encoder, or None when nobody calibrated for it."""
    if not path.exists():
        return None
    models = json.loads(path.read_text("utf-8"))
    found = models.get(encoder)
    return RankingModel.from_dict(found) if found else None


def base_model(encoder: str) -> RankingModel:
    """Uncalibrated weights for an unknown encoder; ``calibrate`` sets its thresholds."""
    zeros = (0.0,) * 5
    return RankingModel(
        encoder, question=60.0, answer=60.0, lexical=10.0, negative=60.0,
        known=zeros, sure=zeros, none_below=0.5, answer_from=0.5, sure_from=0.3,
        origin="uncalibrated",
    )  # fmt: skip


def with_thresholds(model: RankingModel, **changes: Any) -> RankingModel:
    """A copy with other thresholds."""
    return replace(model, **changes)
