"""Chinese and Arabic numerals as people write them: 一百二 is 120, 六块五 is 6.5, 廿 is 20."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

DIGITS = {
    "零": 0, "〇": 0, "一": 1, "幺": 1, "么": 1, "妖": 1, "壹": 1, "二": 2, "两": 2, "俩": 2, "贰": 2,
    "三": 3, "仨": 3, "叁": 3, "四": 4, "肆": 4, "五": 5, "伍": 5, "六": 6, "陆": 6, "七": 7, "柒": 7,
    "拐": 7, "八": 8, "捌": 8, "九": 9, "玖": 9, "勾": 9, "洞": 0,
}  # fmt: skip
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
_VAGUE = re.compile(r"[多来几]|左右")
_ARABIC = re.compile(r"\d+(?:\.\d+)?")


def digits_of(text: str) -> str:
    """Every digit of ``text`` in order, spoken ones included (幺三八 → 138)."""
    return "".join(
        c if c.isdigit() and c.isascii() else str(DIGITS[c]) for c in text if _is_digit(c)
    )


def _is_digit(char: str) -> bool:
    return (char.isdigit() and char.isascii()) or char in DIGITS


def to_number(text: str) -> Decimal | None:
    """The number that ``text`` names, vague tails dropped (一百多 → 100); None when it names none."""
    text = _VAGUE.sub("", text.strip()).replace("廿", "二十").replace("卅", "三十")
    if not text:
        return None
    mixed = re.fullmatch(r"(\d+(?:\.\d+)?)([万千百亿])?", text)
    if mixed:
        return _arabic(mixed.group(1)) * Decimal({**_UNITS, **_BIG}.get(mixed.group(2) or "", 1))
    if text == "半":
        return Decimal("0.5")
    if "点" in text:
        return _decimal(text)
    if any(c in _UNITS or c in _BIG for c in text):
        return _positional(text)
    if all(c in DIGITS for c in text):
        # 三四十 loses its unit above; a bare run is spelled digit by digit.
        return Decimal("".join(str(DIGITS[c]) for c in text))
    found = _ARABIC.search(text)
    return _arabic(found.group()) if found else None


def _arabic(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _decimal(text: str) -> Decimal | None:
    whole, _, part = text.partition("点")
    head = to_number(whole) if whole else Decimal(0)
    if head is None or not part or not all(_is_digit(c) for c in part):
        return None
    return head + Decimal("0." + digits_of(part))


def _positional(text: str) -> Decimal | None:
    total, section, digit, last_unit = 0, 0, 0, 1
    for char in text:
        if char in DIGITS:
            # 三四十: of two digits in a row the first, the cautious one, is kept; 〇 marks a gap.
            digit = digit or DIGITS[char]
            last_unit = 1 if DIGITS[char] == 0 else last_unit
        elif char in _UNITS:
            section += (digit or 1) * _UNITS[char]
            digit, last_unit = 0, _UNITS[char]
        elif char in _BIG:
            total += (section + digit) * _BIG[char]
            section, digit, last_unit = 0, 0, _BIG[char]
        else:
            return None
    # 一百二 is 120 and 两千四 2,400: a last digit counts in the next lower unit.
    tail = digit * (last_unit // 10 if last_unit >= 100 else 1)
    return Decimal(total + section + tail)
