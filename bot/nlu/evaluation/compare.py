"""Which classifier: candidates measured alike, by cross-validation of the training text and on the
development set.

Run by ``python -m bot.nlu.evaluate --compare``; a few minutes. DIET is measured with the stock pipeline.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack

from bot.nlu.encoder import VectorCache, encoder_dir, to_encode
from bot.nlu.evaluation.data import Sentence
from bot.nlu.linear import Standard
from bot.nlu.ngrams import INTENT_VIEWS, TfIdf
from bot.nlu.normalize import normalize
from bot.nlu.paths import ROOT, cache_dir
from bot.nlu.words import segmenter
from knowledge_base.embedding.encoder import shared_encoder

Floats = npt.NDArray[np.float32]
Learner = Callable[[], Any]
_FOLDS = 3


@dataclass(frozen=True)
class Row:
    """One candidate: what it sees, accuracies, seconds of the last fit."""

    name: str
    cross_validated: float
    development: float
    seconds: float


@dataclass(frozen=True)
class _Views:
    """Feature matrices of the training and the development texts, by view."""

    train: dict[str, csr_matrix]
    check: dict[str, csr_matrix]

    def pick(self, names: Sequence[str]) -> tuple[csr_matrix, csr_matrix]:
        return (
            hstack([self.train[n] for n in names]).tocsr(),
            hstack([self.check[n] for n in names]).tocsr(),
        )


def compare(sentences: Sequence[Sentence], training: Path = ROOT / "data" / "nlu") -> list[Row]:
    """Measures every candidate."""
    texts, labels = _training(training)
    target = np.array(labels)
    gold = np.array([s.intent for s in sentences])
    views = _features(texts, [s.text for s in sentences])
    rows = []
    for name, (seen, learner, dense) in _candidates().items():
        train, check = views.pick(seen)
        if dense:
            train, check = train.toarray(), check.toarray()
        rows.append(_measure(name, learner, train, target, check, gold))
    return rows


def _candidates() -> dict[str, tuple[Sequence[str], Learner, bool]]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import LinearSVC

    def svm() -> Any:
        return LinearSVC(C=0.5, tol=1e-2, random_state=0)

    def nearest() -> Any:
        return KNeighborsClassifier(10, weights="distance", metric="cosine")

    def network() -> Any:
        return MLPClassifier((256,), alpha=1e-2, max_iter=25, batch_size=128, random_state=0)

    def logistic() -> Any:
        return LogisticRegression(C=10, max_iter=60)

    everything = (*INTENT_VIEWS, "vector")
    return {
        "characters, SVM": (("characters",), svm, False),
        "all n-grams, SVM": (INTENT_VIEWS, svm, False),
        "vector, 10 nearest neighbours": (("vector",), nearest, True),
        "vector, SVM": (("vector",), svm, True),
        "vector, small MLP": (("vector",), network, True),
        "n-grams + vector, logistic regression": (everything, logistic, False),
        "n-grams + vector, SVM (ours)": (everything, svm, False),
    }


def _measure(
    name: str, learner: Learner, train: Any, target: npt.NDArray[np.str_], check: Any,
    gold: npt.NDArray[np.str_],
) -> Row:  # fmt: skip
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    with warnings.catch_warnings():
        # A fixed number of rounds is the intention, not a failure to converge.
        warnings.simplefilter("ignore")
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
        validated = cross_val_score(learner(), train, target, cv=folds).mean()
        start = time.perf_counter()
        fitted = learner().fit(train, target)
        seconds = time.perf_counter() - start
    return Row(name, float(validated), float((fitted.predict(check) == gold).mean()), seconds)


def _features(train: Sequence[str], check: Sequence[str]) -> _Views:
    words = segmenter()
    folded = [[normalize(t).text for t in part] for part in (train, check)]
    cut = [[(t, words.lcut(t)) for t in part] for part in folded]
    encoder = shared_encoder(encoder_dir())
    vectors = [
        VectorCache(encoder, cache_dir(), name).encode([to_encode(t) for t in part])
        for name, part in zip(("intents", "development"), folded, strict=True)
    ]
    standard = Standard.fit(vectors[0])
    found = _Views({}, {})
    for view in INTENT_VIEWS:
        fitted = TfIdf.fit(view, cut[0])
        found.train[view], found.check[view] = fitted.matrix(cut[0]), fitted.matrix(cut[1])
    found.train["vector"] = csr_matrix(standard.apply(vectors[0]))
    found.check["vector"] = csr_matrix(standard.apply(vectors[1]))
    return found


def _training(folder: Path) -> tuple[list[str], list[str]]:
    from rasa.shared.nlu.training_data.loading import load_data

    examples = load_data(str(folder)).intent_examples
    return [e.get("text") for e in examples], [e.get("intent") for e in examples]


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [
        "| Features, classifier | Cross-validation | Development set | Fit, s |", "|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        shown = f"{100 * row.cross_validated:.1f} % | {100 * row.development:.1f} %"
        lines.append(f"| {row.name} | {shown} | {row.seconds:.1f} |")
    return "\n".join(lines)
