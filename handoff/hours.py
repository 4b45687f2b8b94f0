"""When people answer: daily windows in the customers' local time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from core.clock import LOCAL_ZONE

_WINDOW = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")
_DAY = 24 * 60


@dataclass(frozen=True)
class ServiceHours:
    """Windows as minutes of the day; one whose end is before its start runs over midnight."""

    windows: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> ServiceHours:
        """Reads ``08:00-22:00`` or several windows with commas between them.

        Raises:
            ValueError: not a list of windows.
        """
        return cls(tuple(_window(part.strip()) for part in text.replace("，", ",").split(",")))

    def open_at(self, moment: datetime) -> bool:
        """Whether people answer at an aware ``moment``."""
        local = moment.astimezone(LOCAL_ZONE)
        minute = local.hour * 60 + local.minute
        return any(
            start <= minute < end if start < end else minute >= start or minute < end
            for start, end in self.windows
        )

    def words(self) -> str:
        """For customers: 08:00-12:00、14:00-22:00."""
        return "、".join(f"{_clock(start)}-{_clock(end)}" for start, end in self.windows)


def _window(text: str) -> tuple[int, int]:
    match = _WINDOW.match(text)
    if match is None:
        raise ValueError(f"service hours {text!r}: expected HH:MM-HH:MM")
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if not (0 <= start < _DAY and 0 < end <= _DAY and m1 < 60 and m2 < 60 and start != end):
        raise ValueError(f"service hours {text!r}: not a window of a day")
    return start, end


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
