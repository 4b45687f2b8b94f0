"""Folding, and the way back to the customer's own words."""

from __future__ import annotations

import time

import pytest

from bot.nlu.normalize import MAX_CHARACTERS, normalize


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("１３８ＡＢ", "138ab"),
        ("帳單寄到舊信箱", "账单寄到旧信箱"),
        ("查 一下 余 额", "查一下余额"),
        ("VoLTE how to open", "volte how to open"),
        ("呃，那个那个我我想查话费", "那个我想查话费"),
        ("嗯，确认办理", "确认办理"),
        ("嗯", "嗯"),
        ("太慢了！！！！", "太慢了!"),
        ("好好好好好好", "好好好"),
        ("查流量😡😡", "查流量"),
        ("👍", "好的"),
        ("查话费[捂脸]", "查话费"),
        ("", ""),
        ("\x00\u200b\u202e", ""),
    ],
)
def test_folds_what_carries_no_meaning(raw: str, folded: str) -> None:
    assert normalize(raw).text == folded


def test_numbers_are_never_shortened() -> None:
    assert normalize("13800000001").text == "13800000001"
    assert normalize("幺三八零零零零零零零幺").text == "幺三八零零零零零零零幺"


def test_a_full_width_slash_never_becomes_a_command() -> None:
    assert normalize("／restart").text == "／restart"


@pytest.mark.parametrize(
    ("raw", "part", "own_words"),
    [
        ("呃，幫我改成５９元，謝謝", "59元", "５９元"),
        ("查 一下 上 个月 账单", "上个月", "上 个月"),
        ("充😀50😀块", "50块", "50😀块"),
        ("㈱①号", "1", "①"),
    ],
)
def test_spans_lead_back_to_the_raw_text(raw: str, part: str, own_words: str) -> None:
    found = normalize(raw)
    start = found.text.index(part)
    assert found.raw_text(start, start + len(part)) == own_words


def test_every_character_has_an_origin_in_order() -> None:
    found = normalize("呃…那个那个，我 想查 ＶｏＬＴＥ帳單！！！👍👍")
    assert len(found.origins) == len(found.text)
    assert list(found.origins) == sorted(found.origins)


@pytest.mark.parametrize("raw", ["a" * 50_000, "😀" * 5000, ",." * 5000, "那个" * 5000, " " * 9000])
def test_long_nonsense_is_bounded_in_length_and_time(raw: str) -> None:
    start = time.perf_counter()
    assert len(normalize(raw).text) <= MAX_CHARACTERS
    assert time.perf_counter() - start < 1
