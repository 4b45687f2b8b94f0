"""From signals to one score, and from scores to a decision.

Five signals rank an entry: the best cosine of the query with one of its question forms, the mean over all of
them, the cosine with its answer, that with what customers said before and meant this entry (``phrasings``),
and the share of the query's BM25 weight that its words cover. Cosines are taken
relative to the base's mean, because this kind of encoder puts everything near everything. The
linear weights come from a listwise softmax regression on pairs of customer questions and entries.

Two probabilities decide. ``known``: is this a question for this base at all, from one learnt
direction of the vector space (service questions against everything else) and the nearest question
form. ``sure``: is the first hit the right one, from its score, its margin and its signals. Both
are logistic regressions; ``calibrate`` fits everything.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Decision = Literal["answer", "clarify", "none"]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
DEFAULTS_FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True)
class Signals:
    """What is known of each candidate; every array has shape (candidates,).

    ``question``, ``centre``, ``answer`` and ``phrased`` are cosines minus the query's cosine with the
    base's mean vector, ``lexical`` lies in 0..1, ``negative`` is by how much the nearest negative
    question is nearer than the nearest question form (0 where it is not). ``vector`` is the query's,
    ``nearest`` its plain cosine with the nearest question form of all.
    """

    question: Floats
    centre: Floats
    answer: Floats
    phrased: Floats
    lexical: Floats
    negative: Floats
    vector: Floats
    nearest: float

    def at(self, position: int) -> dict[str, float]:
        """One candidate's signals, rounded, for people."""
        return {
            name: round(float(getattr(self, name)[position]), 4)
            for name in ("question", "centre", "answer", "phrased", "lexical", "negative")
        }


@dataclass(frozen=True)
class RankingModel:
    """Weights and thresholds that belong to one encoder.

    ``domain`` is the learnt direction (dimension,), empty where nothing was learnt. ``known``
    weighs (1, domain, nearest), ``sure`` (1, best score, margin to the second, question and
    lexical signal of the best). Below ``none_below`` of ``known`` the base says nothing; an
    answer needs ``answer_from`` of ``known`` and ``sure_from`` of ``sure``; between, the customer
    is asked which.
    """

    encoder: str
    question: float
    centre: float
    answer: float
    phrased: float
    lexical: float
    negative: float
    domain: tuple[float, ...]
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
            + self.centre * signals.centre
            + self.answer * signals.answer
            + self.phrased * signals.phrased
            + self.lexical * signals.lexical
            - self.negative * signals.negative
        )
        return np.asarray(fused, np.float32)

    def probabilities(self, scores: Floats, signals: Signals, best: int) -> tuple[float, float]:
        """(the base knows it, the best candidate is the right one)."""
        known = self.known_features(signals) @ np.array(self.known)
        sure = sure_features(scores, signals, best) @ np.array(self.sure)
        return _sigmoid(known), _sigmoid(sure)

    def known_features(self, signals: Signals) -> Doubles:
        """(1, place along the domain direction, cosine with the nearest question form)."""
        along = float(signals.vector @ np.array(self.domain, np.float32)) if self.domain else 0.0
        return np.array([1.0, along, signals.nearest])

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
        weights = {name: tuple(data[name]) for name in ("domain", "known", "sure")}
        return cls(**{**data, **weights})


def sure_features(scores: Floats, signals: Signals, best: int) -> Doubles:
    """(1, best score, margin to the second, its question signal, its lexical signal)."""
    others = np.delete(scores, best)
    margin = float(scores[best] - others.max()) if len(others) else 5.0
    own = float(signals.question[best]), float(signals.lexical[best])
    return np.array([1.0, float(scores[best]), min(margin, 5.0), *own])


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
    return RankingModel(
        encoder, question=40.0, centre=20.0, answer=60.0, phrased=40.0, lexical=10.0, negative=60.0,
        domain=(), known=(0.0,) * 3, sure=(0.0,) * 5, none_below=0.5, answer_from=0.5, sure_from=0.3,
        origin="uncalibrated",
    )  # fmt: skip
