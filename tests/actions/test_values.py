"""Numbers, money, months, days, yes and no in customers' words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from actions import numerals, values

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "number"),
    [("两百五", 250), ("十二", 12), ("一百零五", 105), ("一百二", 120), ("二十", 20),
     ("一千零五十", 1050), ("一万", 10000), ("俩", 2), ("好", None), ("", None)],
)  # fmt: skip
def test_chinese_integers(text: str, number: int | None) -> None:
    assert numerals.chinese_integer(text) == number


@pytest.mark.parametrize(
    "text",
    ["１３８ ０００００００１", "138-0000-0001", "幺三八零零零零零零零幺", "号码13800000001，谢谢"],
)
def test_phones_in_every_spelling(text: str) -> None:
    assert numerals.phone(text) == "13800000001"


def test_a_longer_number_is_no_phone() -> None:
    assert numerals.phone("BX1380000000123") is None


@pytest.mark.parametrize(
    "text", ["246810", "２４６８１０", "2 4 6 8 1 0", "二四六八一零", "验证码是246810", "246-810"]
)
def test_codes_in_every_spelling(text: str) -> None:
    assert numerals.code(text) == "246810"


def test_a_phone_is_no_code() -> None:
    assert numerals.code("13800000001") is None


@pytest.mark.parametrize(
    ("text", "yuan"),
    [("充50", "50.00"), ("六块五", "6.50"), ("一百块", "100.00"), ("给我充两百", "200.00"),
     ("50.5元", "50.50"), ("３０元", "30.00"), ("就100吧", "100.00"), ("充点钱", None),
     ("查3月的账单", None), ("充值3月的话费", None)],
)  # fmt: skip
def test_money(text: str, yuan: str | None) -> None:
    assert values.money(text) == (None if yuan is None else Decimal(yuan))


@pytest.mark.parametrize(
    ("text", "keys"),
    [("上个月", ["2026-10"]), ("上上个月", ["2026-09"]), ("三月份的", ["2026-03"]),
     ("去年12月", ["2025-12"]), ("2026年2月", ["2026-02"]), ("前两个月", ["2026-10", "2026-09"]),
     ("本月", ["2026-11"]), ("十二月", ["2025-12"]), ("前个月", ["2026-09"]),
     ("9月和10月", ["2026-09", "2026-10"]), ("余额", [])],
)  # fmt: skip
def test_months(text: str, keys: list[str]) -> None:
    assert values.months(text, TODAY) == keys


@pytest.mark.parametrize(
    ("text", "day"),
    [("明天", "2026-11-24"), ("后天上午", "2026-11-25"), ("下周三", "2026-12-02"),
     ("8号", "2026-12-08"), ("30号", "2026-11-30"), ("12月3日", "2026-12-03"),
     ("1月2号", "2027-01-02"), ("32号", None), ("随便", None)],
)  # fmt: skip
def test_days_lie_ahead(text: str, day: str | None) -> None:
    found = values.day(text, TODAY)
    assert (found.isoformat() if found else None) == day


@pytest.mark.parametrize(
    "text", ["好的", "行", "可以，帮我办吧", "没问题", "嗯嗯", "确认办理", "要"]
)
def test_agreement(text: str) -> None:
    assert values.decision(text, "") == "yes"


@pytest.mark.parametrize("text", ["不用了", "不是", "再想想", "好的不用了", "不行", "先不办"])
def test_refusal(text: str) -> None:
    assert values.decision(text, "") == "no"


def test_doubt_is_neither() -> None:
    assert values.decision("多少钱", "") is None


def test_giving_up_is_short() -> None:
    assert values.wants_out("算了不办了", "nlu_fallback")
    assert not values.wants_out(
        "你们上次取消了我的套餐害我多花了三十块钱还不给退", "file_complaint"
    )
