"""The pipeline Rasa gives a Chinese project by default, trained on the same text, for comparison."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bot.nlu.paths import ROOT

# DIET's default of 300 epochs takes eight hours on two cores; after these its training accuracy moves no more.
STOCK_EPOCHS = 20
STOCK_CONFIG = f"""\
recipe: default.v1
language: zh
assistant_id: stock
pipeline:
  - name: JiebaTokenizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 4
  - name: DIETClassifier
    epochs: {STOCK_EPOCHS}
  - name: FallbackClassifier
policies: []
"""


@dataclass(frozen=True)
class Trained:
    """A model archive and the wall-clock seconds its training took."""

    model: Path
    seconds: float


class TrainingFailed(RuntimeError):
    """``rasa train`` ended with an error; the message holds its last lines."""


def train_stock(folder: Path) -> Trained:
    """Trains the stock pipeline into ``folder``; many minutes on two cores."""
    config = folder / "stock.yml"
    config.write_text(STOCK_CONFIG, "utf-8")
    return train(config, folder, "stock")


def train_ours(folder: Path) -> Trained:
    """Trains our pipeline from nothing: no cached vectors, no cached components."""
    return train(ROOT / "config.yml", folder, "ours")


def train(
    config: Path, folder: Path, name: str, nlu: Path = ROOT / "data" / "nlu",
    domain: Path | None = None,
) -> Trained:  # fmt: skip
    """Trains the NLU of a configuration in a process of its own.

    Raises:
        TrainingFailed: Rasa says why.
    """
    command = [sys.executable, "-W", "ignore", "-m", "rasa", "train", "nlu", "--nlu", str(nlu)]
    command += ["--domain", str(domain)] if domain else []
    command += ["--config", str(config), "--out", str(folder), "--fixed-model-name", name]
    changed = {
        "RASA_MAX_CACHE_SIZE": "0", "RASA_TELEMETRY_ENABLED": "false",
        "CHANGDA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **changed},
        capture_output=True,
        text=True,
        check=False,
    )  # the command is ours
    if done.returncode:
        raise TrainingFailed((done.stderr or done.stdout)[-2000:])
    return Trained(folder / f"{name}.tar.gz", time.perf_counter() - start)
