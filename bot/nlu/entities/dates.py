"""Months, days and durations to ISO 8601, relative to today in China."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone

from bot.nlu.entities.numbers import to_number

CHINA = timezone(timedelta(hours=8))
_MONTHS = {"正": 1, "腊": 12}
_RELATIVE_MONTH = re.compile(r"(上+|下+|这|本|当)(?:一)?(?:个)?月")
_ENGLISH_MONTH = {"last month": -1, "this month": 0, "next month": 1}
_NAMED_MONTH = re.compile(
    r"(?:(去|今|明|前|后|\d{2,4}|[一二三四五六七八九〇零]{2,4})年)?的?([^年]{1,3}?)月"
)
_COMPACT_MONTH = re.compile(r"(20\d\d)[-./年]?(0[1-9]|1[0-2]|[1-9])(?!\d)")
_LAST_MONTHS = re.compile(r"(?:前|近|过去|最近)(.+?)个?月")
_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "当": 0, "明": 1, "后": 2, "大后": 3}
_DAY_WORD = re.compile(r"(大前|前|昨|今|明|大后|后)(?:天|日|儿个?|晚|早|夜|晨|午)")
_WEEKDAY = re.compile(r"(上上|上|下下|下|这|本)?(?:个)?(?:周|星期|礼拜)([一二三四五六日天末1-6])?")
_FULL_DATE = re.compile(r"(20\d\d)[-./年](\d{1,2})[-./月](\d{1,2})")
_MONTH_DAY = re.compile(r"(?:(去|今|明|\d{4})年)?([^年月]{1,3})月(?:份)?([^月]{1,3})[号日]")
_DAY_OF_MONTH = re.compile(r"([0-9]{1,2}|[一二三四五六七八九十廿]{1,3})[号日]")
_CLOCK = re.compile(
    r"([0-9]{1,2}|[一二两三四五六七八九十零]{1,3})(?:点|时|:)([0-9]{2}|半|一刻|三刻)?"
)
_AFTERNOON = re.compile(r"下午|晚|夜|傍晚|pm")
_PART = (
    (re.compile(r"凌晨|半夜|后半夜"), "00:00/06:00"), (re.compile(r"早|上午|晨|am"), "06:00/12:00"),
    (re.compile(r"中午"), "11:00/14:00"), (re.compile(r"下午|傍晚|pm"), "12:00/18:00"),
    (re.compile(r"晚|夜"), "18:00/24:00"),
)  # fmt: skip
_YEAR_OFFSETS = {"去": -1, "今": 0, "明": 1, "前": -2, "后": 2}
_DURATION = re.compile(
    r"([\d.]+|[零一二两俩三仨四五六七八九十百几半来多]+)(?:个)?(?:多)?(半)?"
    r"(工作日|年|月|周|星期|礼拜|天|日|小时|钟头|分钟|晚上|上午|下午|晚)?(半)?"
)
_TWO_COUNTS = re.compile(r"([一二两三四五六七八])[二两三四五六七八九](?=$)")
_DURATION_UNIT = {
    "年": "Y", "月": "M", "周": "W", "星期": "W", "礼拜": "W", "天": "D", "日": "D", "工作日": "D",
    "小时": "TH", "钟头": "TH", "分钟": "TM", "晚上": "D", "晚": "D", "上午": "D", "下午": "D",
}  # fmt: skip


def today() -> date:
    """The date in China now."""
    return datetime.now(CHINA).date()


def add_months(day: date, months: int) -> date:
    """The first of the month ``months`` after ``day``'s."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _iso_month(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def month(text: str, now: date) -> str | None:
    """``YYYY-MM``, or ``YYYY-MM/YYYY-MM`` for several; a bare month is the last one that began.

    Months ahead need words that say so (下个月, 明年3月).
    """
    if text in _ENGLISH_MONTH:
        return _iso_month(add_months(now, _ENGLISH_MONTH[text]))
    if found := _RELATIVE_MONTH.match(text):
        return _iso_month(add_months(now, _steps(found.group(1))))
    if found := _LAST_MONTHS.fullmatch(text):
        count = to_number(found.group(1))
        if count and 1 <= count <= 36:
            first = add_months(now, -int(count))
            return f"{_iso_month(first)}/{_iso_month(add_months(now, -1))}"
    if found := _COMPACT_MONTH.match(text):
        return f"{found.group(1)}-{int(found.group(2)):02d}"
    if found := _NAMED_MONTH.match(text):
        return _named_month(found.group(1), found.group(2), now)
    return None


def _steps(word: str) -> int:
    if word.startswith("上"):
        return -len(word)
    return len(word) if word.startswith("下") else 0


