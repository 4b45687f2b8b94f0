from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.nlu.linear import LinearModel, fit, fit_temperature, softmax


def sample(
    labels: list[str], each: int = 12
) -> tuple[list[tuple[str, list[str]]], np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    texts, vectors, names = [], [], []
    for number, label in enumerate(labels):
        for i in range(each):
            texts.append((f"{label}第{i}句", [label, "第", str(i), "句"]))
            vectors.append(rng.normal(number, 0.5, 8))
            names.append(label)
    return texts, np.array(vectors, np.float32), names


@pytest.mark.parametrize("labels", [["话费", "流量", "套餐"], ["话费", "流量"]])
def test_learns_tells_and_survives_saving(labels: list[str], tmp_path: Path) -> None:
    texts, vectors, names = sample(labels)
    fitted = fit(texts, vectors, names, ["characters", "words"])
    assert fitted.accuracy > 0.9
    fitted.model.save(tmp_path)
    loaded = LinearModel.load(tmp_path)
    for (text, words), vector, name in zip(texts, vectors, names, strict=True):
        told = loaded.probabilities(text, words, vector)
        assert loaded.labels[int(told.argmax())] == name
        assert told.sum() == pytest.approx(1, abs=1e-4)
        assert np.allclose(told, fitted.model.probabilities(text, words, vector), atol=0.02)


def test_temperature_recovers_confidence() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 2, (4000, 3)).astype(np.float32)
    target = np.array([rng.choice(3, p=row / row.sum()) for row in softmax(truth).astype(float)])
    assert fit_temperature(truth * 5, target) == pytest.approx(5, rel=0.15)
