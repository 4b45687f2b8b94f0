"""Normalised values of the other entity types. Texts are folded; None means that no value is certain."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.nlu.entities.numbers import digits_of, to_number

_NUMBER = r"[\d.]+|[零〇一二两俩三四五六七八九十百千万廿半几多来点]+"
_YUAN = re.compile(rf"({_NUMBER})(?:块|元|圆|蚊|刀)?(?:钱)?(\d|[一二三四五六七八九])?")
_JIAO = re.compile(rf"({_NUMBER})(?:毛|角)(?:钱)?")
_DATA = re.compile(rf"({_NUMBER})个?(t|g|m|k|兆|吉)?")
_DATA_UNITS = {"t": "TB", "g": "GB", "吉": "GB", "m": "MB", "兆": "MB", "k": "KB"}
_SCORE = re.compile(rf"({_NUMBER})(?:颗|个)?(分|星)")
_WORD_SCORES: tuple[tuple[str, int], ...] = (
    (r"(?:极其|非常|很|特别|相当|太)不满意|负分|极差|零蛋|差评", 1),
    (r"不太?满意|不及格|不好", 2), (r"中评|一般|中等|及格|凑合|还行", 3),
    (r"非常满意|十分满意|很满意|相当满意|满分|好评|超级满意|特别满意|十分好", 5),
    (r"满意|不错", 4),
)  # fmt: skip


def money(text: str) -> str | None:
    """Yuan with two decimals (六块五 → 6.50, 3毛 → 0.30)."""
    text = text.replace("￥", "").replace("¥", "").strip()
    if found := _JIAO.fullmatch(text):
        return _yuan(to_number(found.group(1)), Decimal("0.1"))
    found = _YUAN.match(text)
    if not found:
        return None
    whole = to_number(found.group(1))
    if whole is not None and found.group(2):
        whole += Decimal(digits_of(found.group(2))) / 10
    return _yuan(whole, Decimal(1))


def _yuan(amount: Decimal | None, unit: Decimal) -> str | None:
    return None if amount is None else f"{amount * unit:.2f}"


def data_amount(text: str) -> str | None:
    """Number and unit (六个g → 6GB, 五百兆 → 500MB)."""
    found = _DATA.match(text.replace("gb", "g").replace("mb", "m").replace(" ", ""))
    number = to_number(found.group(1)) if found else None
    if found is None or number is None or found.group(2) is None:
        return None
    return f"{number.normalize():f}{_DATA_UNITS[found.group(2)]}"


def digits(text: str) -> str | None:
    """Digits only, spoken ones included; a leading +86 is dropped from mobile numbers."""
    found = digits_of(text)
    if len(found) == 13 and found.startswith("86"):
        found = found[2:]
    return found or None


def identifier(text: str) -> str:
    """Letters upper case, nothing between."""
    return re.sub(r"[^0-9a-z]", "", text).upper()


def account(text: str) -> str:
    """A broadband account: as typed in lower case, spoken digits written out."""
    return re.sub(r"[^0-9a-z@._]", "", text) if re.search(r"[0-9a-z]", text) else digits_of(text)


def rating(text: str) -> str | None:
    """``1`` to ``5``; scores out of ten or a hundred are brought down to five."""
    for pattern, score in _WORD_SCORES:
        if re.search(pattern, text):
            return str(score)
    found = _SCORE.search(text)
    number = to_number(found.group(1)) if found else None
    if found is None or number is None:
        return None
    return str(_five(float(number), "负" in text or "-" in text))


def _five(score: float, negative: bool) -> int:
    if negative:
        return 1
    top = 5 if score <= 5 else 10 if score <= 10 else 100
    return max(1, min(5, round(score * 5 / top)))
