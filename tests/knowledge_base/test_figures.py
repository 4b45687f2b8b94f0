"""The measures against hand-computed values, and the report made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge_base import report
from knowledge_base.figures import equal_error, mean_reciprocal_rank, of_baseline, ranks, recall


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


def test_a_method_that_only_ranks() -> None:
    told = of_baseline([["a", "b"], ["b", "a"]], [0.9, 0.3], [{"a"}, {"a"}], [0.2])
    assert told == {"r_at_1": 0.5, "r_at_3": 1.0, "mrr": 0.75, "equal_error": 0.0}


def test_the_report_keeps_what_was_measured_before(tmp_path: Path) -> None:
    path = tmp_path / "eval" / "knowledge.md"
    ours = {
        "entries": 3, "forms": 9, "queries": 10, "oos": 5, "r_at_1": 0.81234, "median_ms": 7.26,
        "encoder": "abc", "calibration": "20 pairs",
        "alone": {"bm25": {"r_at_1": 0.3}},
    }  # fmt: skip
    report.write(path, {**ours, "r_at_1": 0.5}, "encoder as it comes")
    assert not path.exists()
    report.write(path, ours)
    text = path.read_text("utf-8")
    assert "| **ours** | 0.812 |" in text
    assert "| BM25 alone | 0.300 |" in text
    assert "| encoder as it comes | 0.500 |" in text
    assert " 7.3 |" in text
