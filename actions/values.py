"""Values in customers' words: money, months, days, yes and no."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from actions.numerals import NUMERAL, decimal, fold, integer

_NUMBER = rf"(?:\d+(?:\.\d+)?|[{NUMERAL}]+(?:点[{NUMERAL}]+)?)"
_MONEY = re.compile(
    rf"(?P<whole>{_NUMBER})\s*(?:元|块钱?|圆|¥|rmb)(?P<dime>[\d{NUMERAL}])?(?:毛|角)?"
)
_BARE_MONEY = re.compile(
    rf"(?:就|要|来|那就|还是|改成|不对|，|,|\s)*(?P<n>{_NUMBER})(?:的|吧|就行|就好|呗|话费|。|\s)*"
)
_PAY = re.compile(rf"(?:充|冲|交|缴|存)(?:值|个|上|进)?\s*(?P<n>{_NUMBER})(?![\d月号日])")
_MONTH = re.compile(
    rf"(?P<year>\d{{4}}年?|去年|前年|今年)?\s*(?P<month>1[0-2]|0?[1-9]|[{NUMERAL}]+)月"
)
_LAST_MONTHS = re.compile(rf"(?:前|近|最近|过去)\s*(?P<n>\d|[{NUMERAL}])\s*个?月")
_DAY = re.compile(
    rf"(?:(?P<month>\d{{1,2}}|[{NUMERAL}]+)月)?\s*(?P<day>\d{{1,2}}|[{NUMERAL}]+)[号日]"
)
_WEEKDAY = re.compile(r"(?P<next>下*)(?:周|星期|礼拜)(?P<day>[一二三四五六日天])")

_YES = re.compile(
    r"^(好(的|啊|呀|嘞|吧|滴)?|可以(的)?|行(的|啊|吧)?|是(的|啊)?|对(的|啊)?|嗯+|要(的)?|确认|确定|同意|"
    r"没问题|办(吧|理)?|ok|yes|y|成|中|得|妥|恩|开吧|充吧|退吧|换吧|就这个|就这样)+"
)
_CONFIRM = re.compile(r"确认|确定|同意|办吧|就办|没问题|帮我办")
_NO = re.compile(
    r"不(是|用|要|办|行|了|需要|想|换|退|充|开|同意|对|可以)|别|算了|取消|先不|再想想|再考虑|等等|^no$|^n$|^否|没有"
)
_CANCEL = re.compile(
    r"(算了|不办了?|不弄了|不用了|不要了|不想办|取消吧?|退出|放弃|别办了|先不(办|弄|用)|停止办理|不验证|不充了|不换了"
    r"|不退了|不报了|不投诉了|不查了)"
)


def money(text: str) -> Decimal | None:
    """Yuan: ``50元``, ``六块五``, ``一百块``; a bare number too. Two decimals."""
    folded = fold(text).replace("￥", "¥")
    found = _MONEY.search(folded)
    if found:
        value = decimal(found["whole"])
        dime = found["dime"]
        if value is not None and dime:
            value += Decimal(integer(dime) or 0) / 10
    else:
        bare = _BARE_MONEY.fullmatch(folded) or _PAY.search(folded)
        value = decimal(bare["n"]) if bare else None
    return None if value is None else value.quantize(Decimal("0.01"))


def _month_key(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def _relative_months(text: str, current: int) -> list[str]:
    if found := _LAST_MONTHS.search(text):
        count = integer(found["n"]) or 1
        return [_month_key(current - n) for n in range(1, min(count, 12) + 1)]
    if found := re.search(r"(?P<ups>上+)个?月", text):
        return [_month_key(current - len(found["ups"]))]
    if re.search(r"大?前个?月", text):
        return [_month_key(current - (3 if "大前" in text else 2))]
    if re.search(r"这个?月|本月|当月|目前|现在|到今天", text):
        return [_month_key(current)]
    return []


def months(text: str, today: date) -> list[str]:
    """Months named in ``text`` as ``2026-10``, in the order said; a bare month lies in the past."""
    folded = fold(text)
    current = today.year * 12 + today.month - 1
    found = _relative_months(folded, current)
    for match in _MONTH.finditer(folded):
        number = integer(match["month"])
        if number is None or not 1 <= number <= 12:
            continue
        index = _year(match["year"], today, number) * 12 + number - 1
        if _month_key(index) not in found:
            found.append(_month_key(index))
    return found


def _year(word: str | None, today: date, month: int) -> int:
    if not word:
        return today.year if month <= today.month else today.year - 1
    named = {"去年": today.year - 1, "前年": today.year - 2, "今年": today.year}
    return named.get(word) or int(word.rstrip("年"))


def day(text: str, today: date) -> date | None:
    """A day from today on: ``明天``, ``下周三``, ``8号``, ``12月3日``."""
    folded = fold(text)
    for word, ahead in (("大后天", 3), ("后天", 2), ("明天", 1), ("明早", 1), ("今天", 0),
                        ("今晚", 0), ("现在", 0), ("马上", 0), ("立即", 0)):  # fmt: skip
        if word in folded:
            return today + timedelta(days=ahead)
    if found := _WEEKDAY.search(folded):
        target = "一二三四五六日".index(found["day"].replace("天", "日"))
        monday = today - timedelta(days=today.weekday())
        candidate = monday + timedelta(days=target + 7 * len(found["next"]))
        return candidate if candidate >= today else candidate + timedelta(days=7)
    if found := _DAY.search(folded):
        return _calendar_day(found["month"], found["day"], today)
    return None


def _calendar_day(month_word: str | None, day_word: str, today: date) -> date | None:
    number, month = integer(day_word), integer(month_word) if month_word else today.month
    if number is None or month is None:
        return None
    try:
        candidate = date(today.year, month, number)
    except ValueError:
        return None
    if candidate >= today:
        return candidate
    if month_word:
        return candidate.replace(year=today.year + 1)
    following = (candidate.replace(day=1) + timedelta(days=32)).replace(day=1)
    try:
        return following.replace(day=number)
    except ValueError:
        return None


def decision(text: str, intent: str) -> Literal["yes", "no"] | None:
    """Whether an answer to a yes-or-no question agrees; extra words are allowed, doubt is None."""
    folded = re.sub(r"[\s,，。!！~～]+", "", fold(text))
    if _NO.search(folded) and not _CONFIRM.search(re.sub(_NO, "", folded)):
        return "no"
    if intent == "deny":
        return "no"
    if intent == "affirm" or _YES.match(folded) or _CONFIRM.search(folded):
        return "yes"
    return None


def wants_out(text: str, intent: str) -> bool:
    """Whether the customer drops what is going on."""
    folded = fold(text)
    return intent == "deny" or (len(folded) <= 16 and bool(_CANCEL.search(folded)))
