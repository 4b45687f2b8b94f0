"""Short messages go out as one, long ones in parts, and what was tried together stays together."""

from __future__ import annotations

from typing import Any

from bot.channels.composing import compose, fitting
from bot.channels.outbox import Parcel
from bot.channels.splitting import size

BUTTONS = [{"title": "查话费", "payload": "查话费"}]


def parcel(number: int, text: str, **more: Any) -> Parcel:
    said = {"sender": "bot", "text": text, "buttons": more.pop("buttons", None)}
    return Parcel(number, f"m_{number}", "c_1", said, **more)


def test_short_ones_are_merged_and_the_last_choices_count() -> None:
    (load,) = compose([parcel(1, "一", buttons=BUTTONS), parcel(2, "二")], 2048)
    assert load.sending.text == "一\n\n二"
    assert load.sending.choices[0]["title"] == "查话费"
    assert load.sending.key == "m_1-1"
    assert load.complete


def test_a_long_one_is_cut_and_its_choices_come_last() -> None:
    loads = compose([parcel(1, "一。"), parcel(2, "长。" * 500, buttons=BUTTONS)], 2048)
    assert [load.sending.key for load in loads] == ["m_1-1", "m_2-1", "m_2-2"]
    assert [bool(load.sending.choices) for load in loads] == [False, False, True]
    assert [load.complete for load in loads] == [True, False, True]
    assert all(size(load.sending.text) <= 2048 for load in loads)


def test_parts_that_arrived_are_not_sent_again() -> None:
    (load,) = compose([parcel(2, "长。" * 500, parts=1)], 2048)
    assert load.sending.key == "m_2-2"


def test_what_was_tried_together_stays_together() -> None:
    tried = {"attempts": 1, "bundle": "m_1"}
    loads = compose([parcel(1, "一", **tried), parcel(2, "二", **tried), parcel(3, "三")], 2048)
    assert [load.sending.text for load in loads] == ["一\n\n二", "三"]


def test_what_fits_into_one_answer() -> None:
    count, text, choices = fitting([parcel(1, "一", buttons=BUTTONS), parcel(2, "长" * 900)], 2048)
    assert (count, choices) == (1, BUTTONS)
    assert text.endswith("1. 查话费")
    assert fitting([parcel(1, "长" * 900)], 2048) == (0, "", [])
    assert fitting([], 2048) == (0, "", [])
