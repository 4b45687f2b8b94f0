from __future__ import annotations

from decimal import Decimal

import pytest

from bot.nlu.entities.numbers import digits_of, to_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("50", 50), ("19.9", "19.9"), ("一百二", 120), ("一百二十九", 129), ("一百零五", 105),
        ("两千四", 2400), ("一万二", 12000), ("2万", 20000), ("廿", 20), ("十二", 12), ("半", "0.5"),
        ("六点五", "6.5"), ("三四十", 30), ("一百多", 100), ("十几", 10), ("一三八", 138), ("俩", 2),
    ],
)  # fmt: skip
def test_reads_numerals(text: str, number: object) -> None:
    assert to_number(text) == Decimal(str(number))


@pytest.mark.parametrize("text", ["", "多", "没有", "点"])
def test_says_when_there_is_no_number(text: str) -> None:
    assert to_number(text) is None


def test_spoken_digits() -> None:
    assert digits_of("幺三八，嗯，零零 洞拐") == "1380007"
