"""Plans: finding the one that is meant, listing, comparing, and what would be cheaper for real usage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from actions.bss.models import Addon, Catalogue, Holdings, Plan
from actions.numerals import fold, integer
from actions.outcome import Outcome, Step, said
from actions.pointing import Listed
from actions.replies import HUMAN, Button
from actions.wording import day_name, listing, price

_NICKNAMES = {
    "青春": "plan-youth-19", "学生": "plan-youth-19", "银龄": "plan-silver-29",
    "老人": "plan-silver-29", "老年": "plan-silver-29", "家庭": "plan-family-169",
    "融合": "plan-family-169", "尊享": "plan-premium-199", "5g畅享": "plan-5g-129",
}  # fmt: skip
_NUMBERS = re.compile(r"\d+|[零一二两三四五六七八九十百]+")


def find(text: str, catalogue: Catalogue) -> list[Plan]:
    """Plans named by name, nickname or price in ``text``, in the order said."""
    folded = fold(text)
    found: dict[str, tuple[int, Plan]] = {}
    for plan in catalogue.plans:
        at = folded.find(fold(plan.name))
        if at >= 0:
            found[plan.id] = (at, plan)
    for match in _NUMBERS.finditer(folded):
        value = integer(match.group())
        for plan in catalogue.plans:
            if value == plan.price and not _is_data_size(folded, match.end()):
                found.setdefault(plan.id, (match.start(), plan))
    if not found:
        for nickname, offer_id in _NICKNAMES.items():
            named = catalogue.plan(offer_id)
            if nickname in folded and named:
                found.setdefault(offer_id, (folded.find(nickname), named))
    return [plan for _, plan in sorted(found.values(), key=lambda pair: pair[0])]


def _is_data_size(text: str, end: int) -> bool:
    return text[end : end + 1] in ("g", "m") or text[end : end + 2] in ("分钟", "兆")


def describe(plan: Plan) -> str:
    """``畅享59元：每月59元，30GB流量、200分钟通话``."""
    extras = "".join(f"、{extra}" for extra in plan.extras)
    limit = f"（限{plan.min_age}周岁以上）" if plan.min_age else ""
    return (
        f"{plan.name}：每月{price(plan.price)}，{plan.data_gb}GB流量、{plan.minutes}分钟通话"
        f"{extras}{limit}"
    )


def card(
    title: str, plans: Iterable[Plan], reasons: dict[str, str] | None = None
) -> dict[str, Any]:
    """The contract's plans card."""
    shapes = []
    for plan in plans:
        shape: dict[str, Any] = {
            "id": plan.id, "name": plan.name, "price": f"{plan.price:.2f}",
            "data_gb": plan.data_gb, "minutes": plan.minutes, "extras": list(plan.extras),
            "payload": f"办理{plan.name}",
        }  # fmt: skip
        if reason := (reasons or {}).get(plan.id) or plan.note:
            shape["reason"] = reason
        shapes.append(shape)
    return {"type": "plans", "title": title, "plans": shapes}


def browse(
    text: str, catalogue: Catalogue, current: Plan | None, age: int | None = None
) -> Outcome:
    """Named plans, else those of the kind asked for (cheap, 5G, with broadband), else all."""
    named = find(text, catalogue)
    if len(named) >= 2:
        return _listed("为您对比这几个套餐：", named, "套餐对比")
    if len(named) == 1 and (current is None or named[0].id != current.id):
        return _listed("这个套餐是这样的：", named, named[0].name)
    folded = fold(text)
    if re.search(r"便宜|低|省钱|实惠|划算|少花|最小", folded):
        return _cheap(catalogue, current, age)
    kinds = (
        (r"5g", "5G套餐", [p for p in catalogue.plans if "5G网络" in p.extras]),
        (r"宽带|家庭|融合|电视", "带宽带的套餐", [p for p in catalogue.plans if
                                               any("宽带" in e for e in p.extras)]),
        (r"老人|老年|父母|爸|妈|银龄", "适合老人的套餐", [p for p in catalogue.plans if p.min_age]),
        (r"学生|青春|年轻", "适合学生的套餐", [p for p in catalogue.plans if "youth" in p.id]),
    )  # fmt: skip
    for pattern, title, plans in kinds:
        if plans and re.search(pattern, folded):
            return _listed(f"{title}有这些：", plans, title)
    return _listed(
        f"现在在售的套餐有{len(catalogue.plans)}个，从低到高：", catalogue.plans, "在售套餐"
    )


