from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.nlu.evaluate import DEVELOPMENT
from bot.nlu.evaluation.data import BadEvaluationFile, read_sentences


def test_reads_lines_with_and_without_entities(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [
        {
            "text": "充50",
            "intent": "recharge",
            "entities": [{"entity": "money_amount", "value": "50"}],
        },
        {"text": "好", "intent": "affirm"},
    ]
    path.write_text("\ufeff" + "\n\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    first, second = read_sentences([path])
    assert first.entities == (("money_amount", "50"),)
    assert second.entities == ()


@pytest.mark.parametrize(
    "line", ["[]", "{", '{"text": "x"}', '{"text": "x", "intent": "y", "entities": [1]}']
)
def test_says_which_line_is_bad(line: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "intent": "b"}\n' + line, "utf-8")
    with pytest.raises(BadEvaluationFile, match=r"x\.jsonl:2"):
        read_sentences([path])


def test_values_of_the_development_set_stand_in_their_sentences() -> None:
    sentences = read_sentences(DEVELOPMENT)
    assert len(sentences) >= 800
    assert sum(s.hard for s in sentences) >= len(sentences) / 5
    assert all(value in s.text for s in sentences for _, value in s.entities)
