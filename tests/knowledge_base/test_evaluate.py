"""The measures against hand-computed values, and the command as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import ROOT
from knowledge_base.evaluate import equal_error, mean_reciprocal_rank, ranks, recall


def test_recall_and_mrr() -> None:
    places = ranks([["a", "b"], ["b", "a"], ["c"], []], [{"a"}, {"a", "x"}, {"z"}, {"a"}])
    assert places == [1, 2, 0, 0]
    assert (recall(places, 1), recall(places, 3)) == (0.25, 0.5)
    assert mean_reciprocal_rank(places) == pytest.approx(1.5 / 4)
    assert recall([], 1) == mean_reciprocal_rank([]) == 0


def test_equal_error() -> None:
    assert equal_error([0.9, 0.8], [0.1, 0.2]) == 0
    assert equal_error([0.1, 0.9], [0.2, 0.8]) == pytest.approx(0.5)
    assert equal_error([], [0.1]) == 0


@pytest.mark.integration
def test_the_command_builds_a_base_of_that_corpus_alone(tmp_path: Path, encoder_dir: Path) -> None:
    corpus = [
        {"id": 1, "category": "账单", "question": "怎么查账单？", "similar": [], "answer": "在App查。"},
        {"id": "b", "category": "宽带", "question": "宽带断了怎么办？", "similar": ["上不了网"],
         "answer": "重启光猫。"},
    ]  # fmt: skip
    queries = [{"query": "账单在哪查", "gold": ["1"]}, {"query": "家里网断了", "gold": ["b"]}]
    for name, rows in (("c", corpus), ("q", queries), ("o", [{"query": "红烧肉怎么做"}])):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "knowledge_base.evaluate", *(str(tmp_path / f"{n}.jsonl") for n in "cqo"),
         "--encoder", str(encoder_dir), "--compare"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert (figures["entries"], figures["forms"], figures["r_at_1"]) == (2, 3, 1.0)
    assert figures["false_answers"] == 0
    assert set(figures["alone"]) == {"bm25", "vectors"}
