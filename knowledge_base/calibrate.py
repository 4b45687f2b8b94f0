"""Fits the ranking model of an encoder: fusion weights, decision weights and thresholds.

    python -m knowledge_base.calibrate --corpus knowledge_base/corpus \
        --pairs data/retrieval/train --refusals data/nlu/out_of_scope.yml

The shipped model is fitted on our own pairs, over bases of different richness (one, two or all
similar questions an entry) and with categories left out, whose questions the base then must not
answer. When a base is published with an encoder that nobody calibrated, its thresholds come from
its own questions: each is asked while it is left out itself, and once more while its whole entry
is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.ranking import (
    DEFAULTS_FILE,
    RankingModel,
    Signals,
    base_model,
    decision_features,
    default_model,
)
from knowledge_base.search import LoadedBase
from knowledge_base.snapshot import BaseEntry
from knowledge_base.text import normalize

Doubles = npt.NDArray[np.float64]
SIGNALS = ("question", "answer", "lexical")
_WRONG_REFUSALS = 0.06
_FALSE_ANSWERS = 0.12
_MAX_OWN_QUESTIONS = 400


@dataclass(frozen=True)
class Asked:
    """A question with the signals of its candidates,
    which of them are right, and the vector used.
    """

    signals: Signals
    right: npt.NDArray[np.bool_]
    known: bool


def ask(base: LoadedBase, texts: Sequence[str], vectors: npt.NDArray[np.float32],
        gold: Sequence[set[str]]) -> list[Asked]:  # fmt: skip
    """Signals of every candidate for each text.

    An empty gold set means the base must not answer.
    """
    asked = []
    for text, vector, right in zip(texts, vectors, gold, strict=True):
        entries, signals = base.signals(normalize(text), vector)
        hits = np.array([entry_id in right for entry_id in entries], bool)
        asked.append(Asked(signals, hits, bool(right)))
    return asked


def fit_fusion(asked: Sequence[Asked], start: RankingModel, decay: float = 0.01) -> RankingModel:
    """Listwise softmax regression of the three signal weights (gradient descent with momentum)."""
    usable = [item for item in asked if item.right.any()]
    matrices = [_matrix(item.signals) for item in usable]
    scale = np.concatenate(matrices).std(axis=0) + 1e-9
    weights = np.array([start.question, start.answer, start.lexical]) * scale
    velocity = np.zeros_like(weights)
    for _ in range(300):
        gradient = -decay * weights
        for matrix, item in zip(matrices, usable, strict=True):
            scaled = matrix / scale
            chance = _softmax(scaled @ weights)
            target = chance * item.right
            gradient += (target / max(target.sum(), 1e-12) - chance) @ scaled / len(usable)
        velocity = 0.8 * velocity + 0.5 * gradient
        weights = weights + velocity
    question, answer, lexical = np.maximum(weights, 0) / scale
    return replace(start, question=float(question), answer=float(answer), lexical=float(lexical),
                   negative=float(question))  # fmt: skip


def fit_decisions(asked: Sequence[Asked], model: RankingModel) -> RankingModel:
    """Logistic weights of ``known`` and ``sure``, then thresholds for the error rates aimed at."""
    features, known, sure = decision_table(asked, model)
    known_weights = logistic(features, known)
    sure_weights = logistic(features[known], sure[known])
    fitted = replace(model, known=tuple(known_weights), sure=tuple(sure_weights))
    return choose_thresholds(features, known, fitted)


def decision_table(
    asked: Sequence[Asked], model: RankingModel
) -> tuple[Doubles, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(features (n, 5), the base knows it (n,), the best candidate is right (n,))."""
    features, known, sure = [], [], []
    for item in asked:
        scores = model.scores(item.signals)
        best = int(scores.argmax())
        features.append(decision_features(scores, item.signals, best))
        known.append(item.known)
        sure.append(bool(item.right[best]))
    return np.array(features), np.array(known, bool), np.array(sure, bool)


def choose_thresholds(
    features: Doubles, known: npt.NDArray[np.bool_], model: RankingModel
) -> RankingModel:
    """Says nothing below the level that loses few known questions; answers above the one that
    lets few unknown ones pass; both meet in the middle when they cross."""
    chance = 1 / (1 + np.exp(-(features @ np.array(model.known))))
    none_below = float(np.quantile(chance[known], _WRONG_REFUSALS))
    answer_from = float(np.quantile(chance[~known], 1 - _FALSE_ANSWERS))
    if answer_from < none_below:
        none_below = answer_from = (none_below + answer_from) / 2
    return replace(model, none_below=none_below, answer_from=answer_from)


def logistic(features: Doubles, truth: npt.NDArray[np.bool_], decay: float = 1e-3) -> list[float]:
    """Logistic regression by Newton's method, both classes weighing the same."""
    scale = features.std(axis=0)
    scale[scale < 1e-9] = 1.0
    scaled = features / scale
    share = max(truth.mean(), 1e-6), max(1 - truth.mean(), 1e-6)
    balance = np.where(truth, 0.5 / share[0], 0.5 / share[1])
    weights = np.zeros(features.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(scaled @ weights, -30, 30)))
        gradient = scaled.T @ (balance * (truth - chance)) / len(truth) - decay * weights
        curve = (scaled * (balance * chance * (1 - chance))[:, None]).T @ scaled / len(truth)
        weights = weights + np.linalg.solve(curve + decay * np.eye(len(weights)), gradient)
    return [float(w) for w in weights / scale]


def _matrix(signals: Signals) -> Doubles:
    return np.stack([getattr(signals, name) for name in SIGNALS], axis=1).astype(np.float64)


