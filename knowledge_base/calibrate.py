"""Fits the ranking model of an encoder: fusion weights, decision weights and thresholds.

    python -m knowledge_base.calibrate

The shipped model is fitted on pairs of our own that the encoder never learnt from (it would trust itself
too much on those it knows), over bases of different richness (one, two or all
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
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.phrasings import phrasings_of
from knowledge_base.ranking import (
    DEFAULTS_FILE,
    RankingModel,
    Signals,
    base_model,
    default_model,
    sure_features,
)
from knowledge_base.search import LoadedBase
from knowledge_base.seed_corpus import read_corpus
from knowledge_base.snapshot import BaseEntry, SnapshotContent
from knowledge_base.text import normalize

Doubles = npt.NDArray[np.float64]
SIGNALS = ("question", "centre", "answer", "phrased", "lexical")
_DATA = Path(__file__).resolve().parent.parent / "data"
PAIRS = _DATA / "retrieval" / "calibration"
SAID = _DATA / "retrieval" / "train"
"""What customers said, with the entries they meant: what the encoder is taught with, and what is remembered."""
REFUSALS = (_DATA / "nlu" / "out_of_scope.yml", _DATA / "retrieval" / "train_oos.jsonl")
Vectors = npt.NDArray[np.float32]
Pair = tuple[str, set[str]]
"""A customer's question and the ids that answer it."""
Truth = npt.NDArray[np.bool_]
_WRONG_REFUSALS = 0.06
_FALSE_ANSWERS = 0.08
_DOMAIN_DECAY = 0.3
_FOLDS = 5
_COST_OF_WRONG = 2.0
"""In right answers at once."""
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
    """Listwise softmax regression of the signal weights (gradient descent with momentum)."""
    usable = [item for item in asked if item.right.any()]
    matrices = [_matrix(item.signals) for item in usable]
    scale = np.concatenate(matrices).std(axis=0) + 1e-9
    weights = np.array([getattr(start, name) for name in SIGNALS]) * scale
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
    question, centre, answer, phrased, lexical = map(float, np.maximum(weights, 0) / scale)
    return replace(
        start, question=question, centre=centre, answer=answer, phrased=phrased, lexical=lexical,
        negative=question + centre + phrased,
    )  # fmt: skip


def fit_domain(vectors: Vectors, inside: Truth) -> tuple[float, ...]:
    """The direction that parts service questions from all else (strongly regularised logistic)."""
    ones = np.ones((len(vectors), 1))
    weights = logistic(np.hstack([ones, vectors.astype(np.float64)]), inside, _DOMAIN_DECAY)
    return tuple(weights[1:])


def out_of_fold(vectors: Vectors, inside: Truth) -> Doubles:
    """Each vector's place along a direction fitted without it (n,), as for texts never seen."""
    folds = np.arange(len(vectors)) % _FOLDS
    places = np.zeros(len(vectors))
    for fold in range(_FOLDS):
        rest = folds != fold
        direction = np.array(fit_domain(vectors[rest], inside[rest]))
        places[~rest] = vectors[~rest] @ direction
    return places


def fit_known(
    model: RankingModel, places: Doubles, nearest: Doubles, inside: Truth
) -> RankingModel:
    """Weights of ``known`` and its thresholds, from places along the domain direction."""
    features = np.stack([np.ones(len(places)), places, nearest], axis=1)
    weights = logistic(features, inside)
    chance = _chance(features, weights)
    none_below = float(np.quantile(chance[inside], _WRONG_REFUSALS))
    answer_from = float(np.quantile(chance[~inside], 1 - _FALSE_ANSWERS))
    if answer_from < none_below:
        none_below = answer_from = (none_below + answer_from) / 2
    return replace(model, known=tuple(weights), none_below=none_below, answer_from=answer_from)


def fit_sure(model: RankingModel, asked: Sequence[Asked]) -> RankingModel:
    """Weights of ``sure`` (is the best candidate a right one) and its threshold."""
    features, right = [], []
    for item in asked:
        scores = model.scores(item.signals)
        best = int(scores.argmax())
        features.append(sure_features(scores, item.signals, best))
        right.append(bool(item.right[best]))
    table, truth = np.array(features), np.array(right, bool)
    weights = logistic(table, truth)
    return replace(
        model, sure=tuple(weights), sure_from=_worth_answering(_chance(table, weights), truth)
    )


def _worth_answering(chance: Doubles, right: Truth) -> float:
    """The level above which right answers outweigh wrong ones by most: one who is answered wrongly has lost
    more than one who is asked back."""
    order = np.argsort(-chance)
    gain = np.cumsum(np.where(right[order], 1.0, -_COST_OF_WRONG))
    return float(chance[order[int(gain.argmax())]])


