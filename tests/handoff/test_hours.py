from __future__ import annotations

from datetime import datetime

import pytest

from core.clock import LOCAL_ZONE
from handoff.hours import ServiceHours


@pytest.mark.parametrize(
    ("hours", "clock", "is_open"),
    [
        ("00:00-24:00", "03:00", True),
        ("08:00-22:00", "08:00", True),
        ("08:00-22:00", "22:00", False),
        ("08:00-22:00", "07:59", False),
        ("20:00-02:00", "01:59", True),
        ("20:00-02:00", "12:00", False),
        ("09:00-12:00，13:30-18:00", "12:30", False),
        ("09:00-12:00, 13:30-18:00", "13:30", True),
    ],
)
def test_windows_in_local_time(hours: str, clock: str, is_open: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    moment = datetime(2026, 11, 23, hour, minute, tzinfo=LOCAL_ZONE)
    assert ServiceHours.parse(hours).open_at(moment) is is_open


@pytest.mark.parametrize("text", ["", "8-22", "25:00-26:00", "08:00-08:00", "08:70-09:00", "全天"])
def test_nonsense_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="service hours"):
        ServiceHours.parse(text)


def test_words_for_customers() -> None:
    assert ServiceHours.parse("9:00-12:00,13:30-18:00").words() == "09:00-12:00、13:30-18:00"