def _named_month(year: str | None, name: str, now: date) -> str | None:
    number = _MONTHS.get(name) or to_number(name)
    if not number or not 1 <= number <= 12:
        return None
    if year is None:
        past = now.year if number <= now.month else now.year - 1
        return f"{past:04d}-{int(number):02d}"
    return f"{_year(year, now):04d}-{int(number):02d}"


def _year(text: str, now: date) -> int:
    if text in _YEAR_OFFSETS:
        return now.year + _YEAR_OFFSETS[text]
    number = int(to_number(text) or now.year)
    return number + 2000 if number < 100 else number


def day(text: str, now: date) -> str | None:
    """An ISO date, with the time (``T15:00``) or part of day (``T12:00/18:00``) when it was said.

    A week is an interval of dates; festivals of the lunar calendar have no value here.
    """
    found = _date_of(text, now)
    if found is None:
        return None
    if isinstance(found, tuple):
        return f"{found[0].isoformat()}/{found[1].isoformat()}"
    time = _time_of(text)
    return f"{found.isoformat()}T{time}" if time else found.isoformat()


def _date_of(text: str, now: date) -> date | tuple[date, date] | None:
    if match := _FULL_DATE.search(text):
        return _safe_date(*map(int, match.groups()))
    if match := _MONTH_DAY.search(text):
        return _month_day(match, now)
    if match := _DAY_WORD.search(text):
        return now + timedelta(days=_DAYS[match.group(1)])
    if match := _WEEKDAY.search(text):
        return _weekday(match.group(1) or "", match.group(2), now)
    if match := _DAY_OF_MONTH.search(text):
        number = to_number(match.group(1))
        return _safe_date(now.year, now.month, int(number)) if number else None
    return None


def _safe_date(year: int, month_number: int, day_number: int) -> date | None:
    if not 1 <= month_number <= 12 or not 1 <= day_number <= monthrange(year, month_number)[1]:
        return None
    return date(year, month_number, day_number)


def _month_day(match: re.Match[str], now: date) -> date | None:
    number, of_month = to_number(match.group(2)), to_number(match.group(3))
    if not number or not of_month:
        return None
    year = _year(match.group(1), now) if match.group(1) else now.year
    return _safe_date(year, int(number), int(of_month))


def _weekday(which: str, name: str | None, now: date) -> date | tuple[date, date] | None:
    weeks = {"上上": -2, "上": -1, "下": 1, "下下": 2}.get(which, 0)
    monday = now - timedelta(days=now.weekday()) + timedelta(weeks=weeks)
    if name is None:
        return (monday, monday + timedelta(days=6)) if which else None
    if name == "末":
        return monday + timedelta(days=5), monday + timedelta(days=6)
    place = "一二三四五六".find(name) if name in "一二三四五六" else "123456".find(name)
    return monday + timedelta(days=6 if name in "日天" else place)


def _time_of(text: str) -> str | None:
    if match := _CLOCK.search(text):
        hour, minute = to_number(match.group(1)), match.group(2)
        if hour is not None and hour <= 24:
            shift = 12 if _AFTERNOON.search(text) and 1 <= hour <= 12 else 0
            shift = 0 if hour == 12 and "午" in text else shift
            minutes = {"半": 30, "一刻": 15, "三刻": 45}.get(minute or "", 0)
            return f"{int(hour) + shift:02d}:{int(minute) if minute and minute.isdigit() else minutes:02d}"
    return next((span for pattern, span in _PART if pattern.search(text)), None)


def duration(text: str) -> str | None:
    """An ISO 8601 duration (``P3M``, ``PT24H``); vague counts keep their lower bound."""
    match = _DURATION.search(re.sub(r"^(?:最近|近|前|过去|满|整|小)+", "", text))
    if not match:
        return None
    amount, middle, unit, tail = match.groups()
    # 五六天 names two counts; the lower one is kept.
    amount = _TWO_COUNTS.sub(r"\1", amount)
    count = to_number(amount) if amount not in ("几", "来", "多") else None
    code = _DURATION_UNIT.get(unit or "")
    if count is None or code is None:
        return None
    if middle or tail:
        count += type(count)("0.5")
    return _iso_duration(float(count), code)


def _iso_duration(count: float, code: str) -> str:
    if code == "Y" and count != int(count):
        count, code = count * 12, "M"
    if code == "M" and count != int(count):
        # Half a month is fifteen days; a longer fraction is rounded to days as well.
        count, code = count * 30, "D"
    text = f"{count:g}"
    return f"PT{text}{code[1]}" if code.startswith("T") else f"P{text}{code}"
