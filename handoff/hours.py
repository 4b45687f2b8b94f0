"""When people answer: windows of the day in the customers' local time, weekends, holidays, make-up days.

The windows of a working day are a setting; the calendar is a file the operator edits. Clocks of promises to
customers run in hours of service only, so this module also counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from core.clock import LOCAL_ZONE

Windows = tuple[tuple[int, int], ...]
"""Minutes of the day; a window whose end is before its start runs over midnight."""

_WINDOW = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")
_DAY = 24 * 60
_HORIZON_DAYS = 400
"""Further ahead nobody plans: a calendar without any opening is treated as always open."""
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class ServiceHours:
    """Opening windows by kind of day."""

    windows: Windows
    """Of a working day."""
    weekend: Windows | None = None
    """None = like a working day."""
    holiday: Windows | None = None
    holidays: Mapping[date, str] = field(default_factory=dict)
    """Days off and their names."""
    make_up: frozenset[date] = frozenset()
    """Weekend days on which people work (调休)."""

    @classmethod
    def parse(cls, text: str) -> ServiceHours:
        """Reads ``08:00-22:00`` or several windows with commas between them; every day is alike.

        Raises:
            ValueError: not a list of windows.
        """
        return cls(_windows(text))

    @classmethod
    def load(cls, text: str, calendar: Path) -> ServiceHours:
        """The same with weekends, holidays and make-up days of a calendar file, if there is one.

        Raises:
            ValueError: a setting or the file cannot be read as meant.
        """
        if not calendar.exists():
            return cls.parse(text)
        try:
            known: dict[str, Any] = yaml.safe_load(calendar.read_text("utf-8")) or {}
            return cls(
                _windows(text),
                _kind(known.get("weekend")),
                _kind(known.get("holiday")),
                dict(_days_off(known.get("holidays") or [])),
                frozenset(_date(day) for day in known.get("make_up_days") or []),
            )
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"service calendar {calendar}: {error!r}") from error

    def windows_on(self, day: date) -> Windows:
        """The windows that open on a day."""
        if day in self.holidays:
            return self.windows if self.holiday is None else self.holiday
        if day.weekday() >= 5 and day not in self.make_up:
            return self.windows if self.weekend is None else self.weekend
        return self.windows

    def open_at(self, moment: datetime) -> bool:
        """Whether people answer at an aware ``moment``."""
        return any(start <= moment < end for start, end in self._spans(moment))

    def next_opening(self, moment: datetime) -> datetime | None:
        """When people answer again, local; None when the calendar knows no opening."""
        return next(
            (max(start, moment) for start, end in self._spans(moment) if end > moment), None
        )

    def add(self, start: datetime, seconds: float) -> datetime:
        """The moment at which ``seconds`` of service have passed since ``start``, in UTC terms of it."""
        left, last = timedelta(seconds=seconds), start
        for opened, closed in self._spans(start):
            begin = max(opened, start, last)
            if closed <= begin:
                continue
            if closed - begin >= left:
                return (begin + left).astimezone(start.tzinfo)
            left, last = left - (closed - begin), closed
        return start + timedelta(seconds=seconds)

    def between(self, start: datetime, end: datetime) -> float:
        """Seconds of service between two moments; negative when ``end`` comes first."""
        if end < start:
            return -self.between(end, start)
        total, last = 0.0, start
        for opened, closed in self._spans(start):
            if opened >= end:
                break
            begin, until = max(opened, last), min(closed, end)
            if until > begin:
                total, last = total + (until - begin).total_seconds(), until
        return total

    def words(self) -> str:
        """For customers, a working day: 08:00-12:00、14:00-22:00."""
        return "、".join(f"{_clock(start)}-{_clock(end)}" for start, end in self.windows)

    def closed_words(self, moment: datetime) -> str:
        """For customers outside the hours: the hours, today's holiday, and when people answer again."""
        name = self.holidays.get(moment.astimezone(LOCAL_ZONE).date())
        parts = [self.words(), f"今天是{name}假期" if name else ""]
        opening = self.next_opening(moment)
        if opening is not None:
            parts.append(f"下次服务时间{day_words(opening)}")
        return "，".join(part for part in parts if part)

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        # From the day before, whose last window may run over midnight.
        day = moment.astimezone(LOCAL_ZONE).date() - timedelta(days=1)
        for _ in range(_HORIZON_DAYS):
            midnight = datetime(day.year, day.month, day.day, tzinfo=LOCAL_ZONE)
            for start, end in sorted(self.windows_on(day)):
                until = end if start < end else end + _DAY
                yield midnight + timedelta(minutes=start), midnight + timedelta(minutes=until)
            day += timedelta(days=1)


ALWAYS = ServiceHours(((0, _DAY),))
"""People answer day and night."""


def day_words(moment: datetime) -> str:
    """A moment for customers: 11月24日（周二）08:00."""
    local = moment.astimezone(LOCAL_ZONE)
    weekday = _WEEKDAYS[local.weekday()]
    return f"{local.month}月{local.day}日（周{weekday}）{local:%H:%M}"


def _kind(value: Any) -> Windows | None:
    if value in (None, "same"):
        return None
    return () if value == "closed" else _windows(str(value))


def _windows(text: str) -> Windows:
    return tuple(_window(part.strip()) for part in text.replace("，", ",").split(","))


def _window(text: str) -> tuple[int, int]:
    match = _WINDOW.match(text)
    if match is None:
        raise ValueError(f"service hours {text!r}: expected HH:MM-HH:MM")
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2 or _DAY  # Until 00:00 is until midnight.
    if not (0 <= start < _DAY and 0 < end <= _DAY and m1 < 60 and m2 < 60 and start != end):
        raise ValueError(f"service hours {text!r}: not a window of a day")
    return start, end


def _days_off(holidays: Iterable[Mapping[str, Any]]) -> Iterator[tuple[date, str]]:
    for holiday in holidays:
        day, last = _date(holiday["from"]), _date(holiday.get("to", holiday["from"]))
        if last < day:
            raise ValueError(f"service calendar: {holiday['name']} ends before it begins")
        while day <= last:
            yield day, str(holiday["name"])
            day += timedelta(days=1)


def _date(value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"service calendar: {value!r} is not a day like 2026-10-01")
    return value


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
