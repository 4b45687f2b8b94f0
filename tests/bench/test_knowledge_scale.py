"""Search over 100,000 and 1,000,000 question forms: time, memory, recall, with figures printed.

``.venv/bin/python -m pytest tests/bench/test_knowledge_scale.py -m bench -s``
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from core.settings import ROOT
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.snapshot import point_to, snapshot_folder, write_content
from tests.bench.big_base import BigBase, big_base, recall, save_queries

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]
SEARCH_MS = 20
RESIDENT_MB = 400


def publish(base: BigBase, folder: Path) -> None:
    """Writes the snapshot, points to it, keeps the questions beside it."""
    version = base.content.meta.version
    began = time.perf_counter()
    index = type(base.content.form_index).__name__
    indexed = time.perf_counter() - began
    write_content(snapshot_folder(folder, version), base.content)
    point_to(folder, version)
    save_queries(base, folder / "queries.npz")
    disk = sum(file.stat().st_size for file in snapshot_folder(folder, version).iterdir())
    print(
        f"\n{base.content.meta.forms:,} forms of {base.content.meta.entries:,} entries, "
        f"{disk / 2**20:.0f} MB on disk; {index} made in {indexed:.1f} s"
    )
    for depth in (1, 10, 120):
        share = recall(base.content, base.queries[:200], depth, 120)
        print(f"  recall of the {depth} nearest forms against exact search: {share:.4f}")


def search(folder: Path, model: Path, environment: str) -> dict[str, Any]:
    """A process of ``environment`` that searches the base in ``folder``."""
    done = subprocess.run(
        [str(ROOT / environment / "bin" / "python"), "-m", "tests.bench.searching",
         str(folder), str(folder / "queries.npz"), str(model)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {environment}: {figures}")
    return figures


@pytest.mark.parametrize("forms", [100_000, 1_000_000])
def test_searching_many_forms(tmp_path: Path, encoder_dir: Path, forms: int) -> None:
    """100,000 have bounds; 1,000,000 are measured."""
    publish(big_base(SentenceEncoder(encoder_dir), forms), tmp_path)
    for environment in (".venv", ".venv-rasa"):
        figures = search(tmp_path, encoder_dir, environment)
        if forms == 100_000:
            assert figures["median_ms"] <= SEARCH_MS
            assert figures["resident_mb"]["peak"] < RESIDENT_MB
