"""Parts fit, lose nothing, and end where a reader would pause."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.channels.splitting import size, split


def test_sentences_stay_whole() -> None:
    text = "第一句话到此为止。第二句话也到此为止。「第三句话！」第四句。"
    parts = split(text, 60)
    assert "".join(parts) == text
    assert all(part[-1] in "。」" for part in parts)


def test_paragraphs_before_sentences() -> None:
    assert split("一句。二句。\n\n三句。四句。", 30) == ["一句。二句。", "三句。四句。"]


def test_a_character_seen_as_one_is_not_torn() -> None:
    family = "👨‍👩‍👧‍👦"
    parts = split(family * 6, 60)
    assert "".join(parts) == family * 6
    assert all(len(part) % len(family) == 0 for part in parts)


def test_text_without_any_place_to_cut() -> None:
    assert [size(part) for part in split("畅" * 100, 90)] == [90, 90, 90, 30]


@given(st.text(max_size=600), st.integers(32, 300))
def test_any_text_fits_and_loses_only_white_space(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < size(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
