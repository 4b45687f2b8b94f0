"""How figures and days are said to customers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from core.clock import LOCAL_ZONE, local_now


def yuan(amount: Decimal) -> str:
    """``158.40元``."""
    return f"{amount:.2f}元"


def price(amount: Decimal) -> str:
    """``59元`` or ``0.10元``: prices as they are advertised."""
    whole = amount.to_integral()
    return f"{whole}元" if amount == whole else f"{amount:.2f}元"


def signed(amount: Decimal) -> str:
    """``+20.00``, ``-4.40``."""
    return f"{amount:+.2f}"


def number(value: Decimal) -> str:
    """Without superfluous zeros: ``58.6``, ``200``."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def month_name(key: str) -> str:
    """``2026-10`` → ``10月``, with the year when it is another one."""
    year, month = key.split("-")
    name = f"{int(month)}月"
    return name if int(year) == local_now().year else f"{year}年{name}"


def day_name(day: date) -> str:
    """``12月1日``, with the year when it is another one."""
    name = f"{day.month}月{day.day}日"
    return name if day.year == local_now().year else f"{day.year}年{name}"


def time_name(moment: datetime) -> str:
    """``今天18:20`` or ``11月24日09:00``."""
    local = moment.astimezone(LOCAL_ZONE)
    ahead = (local.date() - local_now().date()).days
    head = {-1: "昨天", 0: "今天", 1: "明天"}.get(ahead) or day_name(local.date())
    return f"{head}{local:%H:%M}"


def month_key(day: date) -> str:
    return f"{day:%Y-%m}"


def listing(lines: list[str]) -> str:
    """Lines with a bullet each."""
    return "\n".join(f"· {line}" for line in lines)
