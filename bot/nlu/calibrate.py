"""Finds the arbiter's thresholds on the development set and stores them beside the code.

``python -m bot.nlu.calibrate [--model …]``: run it after the encoder or the classifier changed, then train
again (thresholds are part of the model's fingerprint). The development set was never used to fit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.nlu.decide import (
    CALIBRATION,
    CLARIFY,
    MISS,
    OUTSIDE,
    Evidence,
    Thresholds,
    Verdict,
    decide,
)
from bot.nlu.encoder import encoder_dir
from bot.nlu.evaluate import DEVELOPMENT
from bot.nlu.evaluation import running
from bot.nlu.evaluation.data import Sentence, read_sentences
from bot.nlu.paths import var_dir
from knowledge_base.embedding.encoder import shared_encoder

Case = tuple[Sentence, Evidence]
_CAUGHT_AT_LEAST, _REFUSED_AT_MOST = 0.92, 0.02
# What an outcome is worth to a customer: a wrong job costs more than an honest miss.
_RIGHT, _RIGHT_CHOICE, _WRONG_CHOICES, _MISSED, _WRONG = 1.0, 0.5, -0.1, -0.1, -0.5
_NOISE = 0.006
_GRID = {
    "outside_from": (0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5),
    "miss_below": (0.12, 0.16, 0.2, 0.25, 0.3),
    "clarify_below": (0.35, 0.4, 0.45, 0.5),
    "choice_from": (0.12, 0.16, 0.2),
}


def worth(sentence: Sentence, verdict: Verdict) -> float:
    """What a verdict is worth for a sentence."""
    if sentence.intent == OUTSIDE:
        return _RIGHT if verdict.intent in (OUTSIDE, MISS) else _WRONG
    if verdict.intent == CLARIFY:
        offered = any(choice.intent == sentence.intent for choice in verdict.choices)
        return _RIGHT_CHOICE if offered else _WRONG_CHOICES
    if verdict.intent == MISS:
        return _MISSED
    return _RIGHT if verdict.intent == sentence.intent else _WRONG


def judge(cases: Sequence[Case], limits: Thresholds) -> tuple[float, float, float]:
    """Mean worth, share of out-of-scope sentences caught, share in scope refused."""
    verdicts = [(sentence, decide(evidence, limits)) for sentence, evidence in cases]
    refused = [(s.intent == OUTSIDE, v.intent in (OUTSIDE, MISS)) for s, v in verdicts]
    caught = [r for outside, r in refused if outside]
    wrong = [r for outside, r in refused if not outside]
    mean = sum(worth(s, v) for s, v in verdicts) / len(verdicts)
    return mean, sum(caught) / max(len(caught), 1), sum(wrong) / max(len(wrong), 1)


def best(cases: Sequence[Case], encoder: str) -> Thresholds:
    """The thresholds of the grid worth most among those that catch enough and refuse little.

    When none does both, the nearest to it is taken.
    """
    candidates = [
        Thresholds(encoder, **dict(zip(_GRID, values, strict=True)))
        for values in itertools.product(*_GRID.values())
    ]

    def rank(limits: Thresholds) -> tuple[float, ...]:
        mean, caught, refused = judge(cases, limits)
        short = max(0.0, _CAUGHT_AT_LEAST - caught) + max(0.0, refused - _REFUSED_AT_MOST)
        # A few sentences more or less prove nothing: among equals the arbiter meddles least.
        worth_steps = round(mean / _NOISE)
        return -round(short, 4), worth_steps, limits.outside_from, -limits.clarify_below

    return max(candidates, key=rank)


def evidence_of(output: dict[str, Any]) -> Evidence:
    """What the arbiter saw, from a parse output."""
    ranking = [(r["name"], r["confidence"]) for r in output.get("intent_ranking") or ()]
    if output["predicted_intent"]["name"] is None:
        ranking = []
    entities = {e["entity"]: e["value"] for e in reversed(output.get("entities") or [])}
    return Evidence(output["normalized"], ranking, output.get("knowledge") or {}, entities)


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the arbiter's thresholds.")
    default = var_dir() / "models" / "rasa" / "changda.tar.gz"
    parser.add_argument("--model", type=Path, default=default)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    running.quiet()
    sentences = read_sentences(DEVELOPMENT)
    agent, _ = running.load(options.model)
    outputs = running.parse_all(agent, [s.text for s in sentences])
    cases = [(s, evidence_of(o)) for s, (o, _) in zip(sentences, outputs, strict=True)]
    found = best(cases, shared_encoder(encoder_dir()).fingerprint)
    mean, caught, refused = judge(cases, found)
    figures = {
        "sentences": len(cases), "worth": round(mean, 4), "oos_caught": round(caught, 4),
        "in_scope_refused": round(refused, 4),
    }  # fmt: skip
    stored = {"thresholds": replace(found).to_dict(), "found_on": figures}
    CALIBRATION.write_text(json.dumps(stored, ensure_ascii=False, indent=2) + "\n", "utf-8")
    print(json.dumps(stored, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
