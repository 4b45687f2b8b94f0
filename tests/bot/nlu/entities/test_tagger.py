"""The tagger's pure halves; the trained one is tested with the pipeline."""

from __future__ import annotations

from bot.nlu.entities.tagger import features, spans_of, to_tags


def test_tags_and_spans_are_inverse() -> None:
    spans = [(0, 2, "month"), (2, 5, "money_amount"), (7, 8, "rating")]
    assert spans_of(to_tags(9, spans)) == spans


def test_a_loose_inside_tag_opens_an_entity() -> None:
    assert spans_of(["O", "I-month", "I-month", "B-month"]) == [(1, 3, "month"), (3, 4, "month")]


def test_features_match_the_text_even_if_words_do_not() -> None:
    assert len(features("查话费", ["查"], [])) == 3
    assert features("", [], []) == []


def test_long_texts_are_cut() -> None:
    assert len(features("一" * 3000, ["一"] * 3000, [])) == len(to_tags(3000, [])) == 400
