"""Opening hours: windows, weekends, holidays, make-up days, and time counted in hours of service."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.clock import LOCAL_ZONE
from core.settings import Settings
from handoff.hours import ALWAYS, ServiceHours, day_words


def at(text: str) -> datetime:
    """A local moment: 2026-11-23 08:00."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


@pytest.mark.parametrize(
    ("hours", "clock", "is_open"),
    [
        ("00:00-24:00", "03:00", True),
        ("08:00-22:00", "08:00", True),
        ("08:00-22:00", "22:00", False),
        ("08:00-22:00", "07:59", False),
        ("20:00-02:00", "01:59", True),
        ("20:00-02:00", "12:00", False),
        ("22:00-00:00", "23:59", True),
        ("22:00-00:00", "00:00", False),
        ("09:00-12:00，13:30-18:00", "12:30", False),
        ("09:00-12:00, 13:30-18:00", "13:30", True),
    ],
)
def test_windows_in_local_time(hours: str, clock: str, is_open: bool) -> None:
    assert ServiceHours.parse(hours).open_at(at(f"2026-11-23 {clock}")) is is_open


@pytest.mark.parametrize("text", ["", "8-22", "25:00-26:00", "08:00-08:00", "08:70-09:00", "全天"])
def test_nonsense_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="service hours"):
        ServiceHours.parse(text)


def test_words_for_customers() -> None:
    assert ServiceHours.parse("9:00-12:00,13:30-18:00").words() == "09:00-12:00、13:30-18:00"
    assert day_words(at("2026-11-24 08:05")) == "11月24日（周二）08:05"


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    path = tmp_path / "calendar.yml"
    path.write_text(
        """
weekend: 10:00-16:00
holiday: closed
holidays:
  - {name: 国庆节, from: 2026-10-01, to: 2026-10-07}
  - {name: 元旦, from: 2027-01-01}
make_up_days: [2026-10-10]
""",
        "utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-09-30 17:59", True),
        ("2026-09-30 18:00", False),
        ("2026-10-01 10:00", False),
        ("2026-10-07 10:00", False),
        ("2026-10-08 09:00", True),
        ("2026-10-10 09:30", True),  # A Saturday on which people make up for the holiday.
        ("2026-10-11 09:30", False),
        ("2026-10-11 10:00", True),
        ("2026-10-11 16:00", False),
        ("2027-01-01 10:00", False),
    ],
)
def test_weekends_holidays_and_make_up_days(calendar: Path, moment: str, is_open: bool) -> None:
    assert ServiceHours.load("09:00-18:00", calendar).open_at(at(moment)) is is_open


def test_the_next_opening_skips_the_holiday(calendar: Path) -> None:
    hours = ServiceHours.load("09:00-18:00", calendar)
    assert hours.next_opening(at("2026-09-30 18:00")) == at("2026-10-08 09:00")
    assert hours.next_opening(at("2026-10-08 12:00")) == at("2026-10-08 12:00")
    said = hours.closed_words(at("2026-10-03 12:00"))
    assert said == "09:00-18:00，今天是国庆节假期，下次服务时间10月8日（周四）09:00"


def test_promises_run_in_hours_of_service(calendar: Path) -> None:
    hours = ServiceHours.load("09:00-18:00", calendar)
    asked = at("2026-09-30 17:00")
    assert hours.add(asked, 3600) == at("2026-09-30 18:00")
    assert hours.add(asked, 2 * 3600) == at("2026-10-08 10:00")
    assert hours.add(at("2026-10-02 03:00"), 60) == at("2026-10-08 09:01")
    assert hours.between(asked, at("2026-10-08 10:00")) == 2 * 3600
    assert hours.between(at("2026-10-08 10:00"), asked) == -2 * 3600
    assert hours.add(asked, hours.between(asked, at("2026-10-12 11:00"))) == at("2026-10-12 11:00")


def test_windows_over_midnight_count_once() -> None:
    hours = ServiceHours.parse("20:00-02:00")
    assert hours.add(at("2026-11-23 23:00"), 4 * 3600) == at("2026-11-24 21:00")
    assert hours.between(at("2026-11-23 12:00"), at("2026-11-24 12:00")) == 6 * 3600


def test_always_is_the_calendar() -> None:
    start = at("2026-12-30 13:00")
    assert ALWAYS.add(start, 5 * 86_400) == start + timedelta(days=5)
    assert ALWAYS.between(start, start + timedelta(days=2)) == 2 * 86_400


def test_a_calendar_without_openings_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "never.yml"
    path.write_text("weekend: closed\nholiday: closed\n", "utf-8")
    hours = ServiceHours.load("09:00-18:00", path)
    closed = ServiceHours((), None, None)
    moment = at("2026-11-23 12:00")
    assert hours.open_at(moment)
    assert closed.next_opening(moment) is None
    assert closed.add(moment, 60) == moment + timedelta(seconds=60)


@pytest.mark.parametrize(
    "text",
    [
        "weekend: 9 to 5",
        "holidays: [{name: 元旦, from: tomorrow}]",
        "holidays: [{name: 元旦, from: 2026-01-03, to: 2026-01-01}]",
        "holidays: [{name: 元旦}]",
        "make_up_days: [soon]",
        "- a\n- list",
        "weekend: [",
    ],
)
def test_a_broken_calendar_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"service (hours|calendar)"):
        ServiceHours.load("09:00-18:00", path)


def test_the_shipped_calendar_is_sound(settings: Settings) -> None:
    hours = ServiceHours.load(settings.service_hours, settings.service_calendar)
    years = {day.year for day in hours.holidays}
    assert years == {2026, 2027}
    assert {"元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节"} == set(
        hours.holidays.values()
    )
    # People make up on weekends that are no holiday.
    assert all(day.weekday() >= 5 and day not in hours.holidays for day in hours.make_up)
    assert hours.open_at(at("2026-10-01 03:00"))


def test_without_a_calendar_every_day_is_alike(tmp_path: Path) -> None:
    hours = ServiceHours.load("09:00-18:00", tmp_path / "none.yml")
    assert hours == ServiceHours.parse("09:00-18:00")
