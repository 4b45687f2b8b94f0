"""BM25 against a plain implementation, and its file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.lexical import K1, B, LexicalIndex

DOCUMENTS = [["话费", "查询"], ["流量", "查询", "查询"], ["宽带"], []]


def plain_bm25(query: list[str], number: int) -> float:
    """Robertson & Zaragoza, written out."""
    document = DOCUMENTS[number]
    mean = sum(map(len, DOCUMENTS)) / len(DOCUMENTS)
    total = 0.0
    for term in set(query):
        frequency = document.count(term)
        holding = sum(term in d for d in DOCUMENTS)
        idf = math.log(1 + (len(DOCUMENTS) - holding + 0.5) / (holding + 0.5))
        norm = K1 * (1 - B + B * len(document) / mean)
        total += idf * frequency * (K1 + 1) / (frequency + norm) if frequency else 0
    return total


@pytest.mark.parametrize("query", [["查询"], ["话费", "查询"], ["没有"], []])
def test_scores_are_bm25(query: list[str]) -> None:
    index = LexicalIndex.build(DOCUMENTS)
    expected = [plain_bm25(query, number) for number in range(len(DOCUMENTS))]
    assert np.allclose(index.scores(query), expected, atol=1e-5)


def test_no_document_scores_more_than_the_weight_of_the_query() -> None:
    index = LexicalIndex.build(DOCUMENTS)
    for query in (["查询"], ["话费", "查询", "没有"]):
        assert index.scores(query).max() <= index.weight_of(query)
    assert index.weight_of(["查询"]) < index.weight_of(["没有"])


def test_the_file_gives_the_same_index_back(tmp_path: Path) -> None:
    index = LexicalIndex.build(DOCUMENTS)
    index.save(tmp_path)
    again = LexicalIndex.load(tmp_path)
    assert np.array_equal(again.scores(["查询", "宽带"]), index.scores(["查询", "宽带"]))
    assert again.weight_of(["查询", "新词"]) == pytest.approx(index.weight_of(["查询", "新词"]))


def test_an_empty_index_answers(tmp_path: Path) -> None:
    index = LexicalIndex.build([])
    index.save(tmp_path)
    assert LexicalIndex.load(tmp_path).scores(["查询"]).shape == (0,)
