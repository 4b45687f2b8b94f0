"""Numbers as Chinese customers write them: digits, full-width digits, Chinese numerals, spoken digits."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "两": 2, "俩": 2, "幺": 1, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6,
    "柒": 7, "捌": 8, "玖": 9, "兩": 2,
}  # fmt: skip
_UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
NUMERAL = "零〇一二两俩三四五六七八九十百千万壹贰叁肆伍陆柒捌玖拾佰仟兩幺"
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


def fold(text: str) -> str:
    """Half-width, lower case, trimmed."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def chinese_integer(text: str) -> int | None:
    """``两百五`` → 250, ``十二`` → 12, ``一百零五`` → 105; None when it is no number."""
    if not text or any(c not in NUMERAL for c in text):
        return None
    if "万" in text:
        head, _, tail = text.partition("万")
        high, low = chinese_integer(head), chinese_integer(tail) if tail else 0
        return None if high is None or low is None else high * 10000 + low
    total, digit, unit, zero = 0, 0, 1, False
    for char in text:
        if char in _UNITS:
            unit = _UNITS[char]
            total += (digit or 1) * unit
            digit, zero = 0, False
        else:
            zero = zero or char in "零〇"
            digit = _DIGITS[char]
    # 两百五 means 250, 一百零五 means 105.
    return total + digit * (unit // 10 if unit > 1 and digit and not zero else 1)


def integer(text: str) -> int | None:
    """A whole number in digits or Chinese numerals."""
    folded = fold(text)
    return int(folded) if folded.isdecimal() else chinese_integer(folded)


def decimal(text: str) -> Decimal | None:
    """A number in digits (with a point), or in Chinese numerals (with 点)."""
    folded = fold(text)
    if re.fullmatch(r"\d+(\.\d+)?", folded):
        return Decimal(folded)
    head, dot, tail = folded.partition("点")
    whole = chinese_integer(head)
    if whole is None:
        return None
    if not dot:
        return Decimal(whole)
    digits = "".join(str(_DIGITS[c]) for c in tail if c in _DIGITS)
    return Decimal(f"{whole}.{digits}") if digits else None


def _spoken(text: str) -> str:
    return "".join(str(_DIGITS[c]) if c in _DIGITS else c for c in text)


def phone(text: str) -> str | None:
    """The first mobile number, also spaced, full-width or read digit by digit."""
    folded = fold(text)
    for candidate in (folded, re.sub(r"(?<=\d)[\s\-]+(?=\d)", "", folded)):
        if found := _PHONE.search(candidate):
            return found.group()
    spoken = re.sub(r"[\s\-]+", "", _spoken(folded))
    found = _PHONE.search(spoken)
    return found.group() if found else None


def code(text: str) -> str | None:
    """A six-digit code, also full-width, spaced, or in Chinese digits."""
    joined = re.sub(r"(?<=\d)[\s\-,，.、]+(?=\d)", "", _spoken(fold(text)))
    found = _CODE.search(joined)
    return found.group() if found else None
