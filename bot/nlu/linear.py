"""A linear classifier with calibrated confidence: fitted by scikit-learn, served by numpy.

One-against-rest squared-hinge SVMs (Fan et al. 2008, LIBLINEAR) over sparse n-grams and a standardised
sentence vector; margins become probabilities by a softmax whose temperature (Guo et al. 2017) is fitted on
cross-validated margins, never on margins of texts the model has seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack

from bot.nlu.ngrams import TfIdf

Floats = npt.NDArray[np.float32]
Texts = Sequence[tuple[str, Sequence[str]]]
# Lets 384 standardised columns weigh about as much as three unit rows of n-grams.
DENSE_SCALE = 0.05
_FOLDS = 3
_COST = 0.5
_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Standard:
    """Centres and scales sentence vectors: E5's live in a narrow cone."""

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, vectors: Floats) -> Standard:
        spread = vectors.std(0)
        scale = np.divide(DENSE_SCALE, spread, out=np.zeros_like(spread), where=spread > 1e-6)
        return cls(vectors.mean(0), scale)

    def apply(self, vectors: Floats) -> Floats:
        return (vectors - self.mean) * self.scale


class LinearModel:
    """Maps a text, its words and its vector to label probabilities.

    Args:
        labels: in the order of the columns of ``weights``.
        views: n-gram views, their columns first, the dense columns last.
        weights: shape (columns, labels). bias: shape (labels,).
        temperature: divides the margins before the softmax.
    """

    def __init__(
        self, labels: list[str], views: list[TfIdf], standard: Standard, weights: Floats,
        bias: Floats, temperature: float,
    ) -> None:  # fmt: skip
        self.labels = labels
        self.temperature = temperature
        self._views = views
        self._standard = standard
        self._weights = weights
        self._bias = bias
        self._starts = np.cumsum([0, *(view.size for view in views)])

    def margins(self, text: str, words: Sequence[str], vector: Floats) -> Floats:
        """Raw decision values, shape (labels,)."""
        total = self._bias.copy()
        for start, view in zip(self._starts, self._views, strict=False):
            columns, values = view.row(text, words)
            if len(columns):
                total += values @ self._weights[columns + start]
        total += self._standard.apply(vector) @ self._weights[self._starts[-1] :]
        return total

    def probabilities(self, text: str, words: Sequence[str], vector: Floats) -> Floats:
        """Calibrated probabilities, shape (labels,), in the order of ``labels``."""
        return softmax(self.margins(text, words, vector)[None, :] / self.temperature)[0]

    def save(self, folder: Path) -> None:
        """Writes ``model.json``, ``weights.npz`` and the views into ``folder``."""
        for view in self._views:
            view.save(folder)
        names = [view.view for view in self._views]
        facts = {"labels": self.labels, "views": names, "temperature": self.temperature}
        (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        # Compressed here: Rasa's archive takes seconds for the same at its highest level.
        np.savez_compressed(
            folder / "weights.npz", weights=self._weights.astype(np.float16), bias=self._bias,
            mean=self._standard.mean, scale=self._standard.scale,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        facts = json.loads((folder / "model.json").read_text("utf-8"))
        views = [TfIdf.load(folder, name) for name in facts["views"]]
        with np.load(folder / "weights.npz", allow_pickle=False) as data:
            weights = data["weights"].astype(np.float32)
            standard = Standard(data["mean"], data["scale"])
            return cls(
                facts["labels"], views, standard, weights, data["bias"], facts["temperature"]
            )


def softmax(values: Floats) -> Floats:
    """Row-wise softmax."""
    shifted = np.exp(values - values.max(1, keepdims=True))
    return (shifted / shifted.sum(1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Fitted:
    """A model and what cross-validation says about it (``held_out``: margins per training text)."""

    model: LinearModel
    held_out: Floats
    accuracy: float


def fit(
    texts: Texts, vectors: Floats, labels: Sequence[str], views: Sequence[str], threads: int = 2
) -> Fitted:
    """Fits a model; the temperature comes from cross-validated margins."""
    names, target = np.unique(np.array(labels), return_inverse=True)
    fitted_views = [TfIdf.fit(view, texts) for view in views]
    standard = Standard.fit(vectors)
    sparse = [view.matrix(texts) for view in fitted_views]
    matrix = hstack([*sparse, csr_matrix(standard.apply(vectors))]).tocsr().astype(np.float64)
    (weights, bias), held_out = _solve_and_cross_validate(matrix, target, len(names), threads)
    temperature = fit_temperature(held_out, target)
    model = LinearModel([str(n) for n in names], fitted_views, standard, weights, bias, temperature)
    return Fitted(model, held_out, float((held_out.argmax(1) == target).mean()))


def _solve(matrix: csr_matrix, target: npt.NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
    from sklearn.svm import LinearSVC

    solver = LinearSVC(C=_COST, tol=_TOLERANCE, random_state=0).fit(matrix, target)
    if count == 2:
        # scikit-learn gives one row for two classes; both are kept so that serving knows one form.
        rows = np.vstack([-solver.coef_[0], solver.coef_[0]])
        bias = np.array([-solver.intercept_[0], solver.intercept_[0]])
        return rows.T.astype(np.float32), bias.astype(np.float32)
    return np.ascontiguousarray(solver.coef_.T, np.float32), solver.intercept_.astype(np.float32)


def _solve_and_cross_validate(
    matrix: csr_matrix, target: npt.NDArray[np.int64], count: int, threads: int
) -> tuple[tuple[Floats, Floats], Floats]:
    """Weights and bias fitted on everything, and margins of every row by models that have not seen it."""
    import joblib
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    splits = list(folds.split(matrix, target))

    def one(rows: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        return _solve(matrix[rows], target[rows], count)

    # LIBLINEAR lets go of the interpreter lock, so threads share the matrix and both cores. The largest
    # fit comes first: no core then waits for it at the end.
    wanted = [np.arange(matrix.shape[0]), *(seen for seen, _ in splits)]
    whole, *parts = joblib.Parallel(threads, prefer="threads")(
        joblib.delayed(one)(rows) for rows in wanted
    )
    margins = np.zeros((matrix.shape[0], count), np.float32)
    for (_, unseen), (weights, bias) in zip(splits, parts, strict=True):
        margins[unseen] = matrix[unseen] @ weights + bias
    return whole, margins


def fit_temperature(margins: Floats, target: npt.NDArray[np.int64]) -> float:
    """The temperature with the least negative log likelihood of ``target``."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(target))

    def loss(log_temperature: float) -> float:
        scores = softmax(margins / np.float32(np.exp(log_temperature)))
        return float(-np.log(np.maximum(scores[rows, target], 1e-9)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 2.0), method="bounded").x))
