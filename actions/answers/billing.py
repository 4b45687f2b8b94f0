"""Balance and bills: figures, and why a bill changed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actions.bss.models import Bill, BillItem, Holdings, Subscription
from actions.outcome import Offer, Outcome, Step, said
from actions.replies import HUMAN, Button
from actions.turn import Entity, Request
from actions.wording import (
    day_name,
    listing,
    month_key,
    month_name,
    number,
    price,
    signed,
    yuan,
)

Rates = dict[str, Decimal]
_RATED = {
    "data_overage": ("套餐流量用完后又用了约{n}GB，按每GB{rate}计", "data_overage"),
    "sms": ("发了{n}条，每条{rate}", "sms_domestic"),
    "call": ("套餐通话用完后又打了{n}分钟，每分钟{rate}", "call_domestic"),
}


def balance(left: Decimal, current: Bill | None, plan: Subscription | None) -> Outcome:
    """What is on the account; what is owed, and what that did to the number."""
    step_figures = {"余额": yuan(left)}
    running = ""
    if current:
        running = f"本月到目前为止产生费用{yuan(current.total)}（月底出账）。"
        step_figures["本月已产生"] = yuan(current.total)
    if left < 0:
        stopped = plan is not None and plan.status == "suspended"
        state = "，号码因此停机了，充值后会自动恢复" if stopped else ""
        text = f"您的话费已欠费{yuan(-left)}{state}。{running}"
        short = f"您欠费{yuan(-left)}{state}。"
        buttons = [Button("充值话费"), Button("为什么欠费", "为什么扣这么多")]
        step = Step(f"查到欠费{yuan(-left)}{'，已停机' if stopped else ''}", step_figures)
        return said(text, *buttons, short=short, step=step)
    text = f"您的话费余额是{yuan(left)}。{running}"
    step = Step(f"查到余额{yuan(left)}", step_figures)
    return said(
        text, Button("查上月账单", "查上个月账单"), Button("充值话费"),
        short=f"您还有话费{yuan(left)}。", step=step,
    )  # fmt: skip


@dataclass(frozen=True)
class Change:
    """How one item differs from the month before; ``before`` None: it is new."""

    item: BillItem
    before: Decimal | None

    @property
    def amount(self) -> Decimal:
        return self.item.amount - (self.before or Decimal(0))


def changes(bill: Bill, before: Bill) -> list[Change]:
    """New and changed items, the largest first; items that went away have amount zero now."""
    old = {item.name: item.amount for item in before.items}
    found = [Change(item, old.get(item.name)) for item in bill.items]
    now = {item.name for item in bill.items}
    found += [
        Change(BillItem(item.name, Decimal(0), item.kind), item.amount)
        for item in before.items
        if item.name not in now
    ]
    return sorted((c for c in found if c.amount), key=lambda c: -abs(c.amount))


def card(bill: Bill, before: Bill | None = None) -> dict[str, Any]:
    """The contract's bill card."""
    old = {item.name: item.amount for item in before.items} if before else {}
    items: list[dict[str, str]] = []
    for item in bill.items:
        line = {"name": item.name, "amount": f"{item.amount:.2f}"}
        change = item.amount - old.get(item.name, Decimal(0))
        if before and change:
            line["change"] = signed(change)
        items.append(line)
    shape: dict[str, Any] = {
        "type": "bill", "title": f"{month_name(bill.month)}账单", "month": bill.month,
        "total": f"{bill.total:.2f}", "items": items,
    }  # fmt: skip
    if before:
        shape["compare"] = {"month": before.month, "total": f"{before.total:.2f}"}
    return shape


def one_bill(bill: Bill) -> Outcome:
    """A month's bill with its items."""
    name = month_name(bill.month)
    parts = "、".join(f"{item.name} {yuan(item.amount)}" for item in bill.items)
    if bill.final:
        owed = f"还有{yuan(bill.remaining)}没有付清。" if bill.remaining else "已付清。"
        head = f"您{name}的账单是{yuan(bill.total)}：{parts}。{owed}"
    else:
        head = f"{name}还没出账，到目前为止产生{yuan(bill.total)}：{parts}。"
    buttons = [Button("为什么是这个数", f"{name}话费为什么是这么多")]
    if bill.remaining and bill.final:
        buttons.append(Button("充值话费"))
    figures = {f"{name}账单": yuan(bill.total)} | {i.name: yuan(i.amount) for i in bill.items}
    return said(
        head, *buttons, short=f"您{name}的账单是{yuan(bill.total)}。", card=card(bill),
        step=Step(f"查到{name}账单{yuan(bill.total)}", figures),
    )  # fmt: skip


