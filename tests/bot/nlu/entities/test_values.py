from __future__ import annotations

import pytest

from bot.nlu.entities import values


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("50", "50.00"), ("50元", "50.00"), ("六块五", "6.50"), ("9块9", "9.90"), ("3毛", "0.30"),
        ("￥20", "20.00"), ("一百多", "100.00"), ("两万", "20000.00"), ("19.9元", "19.90"),
        ("三十蚊", "30.00"), ("五十块钱", "50.00"),
    ],
)  # fmt: skip
def test_money(text: str, yuan: str) -> None:
    assert values.money(text) == yuan


@pytest.mark.parametrize(
    ("text", "size"),
    [("10g", "10GB"), ("六个g", "6GB"), ("五百兆", "500MB"), ("1.5gb", "1.5GB"), ("100m", "100MB")],
)
def test_data(text: str, size: str) -> None:
    assert values.data_amount(text) == size


def test_a_bare_number_is_no_data_amount() -> None:
    assert values.data_amount("10") is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("186-2233-4455", "18622334455"),
        ("幺三八零零幺三八零零零", "13800138000"),
        ("+86 13800000001", "13800000001"),
    ],
)
def test_phone_digits(text: str, digits: str) -> None:
    assert values.digits(text) == digits


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("五星", "5"), ("差评", "1"), ("不满意", "2"), ("非常不满意", "1"), ("满意", "4"), ("一般", "3"),
        ("10分", "5"), ("80分", "4"), ("0分", "1"), ("负一百分", "1"), ("满分", "5"), ("两颗星", "2"),
    ],
)  # fmt: skip
def test_ratings_are_one_to_five(text: str, score: str) -> None:
    assert values.rating(text) == score


def test_identifiers_and_accounts() -> None:
    assert values.identifier("tt 2026 0308 011") == "TT20260308011"
    assert values.account("零二五八八三三四四五五") == "02588334455"
    assert values.account("ad66778899") == "ad66778899"
