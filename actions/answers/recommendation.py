"""What plan would be cheaper, from real usage and the catalogue's rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actions.answers.billing import Rates
from actions.answers.plans import card, describe
from actions.bss.models import Bill, Catalogue, DayUsage, Holdings, Plan
from actions.outcome import Outcome, Step, said
from actions.replies import Button
from actions.wording import day_name, month_name, number, yuan

WORTH_CHANGING = Decimal("3.00")
"""Yuan a month; a smaller saving is not worth the trouble of changing."""


@dataclass(frozen=True)
class MonthUse:
    """What a finished month took: GB, minutes, messages, and what it cost in all."""

    month: str
    data: Decimal
    minutes: int
    sms: int
    paid: Decimal


def month_use(bill: Bill, usage: Iterable[DayUsage]) -> MonthUse:
    """Adds up a month's usage beside its bill."""
    totals = {"data": 0, "voice": 0, "sms": 0}
    for item in usage:
        if f"{item.day:%Y-%m}" == bill.month:
            totals[item.kind] = totals.get(item.kind, 0) + item.amount
    data = (Decimal(totals["data"]) / 1024).quantize(Decimal("0.1"))
    return MonthUse(bill.month, data, totals["voice"], totals["sms"], bill.total)


def cost(plan: Plan, use: MonthUse, rates: Rates) -> Decimal:
    """What a month's use would have cost on a plan, services apart."""
    over_data = max(Decimal(0), use.data - plan.data_gb)
    over_calls = max(0, use.minutes - plan.minutes)
    total = plan.price + over_data * rates["data_overage"] + over_calls * rates["call_domestic"]
    return (total + use.sms * rates["sms_domestic"]).quantize(Decimal("0.01"))


def recommend(
    uses: Sequence[MonthUse], current: Plan, catalogue: Catalogue, holdings: Holdings,
    age: int | None,
) -> Outcome:  # fmt: skip
    """The plan that real usage would have made cheapest, with the sums shown."""

    def average(plan: Plan) -> Decimal:
        total = sum((cost(plan, use, catalogue.rates) for use in uses), Decimal(0))
        return (total / len(uses)).quantize(Decimal("0.01"))

    now = average(current)
    candidates = [p for p in catalogue.plans if _eligible(p, current, holdings, age)]
    best = min(candidates, key=average, default=current)
    saving = now - average(best)
    months = "、".join(f"{month_name(u.month)}用了{number(u.data)}GB" for u in uses)
    figures = {f"{month_name(u.month)}流量": f"{number(u.data)}GB" for u in uses}
    figures |= {f"{current.name}月均": yuan(now)}
    if best.id == current.id or saving < WORTH_CHANGING:
        return _stay(current, uses, now, months, figures)
    target = average(best)
    figures |= {f"{best.name}月均": yuan(target), "月均节省": yuan(saving)}
    text = (
        f"按您最近{len(uses)}个月的实际用量算：{months}，{_over(current, uses, catalogue)}"
        f"现在的{current.name}平均每月要{yuan(now)}。\n"
        f"推荐{describe(best)}，同样的用量平均每月{yuan(target)}，"
        f"能省{yuan(saving)}，流量也更充裕。{_bound(holdings)}"
    )
    return said(
        text, Button(f"办理{best.name}"), Button("看看其他套餐", "有哪些套餐"),
        short=f"推荐您换{best.name}，按您的用量每月能省{yuan(saving)}。",
        card=card("为您推荐", [best], {best.id: f"按您的用量每月约省{saving:.2f}元"}),
        step=Step(f"按用量推荐{best.name}，月均省{yuan(saving)}", figures),
    )  # fmt: skip


def _over(current: Plan, uses: Sequence[MonthUse], catalogue: Catalogue) -> str:
    over = [(u, u.data - current.data_gb) for u in uses if u.data > current.data_gb]
    if not over:
        return ""
    rate = catalogue.rates["data_overage"]
    parts = "、".join(f"{month_name(u.month)}{yuan(gb * rate)}" for u, gb in over)
    return f"套餐只有{current.data_gb}GB，流量超出费{parts}，"


def _bound(holdings: Holdings) -> str:
    plan = holdings.plan
    if plan and plan.contract_end:
        return f"注意您的合约到{day_name(plan.contract_end)}结束，到期前不能降档。"
    return ""


def _eligible(plan: Plan, current: Plan, holdings: Holdings, age: int | None) -> bool:
    if plan.min_age and (age is None or age < plan.min_age):
        return False
    has_line = holdings.broadband is not None
    # Leaving a plan that carries the broadband would cost the line at home.
    return plan.id == current.id or not has_line or any("宽带" in e for e in plan.extras)


def _stay(
    current: Plan, uses: Sequence[MonthUse], now: Decimal, months: str, figures: dict[str, str]
) -> Outcome:
    text = (
        f"按您最近{len(uses)}个月的实际用量算：{months}。"
        f"您现在的{current.name}平均每月{yuan(now)}，已经是最合适的，不用换。"
    )
    buttons = [Button("看看其他套餐", "有哪些套餐")]
    if any(use.data > current.data_gb for use in uses):
        text += "偶尔超出的月份，提前加个流量包就行。"
        buttons.insert(0, Button("加个10G流量包"))
    return said(
        text, *buttons, short=f"您现在的{current.name}已经最合适，不用换。",
        step=Step(f"按用量评估：{current.name}最合适", figures),
    )  # fmt: skip
