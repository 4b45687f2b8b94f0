"""The command as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import ROOT


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
         "--encoder", str(encoder_dir), "--compare", "--report", str(tmp_path / "report.md")],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert (figures["entries"], figures["forms"], figures["r_at_1"]) == (2, 3, 1.0)
    assert figures["false_answers"] == 0
    assert set(figures["alone"]) == {"bm25", "vectors", "forgetful"}
    assert "| BM25 alone |" in (tmp_path / "report.md").read_text("utf-8")
