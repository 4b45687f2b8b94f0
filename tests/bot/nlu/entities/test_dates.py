"""Months, days and durations, told on Monday 23 November 2026."""

from __future__ import annotations

from datetime import date

import pytest

from bot.nlu.entities import dates

NOW = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("上个月", "2026-10"), ("上上个月", "2026-09"), ("本月", "2026-11"), ("这个月", "2026-11"),
        ("下月", "2026-12"), ("三月份", "2026-03"), ("12月", "2025-12"), ("去年12月", "2025-12"),
        ("明年3月", "2027-03"), ("前两个月", "2026-09/2026-10"), ("202403", "2024-03"),
        ("2024年5月", "2024-05"), ("十一月", "2026-11"), ("last month", "2026-10"),
    ],
)  # fmt: skip
def test_months(text: str, iso: str) -> None:
    assert dates.month(text, NOW) == iso


def test_last_month_in_january_is_last_year() -> None:
    assert dates.month("上个月", date(2027, 1, 31)) == "2026-12"


@pytest.mark.parametrize("text", ["十三月", "月", "几月"])
def test_months_that_are_none(text: str) -> None:
    assert dates.month(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("今天", "2026-11-23"), ("昨天", "2026-11-22"), ("大后天", "2026-11-26"),
        ("下周三", "2026-12-02"), ("这周六", "2026-11-28"), ("3月15号", "2026-03-15"),
        ("8号上午", "2026-11-08T06:00/12:00"), ("周日上午9点", "2026-11-29T09:00"),
        ("今儿下午三点半", "2026-11-23T15:30"), ("昨晚八点", "2026-11-22T20:00"),
        ("2026-05-01", "2026-05-01"), ("上周", "2026-11-16/2026-11-22"),
    ],
)  # fmt: skip
def test_days(text: str, iso: str) -> None:
    assert dates.day(text, NOW) == iso


@pytest.mark.parametrize("text", ["31号", "2月30号", "大年初三"])
def test_days_that_do_not_exist_have_no_value(text: str) -> None:
    assert dates.day(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("半年", "P6M"), ("三个月", "P3M"), ("两天", "P2D"), ("一年半", "P18M"), ("24小时", "PT24H"),
        ("四十分钟", "PT40M"), ("俩礼拜", "P2W"), ("半个月", "P15D"), ("半小时", "PT0.5H"),
        ("五六天", "P5D"), ("近三个月", "P3M"), ("十来年", "P10Y"),
    ],
)  # fmt: skip
def test_durations(text: str, iso: str) -> None:
    assert dates.duration(text) == iso