def explain(bill: Bill, before: Bill, holdings: Holdings, rates: Rates) -> Outcome:
    """Why a bill differs from the one before: every changed item with its cause."""
    found = changes(bill, before)
    name, old_name = month_name(bill.month), month_name(before.month)
    so_far = "" if bill.final else "到目前为止"
    difference = bill.total - before.total
    if not found:
        text = (
            f"您{name}{so_far}的费用{yuan(bill.total)}和{old_name}的{yuan(before.total)}一样，"
            "没有多出来的项目。"
        )
        figures = {name: yuan(bill.total), old_name: yuan(before.total)}
        return said(text, HUMAN, card=card(bill, before),
                    step=Step(f"{name}与{old_name}费用相同", figures))  # fmt: skip
    verb = "多了" if difference > 0 else "少了" if difference < 0 else "总数没变，但项目有变化"
    amount = yuan(abs(difference)) if difference else ""
    lines = [_change_line(change, bill, holdings, rates) for change in found]
    head = (
        f"您{name}{so_far}的账单是{yuan(bill.total)}，{old_name}是{yuan(before.total)}，"
        f"{verb}{amount}。变化在这{len(found)}项：" if len(found) > 1 else
        f"您{name}{so_far}的账单是{yuan(bill.total)}，{old_name}是{yuan(before.total)}，"
        f"{verb}{amount}。变化在："
    )  # fmt: skip
    unwanted = _opened_recently(found, bill, holdings)
    tail, buttons, offer = _advice(found, unwanted)
    figures = {f"{name}账单": yuan(bill.total), f"{old_name}账单": yuan(before.total)}
    figures |= {c.item.name: f"{yuan(c.item.amount)}（{signed(c.amount)}）" for c in found}
    names = "、".join(f"{c.item.name}{signed(c.amount)}" for c in found)
    short = f"您{name}的账单是{yuan(bill.total)}，{verb}{amount}，因为{names}。{tail}"
    return said(
        f"{head}\n{listing(lines)}\n{tail}".rstrip(), *buttons, short=short,
        card=card(bill, before), offer=offer,
        step=Step(f"解释{name}账单比{old_name}{verb}{amount}：{names}", figures),
    )  # fmt: skip


def _change_line(change: Change, bill: Bill, holdings: Holdings, rates: Rates) -> str:
    item = change.item
    if not item.amount:
        return f"{item.name}：这个月没有了，少{yuan(abs(change.amount))}"
    against = "上一个月没有" if change.before is None else f"上一个月{yuan(change.before)}"
    cause = _cause(item, bill, holdings, rates)
    return f"{item.name} {yuan(item.amount)}（{against}）{'：' + cause if cause else ''}"


def _cause(item: BillItem, bill: Bill, holdings: Holdings, rates: Rates) -> str:
    words, rate_name = _RATED.get(item.kind, ("", ""))
    rate = rates.get(rate_name)
    if words and rate:
        return words.format(n=number(item.amount / rate), rate=price(rate))
    owned = next((s for s in holdings.items if s.name == item.name), None)
    if owned and owned.start and month_key(owned.start) == bill.month:
        through = f"通过{owned.channel}" if owned.channel else ""
        return f"{day_name(owned.start)}{through}开通，{price(owned.price)}/月"
    return ""


def _opened_recently(found: list[Change], bill: Bill, holdings: Holdings) -> Subscription | None:
    """A service that began in the billed month and made it dearer."""
    new = {change.item.name for change in found if change.before is None}
    for service in holdings.services:
        began = service.start is not None and month_key(service.start) == bill.month
        if service.name in new and service.kind == "vas" and began and service.status == "active":
            return service
    return None


def _advice(
    found: list[Change], unwanted: Subscription | None
) -> tuple[str, list[Button], Offer | None]:
    if unwanted:
        words = f"退订{unwanted.name}"
        request = Request(
            words, "cancel_subscription", 1.0, (Entity("service_name", unwanted.name),), words
        )
        tail = f"如果{unwanted.name}不是您自己要开的，我可以马上帮您退订。需要吗？"
        buttons = [Button(words), Button("我要投诉乱扣费", "我要投诉，没开通过却扣费"), HUMAN]
        return tail, buttons, Offer("action_cancel_subscription", request)
    if any(c.item.kind == "data_overage" and c.amount > 0 for c in found):
        buttons = [Button("推荐合适的套餐"), Button("加个10G流量包"), HUMAN]
        return "流量常超出的话，换一档套餐或加流量包会更划算，要我按您的用量算一算吗？", buttons, Offer(
            "action_recommend_package",
            Request("推荐合适的套餐", "recommend_package", 1.0, (), "推荐合适的套餐"),
        )  # fmt: skip
    return "", [Button("我开通了哪些业务"), HUMAN], None
