"""Allowances left, and where the data went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from actions.bss.models import Bucket, DayUsage
from actions.outcome import Outcome, Step, said
from actions.replies import Button
from actions.wording import day_name, listing, number

LOW_PERCENT = 90
_TOP_DAYS = 3


def _percent(bucket: Bucket) -> int:
    if not bucket.total or bucket.used is None:
        return 0
    return min(100, int(bucket.used * 100 / bucket.total))


def card(buckets: Sequence[Bucket], title: str) -> dict[str, Any]:
    """The contract's usage card."""
    return {
        "type": "usage",
        "title": title,
        "buckets": [
            {
                "name": b.name, "used": number(b.used or Decimal(0)),
                "total": number(b.total or Decimal(0)), "left": number(b.left), "unit": b.unit,
                "percent": _percent(b),
            }
            for b in buckets
        ],
    }  # fmt: skip


def left(buckets: Sequence[Bucket], month_end: date) -> Outcome:
    """Data, minutes and messages of this month; what is asked for most comes first."""
    shown = [b for b in buckets if b.total]
    data = next((b for b in shown if b.kind == "data"), None)
    voice = next((b for b in shown if b.kind == "voice"), None)
    sentences, buttons = [], [Button("流量用到哪去了")]
    figures: dict[str, str] = {}
    for bucket in shown:
        sentence, facts = _sentence(bucket)
        sentences.append(sentence)
        figures |= facts
    sms = next((b for b in buckets if b.kind == "sms" and not b.total), None)
    if sms and sms.used:
        sentences.append(f"国内短信已发{number(sms.used)}条（套餐不含短信，按条计费）。")
    if data and _percent(data) >= LOW_PERCENT:
        sentences.append(f"流量快用完了，到{day_name(month_end)}前可以加个流量包。")
        buttons = [Button("加个10G流量包"), Button("推荐合适的套餐")]
    short = "".join(_short(b) for b in (data, voice) if b)
    summary = "，".join(_short(b).rstrip("。") for b in shown) or "没有套餐内用量"
    return said(
        "\n".join(sentences), *buttons, short=short or None, card=card(shown, "本月用量"),
        step=Step(f"查本月用量：{summary}", figures),
    )  # fmt: skip


def _sentence(bucket: Bucket) -> tuple[str, dict[str, str]]:
    used, total = bucket.used or Decimal(0), bucket.total or Decimal(0)
    unit = bucket.unit
    over = used - total
    tail = f"已经超出{number(over)}{unit}" if over > 0 else f"还剩{number(bucket.left)}{unit}"
    text = f"{bucket.name}：共{number(total)}{unit}，已用{number(used)}{unit}，{tail}。"
    return text, {f"{bucket.name}已用": f"{number(used)}{unit}", f"{bucket.name}{tail[:2]}":
                  f"{number(abs(bucket.left if over <= 0 else over))}{unit}"}  # fmt: skip


def _short(bucket: Bucket) -> str:
    return f"{bucket.name.removeprefix('国内')}还剩{number(bucket.left)}{bucket.unit}。"


def trace(usage: Sequence[DayUsage], month: str) -> Outcome:
    """By application and by day."""
    data = [u for u in usage if u.kind == "data"]
    total = sum(u.amount for u in data)
    if not total:
        return said(f"{month}还没有流量使用记录。", Button("查剩余流量"))
    by_app: Counter[str] = Counter()
    by_day: Counter[date] = Counter()
    for item in data:
        by_app[item.application] += item.amount
        by_day[item.day] += item.amount
    apps = [f"{app}：{_gb(mb)}（{mb * 100 // total}%）" for app, mb in by_app.most_common()]
    days = "、".join(f"{day_name(d)} {_gb(mb)}" for d, mb in by_day.most_common(_TOP_DAYS))
    average = _gb(total // len(by_day))
    first = by_app.most_common(1)[0]
    text = f"{month}一共用了{_gb(total)}流量，平均每天{average}：\n{listing(apps)}\n用得最多的几天：{days}。"
    figures = {f"{month}总流量": _gb(total)} | {app: _gb(mb) for app, mb in by_app.most_common(3)}
    return said(
        text, Button("查剩余流量"), Button("推荐合适的套餐"),
        short=f"{month}用了{_gb(total)}流量，最多的是{first[0]}，{_gb(first[1])}。",
        step=Step(f"查{month}流量去向：共{_gb(total)}，最多的是{first[0]}", figures),
    )  # fmt: skip


def _gb(megabytes: int) -> str:
    return f"{number(Decimal(megabytes) / 1024)}GB" if megabytes >= 103 else f"{megabytes}MB"