def _softmax(scores: Doubles) -> Doubles:
    exp = np.exp(scores - scores.max())
    result: Doubles = exp / exp.sum()
    return result


def calibrate_on_own_questions(
    entries: Sequence[BaseEntry], encoder: SentenceEncoder, cache: VectorCache
) -> RankingModel:
    """A model for an encoder nobody calibrated: the base's own questions, held out, stand for
    customers.

    The last similar question of each entry is asked of a base without it; every fourth entry is
    left out altogether, and its questions are those the base must not answer.
    """
    model = base_model(encoder.fingerprint)
    chosen = list(entries)
    random.Random(7).shuffle(chosen)  # noqa: S311 - a sample, not a secret
    chosen = chosen[:_MAX_OWN_QUESTIONS]
    unknown, kept = chosen[::4], [e for i, e in enumerate(chosen) if i % 4]
    known = [e for e in kept if e.similar]
    if len(known) < 12 or len(unknown) < 4:
        return _cautious(model)
    held_out = [replace(e, similar=e.similar[:-1]) for e in kept]
    base = LoadedBase(build_content(held_out, cache, encoder, model))
    texts = [e.similar[-1] for e in known] + [e.question for e in unknown]
    gold: list[set[str]] = [{e.entry_id} for e in known] + [set() for _ in unknown]
    asked = ask(base, texts, _encode(texts, cache), gold)
    fitted = fit_decisions(asked, fit_fusion(asked, model))
    return replace(fitted, origin="own questions")


def _cautious(model: RankingModel) -> RankingModel:
    # Too few entries to learn from: a strong question signal answers, a weak one asks back.
    known = (-2.5, 0.0, 0.0, 35.0, 3.0)
    return replace(
        model, known=known, sure=(-0.5, 0.0, 1.0, 10.0, 0.0), none_below=0.35, answer_from=0.7,
        origin="too few entries",
    )  # fmt: skip


def model_for(
    entries: Sequence[BaseEntry], encoder: SentenceEncoder, cache: VectorCache
) -> RankingModel:
    """The shipped model of the encoder, or one calibrated on the base itself."""
    shipped = default_model(encoder.fingerprint)
    return shipped or calibrate_on_own_questions(entries, encoder, cache)


def calibrate_on_pairs(
    entries: Sequence[BaseEntry], pairs: Sequence[tuple[str, set[str]]], refusals: Sequence[str],
    encoder: SentenceEncoder, cache: VectorCache, sample: int = 1500,
) -> RankingModel:  # fmt: skip
    """The shipped model: our own pairs over bases of different richness, categories left out."""
    choose = random.Random(11)  # noqa: S311 - a sample, not a secret
    groups = sorted({e.category for e in entries})
    choose.shuffle(groups)
    asked: list[Asked] = []
    for fold, richness in enumerate((1, 2, 99, 2)):
        left_out = set(groups[fold::4])
        kept = [e for e in entries if e.category not in left_out]
        kept = [replace(e, similar=tuple(choose.sample(e.similar, min(richness, len(e.similar)))))
                for e in kept]  # fmt: skip
        base = LoadedBase(build_content(kept, cache, encoder, base_model(encoder.fingerprint)))
        here = {e.entry_id for e in kept}
        part = choose.sample(list(pairs), min(sample, len(pairs)))
        texts = [query for query, _ in part] + list(refusals)
        gold = [right & here for _, right in part] + [set() for _ in refusals]
        asked += ask(base, texts, _encode(texts, cache), gold)
    fitted = fit_decisions(asked, fit_fusion(asked, base_model(encoder.fingerprint)))
    return replace(fitted, origin=f"{len(pairs)} pairs, {len(refusals)} refusals")


def _encode(texts: Sequence[str], cache: VectorCache) -> npt.NDArray[np.float32]:
    return cache.encode([normalize(text) for text in texts], "query")


def read_pairs(folder: Path) -> list[tuple[str, set[str]]]:
    """(query, gold ids) of every ``*.jsonl`` in ``folder``."""
    pairs = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            if line.strip():
                row = json.loads(line)
                pairs.append((row["query"], set(row["gold"])))
    return pairs


def read_refusals(path: Path) -> list[str]:
    """Sentences of a Rasa NLU file, entity marks removed."""
    lines = re.findall(r"^\s+- (?!intent:)(.+)$", path.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})", r"\1", line).strip() for line in lines]


def main() -> None:
    from knowledge_base.seeding import read_corpus

    parser = argparse.ArgumentParser(description="Calibrate the ranking for the built encoder.")
    parser.add_argument("--corpus", type=Path, default=Path("knowledge_base/corpus"))
    parser.add_argument("--pairs", type=Path, default=Path("data/retrieval/train"))
    parser.add_argument("--refusals", type=Path, default=Path("data/nlu/out_of_scope.yml"))
    parser.add_argument("--encoder", type=Path, default=Path("var/models/encoder"))
    parser.add_argument("--out", type=Path, default=DEFAULTS_FILE)
    options = parser.parse_args()
    encoder = SentenceEncoder(options.encoder)
    cache = VectorCache(encoder, Path("var/knowledge/vectors"))
    entries = read_corpus(options.corpus)
    ids = {entry.entry_id for entry in entries}
    pairs = [(query, gold & ids) for query, gold in read_pairs(options.pairs) if gold & ids]
    model = calibrate_on_pairs(entries, pairs, read_refusals(options.refusals), encoder, cache)
    models = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    models[encoder.fingerprint] = model.to_dict()
    options.out.write_text(json.dumps(models, ensure_ascii=False, indent=2) + "\n", "utf-8")
    sys.stdout.write(json.dumps(model.to_dict(), ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
