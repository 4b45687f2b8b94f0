"""Plots of the report: confusion matrix and reliability curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bot.nlu.evaluation.data import Sentence
from bot.nlu.evaluation.figures import Parsed, Reliability, is_right


def _axes(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height))


def confusion(sentences: Sequence[Sentence], parsed: Sequence[Parsed], path: Path) -> None:
    """Rows: annotated intents. Columns: final intents. Colour: share of the row."""
    gold = [s.intent for s in sentences]
    told = [
        s.intent if is_right(s, p) else p.intent for s, p in zip(sentences, parsed, strict=True)
    ]
    names = sorted(set(gold) | set(told))
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for g, t in zip(gold, told, strict=True):
        counts[place[g], place[t]] += 1
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = _axes(11, 10)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("understood as")
    axes.set_ylabel("annotated")
    figure.colorbar(image, fraction=0.04)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def reliability_curve(found: Reliability, path: Path) -> None:
    """Share right against mean confidence, with the number of sentences of each bin."""
    figure, axes = _axes(5, 5)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.plot(found.confidence, found.right, marker="o")
    for x, y, n in zip(found.confidence, found.right, found.count, strict=True):
        axes.annotate(str(n), (x, y), textcoords="offset points", xytext=(4, -12), fontsize=7)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    axes.set_title(f"expected calibration error {found.error:.3f}")
    figure.tight_layout()
    figure.savefig(path, dpi=90)
