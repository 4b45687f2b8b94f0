"""Changing the plan."""

from __future__ import annotations

import asyncio
import re
from datetime import date

from actions.answers import plans
from actions.bss.models import Catalogue, Plan, Subscription
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task, confirm
from actions.turn import Request
from actions.wording import day_name, price
from core.clock import local_now

_CHEAPER = re.compile(r"降|便宜|低一?点|最低")


def _plan_words(request: Request) -> str | None:
    """The words that name a plan; what they mean is looked up in the catalogue later."""
    named = request.first("package_name")
    if named:
        return named
    text = request.plain
    return (
        text
        if re.search(r"(?<!\d)\d{2,3}(?![\d月号日gm个分])|青春|银龄|家庭|尊享|畅享|融合", text)
        else None
    )


class ChangePlan(Task):
    """Takes effect on the first of next month."""

    name, title, intent = "change_package", "换套餐", "change_package"
    fields = (Field("plan", "要换的套餐", _plan_words, again="没有找到这个套餐。"),)

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        catalogue, holdings = await asyncio.gather(
            desk.bss.catalogue.catalogue(), desk.bss.accounts.holdings(desk.owner.customer_id)
        )
        current = holdings.plan
        if current is None:
            return said("没有查到您名下正在使用的套餐，我帮您转人工核实吧。", HUMAN)
        if current.status == "suspended":
            return stopped(current, "换套餐")
        words = state.filled.get("plan")
        if words is None:
            return None
        found = plans.find(words, catalogue)
        if len(found) > 1:
            found = [plan for plan in found if plan.id != current.offer_id] or found
        if len(found) != 1:
            del state.filled["plan"]
            state.notes["problem"] = "在售套餐里没有找到您说的这个。" if not found else ""
            return None
        state.filled["plan"] = found[0].name
        return await self._forbidden(found[0], current, desk)

    async def _forbidden(self, plan: Plan, current: Subscription, desk: Desk) -> Outcome | None:
        if plan.id == current.offer_id:
            text = f"您现在用的就是{plan.name}，不用再换。"
            return said(text, Button("看看其他套餐", "有哪些套餐"))
        until = current.contract_end
        if until and until > local_now().date() and plan.price < current.price:
            return said(
                f"您的{current.name}合约到{day_name(until)}结束，到期前不能换到更低的套餐。"
                "到期后再跟我说就可以办。", Button("提前解约怎么办", "合约没到期想换套餐怎么办"), HUMAN,
                step=Step(f"想换{plan.name}，合约到{day_name(until)}，暂不能降档",
                          {"合约到期": day_name(until)}),
            )  # fmt: skip
        if plan.min_age:
            customer = await desk.bss.accounts.customer(desk.owner.customer_id)
            if customer.age is None or customer.age < plan.min_age:
                text = f"{plan.name}限年满{plan.min_age}周岁的客户办理，您暂时不符合。"
                return said(text, Button("推荐合适的套餐"))
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        catalogue, holdings = await asyncio.gather(
            desk.bss.catalogue.catalogue(), desk.bss.accounts.holdings(desk.owner.customer_id)
        )
        current = holdings.plan
        offered = [p for p in catalogue.plans if current is None or p.id != current.offer_id]
        opening = Request.from_dict(state.request).plain
        if current and _CHEAPER.search(opening):
            offered = [p for p in offered if p.price < current.price] or offered
        now = f"您现在用的是{current.name}。" if current else ""
        names = "、".join(plan.name for plan in offered)
        return Reply(
            f"{now}想换成哪个套餐？可以选：{names}。", f"{now}想换成哪个？",
            (Button("推荐合适的套餐"), Button("取消")), plans.card("可以换的套餐", offered),
        )  # fmt: skip

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        catalogue, holdings = await asyncio.gather(
            desk.bss.catalogue.catalogue(), desk.bss.accounts.holdings(desk.owner.customer_id)
        )
        plan, current = _chosen(state, catalogue), holdings.plan
        start = _next_month()
        now = f"现在的{current.name}用到本月底，" if current else ""
        lost = ""
        if holdings.broadband and not any("宽带" in extra for extra in plan.extras):
            lost = f"注意：新套餐不含宽带，{holdings.broadband.name}会受影响。"
        return confirm(
            f"换成{plans.describe(plan)}。{now}{day_name(start)}起按新套餐收费，办理本身不收费。"
            f"{lost}确认吗？",
            f"换成{plan.name}，每月{price(plan.price)}，{day_name(start)}开始。确认吗？",
        )

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        plan = _chosen(state, await desk.bss.catalogue.catalogue())
        order = await desk.bss.orders.change_plan(desk.owner.customer_id, plan.id, state.key)
        when = day_name(order.effective) if order.effective else "下月1日"
        return said(
            f"办好了：{when}起换成{plan.name}，每月{price(plan.price)}。订单号{order.id}。",
            Button("查我的套餐", "我现在是什么套餐"),
            step=Step(f"办理换套餐：{plan.name}，{when}生效，订单号{order.id}",
                      {"新套餐": plan.name, "生效": when, "订单号": order.id}),
        )  # fmt: skip


def _chosen(state: TaskState, catalogue: Catalogue) -> Plan:
    return next(plan for plan in catalogue.plans if plan.name == state.filled["plan"])


def _next_month() -> date:
    today = local_now().date()
    return today.replace(year=today.year + today.month // 12, month=today.month % 12 + 1, day=1)


def stopped(plan: Subscription, what: str) -> Outcome:
    arrears = plan.suspend_reason == "arrears"
    text = f"您的号码{'因欠费' if arrears else '现在'}停机了，要先{'充值' if arrears else ''}复机才能{what}。"
    first = Button("充值话费") if arrears else Button("帮我复机")
    return said(text, first, Button("查余额", "查话费余额"), HUMAN)
