"""The regressions find what was put into the data; an unknown encoder still gets a usable model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import calibrate
from knowledge_base.building import VectorCache, build_content
from knowledge_base.calibrate import Asked, fit_domain, fit_fusion, fit_known, logistic, out_of_fold
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.ranking import Signals, base_model
from knowledge_base.search import LoadedBase
from knowledge_base.seed_corpus import read_corpus
from knowledge_base.text import normalize


def test_logistic_parts_two_classes() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(-1, 0.5, 200), rng.normal(2, 0.5, 200)])
    features = np.stack([np.ones(400), x], axis=1)
    constant, slope = logistic(features, np.arange(400) >= 200)
    assert slope > 0
    assert 0.2 < -constant / slope < 0.8


def test_fusion_trusts_the_signal_that_tells() -> None:
    rng = np.random.default_rng(6)
    asked = []
    for _ in range(80):
        question, answer, lexical = rng.normal(0, 0.05, (3, 20)).astype(np.float32)
        right = np.zeros(20, bool)
        right[3] = True
        answer[3] += 0.2
        noise = Signals(
            question, question, answer, question, lexical, np.zeros(20, np.float32), question, 0.9
        )
        asked.append(Asked(noise, right, True))
    model = fit_fusion(asked, replace(base_model("e"), question=1, answer=1, lexical=1))
    assert model.answer > 3 * max(model.question, model.lexical)


def test_the_domain_direction_holds_on_what_it_never_saw() -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    inside = np.arange(300) % 2 == 0
    vectors[inside, 4] += 2
    places = out_of_fold(vectors, inside)
    assert (places[inside].mean() - places[~inside].mean()) > places.std()
    assert int(np.argmax(np.abs(fit_domain(vectors, inside)))) == 4


def test_thresholds_never_cross() -> None:
    rng = np.random.default_rng(8)
    places, nearest = rng.normal(size=(2, 200))
    for shift in (0.0, 1.0, 5.0):
        inside = np.arange(200) < 100
        model = fit_known(base_model("e"), places + shift * inside, nearest, inside)
        assert model.none_below <= model.answer_from


@pytest.mark.integration
def test_an_uncalibrated_encoder_is_calibrated_on_the_bases_own_questions(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "default_model", lambda _: None)
    entries = read_corpus()[:60]
    cache = VectorCache(encoder, None)
    model = calibrate.model_for(entries, encoder, cache)
    assert model.origin == "own questions"
    base = LoadedBase(build_content(entries, cache, encoder, model))
    vector = encoder.encode(["红烧肉怎么做才不腻"])[0]
    assert base.find("红烧肉怎么做才不腻", vector, 1, 0).decision != "answer"
    reworded = normalize(entries[0].similar[0]) + "呢"
    hits = base.find(reworded, encoder.encode([reworded])[0], 1, 0).hits
    assert hits[0].entry_id == entries[0].entry_id
    assert calibrate.model_for(entries[:5], encoder, cache).origin == "too few entries"


def test_refusals_are_read_without_entity_marks(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text(
        'version: "3.1"\nnlu:\n  - intent: out_of_scope\n    examples: |\n'
        "      - 订张[明天](date)去[上海]{\"entity\": \"address\"}的票\n      - 讲个笑话\n", "utf-8"
    )  # fmt: skip
    lines = tmp_path / "b.jsonl"
    lines.write_text('{"query": "红烧肉怎么做"}\n', "utf-8")
    read = calibrate.read_refusals([file, lines])
    assert read == ["订张明天去上海的票", "讲个笑话", "红烧肉怎么做"]