def _cheap(catalogue: Catalogue, current: Plan | None, age: int | None) -> Outcome:
    # Whose age is known is not shown what they may not have.
    open_plans = [p for p in catalogue.plans if age is None or not p.min_age or age >= p.min_age]
    if current is None:
        return _listed("月费比较低的套餐有这些：", open_plans[:4], "低月费套餐")
    cheaper = [plan for plan in open_plans if plan.price < current.price]
    if not cheaper:
        text = f"您现在的{current.name}（每月{price(current.price)}）已经是最便宜的套餐了。"
        return said(text, Button("推荐合适的套餐"), Button("查剩余流量"))
    head = (
        f"您现在用的是{current.name}（每月{price(current.price)}），比它便宜的有{len(cheaper)}个："
    )
    return _listed(head, cheaper, "更便宜的套餐")


def _listed(head: str, plans: Sequence[Plan], title: str) -> Outcome:
    lines = [describe(plan) for plan in plans]
    names = "、".join(plan.name for plan in plans)
    tail = "想办哪个直接告诉我，也可以让我按您的用量推荐。"
    return said(
        f"{head}\n{listing(lines)}\n{tail}", Button("按我的用量推荐", "推荐一个适合我的套餐"),
        short=f"{head}{names}。想要哪个？", card=card(title, plans),
        step=Step(f"介绍了套餐：{names}", {p.name: price(p.price) for p in plans}),
    )  # fmt: skip


def find_addon(text: str, addons: Iterable[Addon]) -> Addon | None:
    """The add-on named by name or alias."""
    folded = fold(text)
    best: tuple[int, Addon] | None = None
    for addon in addons:
        for name in (addon.name, *addon.aliases):
            if fold(name) in folded and (best is None or len(name) > best[0]):
                best = (len(name), addon)
    return best[1] if best else None


def holding(holdings: Holdings, catalogue: Catalogue) -> Outcome:
    """The plan in force, what follows it, the contract and the broadband."""
    plan = holdings.plan
    if plan is None:
        return said("没有查到您名下正在使用的套餐。", HUMAN)
    offer = catalogue.plan(plan.offer_id)
    lines = [describe(offer) if offer else f"{plan.name}：每月{price(plan.price)}"]
    figures = {"套餐": plan.name, "月费": price(plan.price)}
    if plan.contract_end:
        lines.append(f"合约到{day_name(plan.contract_end)}结束")
        figures["合约到期"] = day_name(plan.contract_end)
    if line := holdings.broadband:
        account = line.traits.get("account", "")
        lines.append(f"{line.name}，宽带账号{account}")
        figures["宽带"] = f"{line.name} {account}"
    if (following := holdings.next_plan) and following.start:
        lines.append(f"{day_name(following.start)}起换成{following.name}")
        figures["下一套餐"] = following.name
    if plan.status == "suspended":
        why = "因欠费" if plan.suspend_reason == "arrears" else ""
        lines.append(f"号码目前{why}停机")
        figures["状态"] = "停机"
    text = f"您现在用的是{plan.name}：\n{listing(lines)}"
    return said(
        text, Button("查剩余流量"), Button("有更便宜的吗", "有什么便宜点的套餐"),
        short=f"您用的是{plan.name}，每月{price(plan.price)}。",
        step=Step(f"查到当前套餐{plan.name}", figures),
    )  # fmt: skip


def subscribed(holdings: Holdings, this_month: str, last_month: str) -> Outcome:
    """Running services with price, start and how they came about; new ones are pointed out."""
    services = holdings.services
    plan = holdings.plan
    base = f"主套餐{plan.name}（每月{price(plan.price)}）" if plan else "主套餐"
    if not services:
        text = f"除了{base}，您没有开通其他收费业务，没有乱扣费。"
        return said(text, Button("查上月账单", "查上个月账单"),
                    step=Step("查已开业务：无其他收费业务"))  # fmt: skip
    lines, buttons, recent = [], [], []
    for item in services:
        period = {"month": "/月", "day": "/天"}.get(item.period, "（一次性）")
        since = f"，{day_name(item.start)}开通" if item.start else ""
        ending = f"，已退订，{day_name(item.end)}停止" if (
            item.status == "pendingTerminate" and item.end) else ""  # fmt: skip
        through = f"（{item.channel}）" if item.channel else ""
        lines.append(f"{item.name}：{price(item.price)}{period}{since}{through}{ending}")
        if item.kind == "vas" and item.status == "active":
            buttons.append(Button(f"退订{item.name}"))
            if item.start and f"{item.start:%Y-%m}" in (this_month, last_month):
                recent.append(item.name)
    hint = f"\n{'、'.join(recent)}是最近才开通的，不是您要的可以马上退订。" if recent else ""
    figures = {item.name: price(item.price) for item in services}
    return said(
        f"除了{base}，您还开通了{len(services)}项业务：\n{listing(lines)}{hint}",
        *buttons[:4], step=Step("查已开业务：" + "、".join(figures), figures),
        listed=Listed("service_name", tuple(figures)),
    )  # fmt: skip
