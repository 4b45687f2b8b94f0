"""Fusion and decision, on numbers one can follow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.ranking import (
    DEFAULTS_FILE,
    RankingModel,
    Signals,
    base_model,
    default_model,
    sure_features,
)


def signals(*rows: tuple[float, ...], nearest: float = 0.9) -> Signals:
    table = np.array(rows, np.float32)
    return Signals(*table.T, vector=np.array([1, 0], np.float32), nearest=nearest)


def test_each_signal_moves_the_score_its_own_way() -> None:
    model = base_model("e")
    plain, asked, central, answered, said, worded, denied = model.scores(
        signals(
            (0, 0, 0, 0, 0, 0), (0.1, 0, 0, 0, 0, 0), (0, 0.1, 0, 0, 0, 0), (0, 0, 0.1, 0, 0, 0),
            (0, 0, 0, 0.1, 0, 0), (0, 0, 0, 0, 0.5, 0), (0, 0, 0, 0, 0, 0.1),
        )
    )  # fmt: skip
    assert min(asked, central, answered, said, worded) > plain > denied


@pytest.mark.parametrize(
    ("known", "sure", "decision"),
    [(0.1, 0.9, "none"), (0.5, 0.9, "clarify"), (0.8, 0.1, "clarify"), (0.8, 0.9, "answer")],
)
def test_decisions(known: float, sure: float, decision: str) -> None:
    model = replace(base_model("e"), none_below=0.3, answer_from=0.7, sure_from=0.5)
    assert model.decide(known, sure) == decision


def test_the_domain_direction_counts_only_where_one_was_learnt() -> None:
    model = base_model("e")
    assert model.known_features(signals((0, 0, 0, 0, 0, 0))).tolist() == [1.0, 0.0, 0.9]
    learnt = replace(model, domain=(2.0, 5.0))
    assert learnt.known_features(signals((0, 0, 0, 0, 0, 0))).tolist() == [1.0, 2.0, 0.9]


def test_a_lone_candidate_has_a_full_margin() -> None:
    only = signals((0.1, 0.1, 0.1, 0.1, 0.1, 0))
    assert sure_features(np.array([3.0], np.float32), only, 0)[2] == 5.0


def test_a_model_survives_json() -> None:
    model = replace(base_model("e"), domain=(0.1, 0.2), known=(1.0, 2.0, 3.0))
    assert RankingModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def test_an_unknown_encoder_has_no_shipped_model(tmp_path: Path) -> None:
    assert default_model("nobody") is None
    assert default_model("nobody", tmp_path / "none.json") is None


def test_shipped_models_are_whole() -> None:
    for encoder, data in json.loads(DEFAULTS_FILE.read_text("utf-8")).items():
        model = RankingModel.from_dict(data)
        assert model.encoder == encoder
        assert (len(model.known), len(model.sure)) == (3, 5)
        assert 0 < model.none_below <= model.answer_from < 1
        assert min(model.question, model.answer, model.phrased, model.lexical) > 0