def logistic(features: Doubles, truth: Truth, decay: float = 1e-3) -> list[float]:
    """Logistic regression by Newton's method, both classes weighing the same; the first column is
    the constant and is not decayed."""
    scale = features.std(axis=0)
    scale[scale < 1e-9] = 1.0
    scaled = features / scale
    share = max(truth.mean(), 1e-6), max(1 - truth.mean(), 1e-6)
    balance = np.where(truth, 0.5 / share[0], 0.5 / share[1])
    decays = np.full(features.shape[1], decay)
    decays[0] = 1e-6
    weights = np.zeros(features.shape[1])
    for _ in range(30):
        chance = _chance(scaled, weights)
        gradient = scaled.T @ (balance * (truth - chance)) / len(truth) - decays * weights
        curve = (scaled * (balance * chance * (1 - chance))[:, None]).T @ scaled / len(truth)
        step = np.linalg.solve(curve + np.diag(decays), gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-6:
            break
    return [float(w) for w in weights / scale]


def _chance(features: Doubles, weights: Sequence[float] | Doubles) -> Doubles:
    result: Doubles = 1 / (1 + np.exp(-np.clip(features @ np.asarray(weights), -30, 30)))
    return result


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
    left out altogether, so that its question has no right answer. What is no service question at
    all comes from the sentences the dialogue learns to refuse.
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
    base = _searchable(build_content(held_out, cache, encoder, model), encoder)
    texts = [e.similar[-1] for e in known] + [e.question for e in unknown]
    gold: list[set[str]] = [{e.entry_id} for e in known] + [set() for _ in unknown]
    asked = ask(base, texts, _encode(texts, cache), gold)
    fused = fit_sure(fit_fusion(asked, model), asked)
    customers = [e.similar[-1] for e in known]
    fitted = _fit_known_on(fused, base, customers, read_refusals(REFUSALS), cache)
    return replace(fitted, origin="own questions")


def _cautious(model: RankingModel) -> RankingModel:
    # Too few entries to learn from: only what is very near is answered, little is refused.
    return replace(
        model, known=(-27.0, 0.0, 31.0), sure=(-0.5, 0.0, 1.0, 10.0, 0.0), none_below=0.3,
        answer_from=0.7, origin="too few entries",
    )  # fmt: skip


def model_for(
    entries: Sequence[BaseEntry], encoder: SentenceEncoder, cache: VectorCache
) -> RankingModel:
    """The shipped model of the encoder, or one calibrated on the base itself."""
    shipped = default_model(encoder.fingerprint)
    return shipped or calibrate_on_own_questions(entries, encoder, cache)


def calibrate_on_pairs(
    entries: Sequence[BaseEntry], pairs: Sequence[Pair], service: Sequence[str],
    refusals: Sequence[str], encoder: SentenceEncoder, cache: VectorCache, sample: int = 1500,
) -> RankingModel:  # fmt: skip
    """The shipped model: our own pairs over bases of different richness, categories left out.

    ``service`` are more questions about the service, whichever entry answers them: where the domain ends
    needs many, and may be learnt from those that the encoder knows as well.
    """
    choose = random.Random(11)  # noqa: S311 - a sample, not a secret
    start = base_model(encoder.fingerprint)
    remembered, forgotten = _ask_poorer_bases(entries, pairs, encoder, cache, choose, sample)
    # What to go by is learnt where the memory is whole, how far to trust it also where it is not.
    fused = fit_sure(fit_fusion(remembered, start), remembered + forgotten)
    thin = _thinned(entries, 2, choose)
    # The questions left out of the thin base are customers too: short, plain, and near to it.
    spare = [f for full, few in zip(entries, thin, strict=True) for f in full.similar
             if f not in few.similar]  # fmt: skip
    known = [query for query, _ in pairs] + spare + list(service)
    base = _searchable(build_content(thin, cache, encoder, start), encoder)
    fitted = _fit_known_on(fused, base, known, refusals, cache)
    return replace(fitted, origin=f"{len(pairs)} pairs, {len(refusals)} refusals")


def _fit_known_on(
    model: RankingModel, base: LoadedBase, known: Sequence[str], refusals: Sequence[str],
    cache: VectorCache,
) -> RankingModel:  # fmt: skip
    vectors = _encode([*known, *refusals], cache)
    inside = np.arange(len(vectors)) < len(known)
    nearest = np.array([base.nearest(vector) for vector in vectors])
    model = replace(model, domain=fit_domain(vectors, inside))
    return fit_known(model, out_of_fold(vectors, inside), nearest, inside)


def _ask_poorer_bases(
    entries: Sequence[BaseEntry], pairs: Sequence[Pair], encoder: SentenceEncoder,
    cache: VectorCache, choose: random.Random, sample: int,
) -> tuple[list[Asked], list[Asked]]:  # fmt: skip
    """Pairs asked of bases with the whole memory, and of one for a third of whose topics there is none."""
    groups = sorted({e.category for e in entries})
    choose.shuffle(groups)
    memory = phrasings_of(encoder)
    remembered: list[Asked] = []
    forgotten: list[Asked] = []
    for fold, (richness, asked) in enumerate(
        ((1, remembered), (2, remembered), (99, remembered), (2, forgotten))
    ):
        left_out = set(groups[fold::4])
        kept = _thinned([e for e in entries if e.category not in left_out], richness, choose)
        here = {e.entry_id for e in kept}
        # Not every entry of another's base has a topic in our memory.
        lost = choose.sample(memory.names, len(memory.names) // 3) if asked is forgotten else []
        here_heard = memory.without(lost)
        model = base_model(encoder.fingerprint)
        content = build_content(kept, cache, encoder, model, memory=here_heard)
        base = LoadedBase(content, memory=here_heard)
        part = choose.sample(list(pairs), min(sample, len(pairs)))
        texts = [query for query, _ in part]
        asked += ask(base, texts, _encode(texts, cache), [right & here for _, right in part])
    return remembered, forgotten


def _searchable(content: SnapshotContent, encoder: SentenceEncoder) -> LoadedBase:
    return LoadedBase(content, memory=phrasings_of(encoder))


def _thinned(entries: Sequence[BaseEntry], richness: int, choose: random.Random) -> list[BaseEntry]:
    return [
        replace(e, similar=tuple(choose.sample(e.similar, min(richness, len(e.similar)))))
        for e in entries
    ]


def _encode(texts: Sequence[str], cache: VectorCache) -> npt.NDArray[np.float32]:
    return cache.encode([normalize(text) for text in texts], "query")


def read_pairs(folder: Path) -> list[Pair]:
    """(query, gold ids) of every ``*.jsonl`` in ``folder``."""
    pairs = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            if line.strip():
                row = json.loads(line)
                pairs.append((row["query"], set(row["gold"])))
    return pairs


def read_refusals(paths: Sequence[Path]) -> list[str]:
    """Sentences that the base must not answer, of Rasa NLU files (entity marks removed) and of JSON lines."""
    return [text for path in paths for text in _sentences(path)]


def _sentences(path: Path) -> list[str]:
    if path.suffix == ".jsonl":
        rows = path.read_text("utf-8").splitlines()
        return [str(json.loads(row)["query"]) for row in rows if row.strip()]
    lines = re.findall(r"^\s+- (?!intent:)(.+)$", path.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})", r"\1", line).strip() for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description="Calibrate the ranking for the built encoder.")
    parser.add_argument("--corpus", type=Path, default=Path("knowledge_base/corpus"))
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--service", type=Path, default=SAID)
    parser.add_argument("--refusals", type=Path, nargs="+", default=REFUSALS)
    parser.add_argument("--encoder", type=Path, default=Path("var/models/encoder"))
    parser.add_argument("--out", type=Path, default=DEFAULTS_FILE)
    options = parser.parse_args()
    encoder = SentenceEncoder(options.encoder)
    cache = VectorCache(encoder, Path("var/knowledge/vectors"))
    entries = read_corpus(options.corpus)
    ids = {entry.entry_id for entry in entries}
    pairs = [(query, gold & ids) for query, gold in read_pairs(options.pairs) if gold & ids]
    service = [query for query, _ in read_pairs(options.service)]
    refusals = read_refusals(options.refusals)
    model = calibrate_on_pairs(entries, pairs, service, refusals, encoder, cache)
    models = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    models[encoder.fingerprint] = model.to_dict()
    options.out.write_text(_legible(models), "utf-8")
    sys.stdout.write(_legible({**model.to_dict(), "domain": []}))


def _legible(shape: dict[str, Any]) -> str:
    """JSON with five digits, and lists of numbers on one line."""
    rounded = json.loads(json.dumps(shape), parse_float=lambda x: float(f"{float(x):.5g}"))
    text = json.dumps(rounded, ensure_ascii=False, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s+", " ", m[0]), text) + "\n"


if __name__ == "__main__":
    main()
