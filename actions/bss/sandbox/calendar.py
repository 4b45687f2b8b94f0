"""Months and days of the operator's local calendar.

Offsets count back: 0 is this month, 1 is last month.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta

from core.clock import LOCAL_ZONE, local_now


def today() -> date:
    """Today where the operator is."""
    return local_now().date()


def month_start(offset: int, day: date | None = None) -> date:
    """First day of the month ``offset`` months before ``day``'s; negative offsets lie ahead."""
    base = day or today()
    index = base.year * 12 + base.month - 1 - offset
    return date(index // 12, index % 12 + 1, 1)


def month_end(offset: int) -> date:
    """Last day of that month."""
    first = month_start(offset)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def month_key(offset: int) -> str:
    """``2026-10``."""
    return month_start(offset).strftime("%Y-%m")


def days_of(offset: int) -> list[date]:
    """The days of a month that have begun."""
    first, last = month_start(offset), min(month_end(offset), today())
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def at(day: date, hour: int = 0) -> str:
    """ISO date-time with zone, as TM Forum wants it."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=LOCAL_ZONE).isoformat()


def moment() -> str:
    """Now, ISO with zone."""
    return local_now().isoformat(timespec="seconds")
