"""Ordering an add-on, ending a service."""

from __future__ import annotations

import re

from actions.answers import plans
from actions.bss.models import Addon, Holdings, Subscription
from actions.numerals import fold
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.packages import stopped
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task, confirm
from actions.turn import Request
from actions.wording import day_name, listing, price, yuan


def _addon_words(request: Request) -> str | None:
    named = request.first("service_name")
    if named:
        return named
    text = request.plain
    if re.search(r"流量|加油包|\d+\s*g|个g", text):
        return "流量包"
    return text if re.search(r"彩铃|炫铃|视频会员|漫游", text) else None


class OrderAddon(Task):
    """Takes effect at once."""

    name, title, intent = "order_addon", "订购业务", "order_addon"
    fields = (Field("service", "要订的业务", _addon_words, again="没有找到这项业务。"),)

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        holdings = await desk.bss.accounts.holdings(desk.owner.customer_id)
        if holdings.plan and holdings.plan.status == "suspended":
            return stopped(holdings.plan, "办理业务")
        words = state.filled.get("service")
        if words is None:
            return None
        addon = plans.find_addon(words, (await desk.bss.catalogue.catalogue()).addons)
        if addon is None:
            del state.filled["service"]
            state.notes["problem"] = f"现在没有「{words[:20]}」这项业务。"
            return None
        if addon.kind == "roaming":
            return said(
                "国际漫游要先选国家和出发日期。", Button("开通国际漫游", "帮我开通国际漫游")
            )
        state.filled["service"] = addon.name
        if addon.kind == "data":
            return await self._too_poor(addon, desk)
        if addon.kind == "vas" and any(
            s.offer_id == addon.id and s.status == "active" for s in holdings.services
        ):
            return said(f"您已经开通了{addon.name}，不用重复开通。", Button("我开通了哪些业务"))
        return None

    async def _too_poor(self, addon: Addon, desk: Desk) -> Outcome | None:
        left = await desk.bss.accounts.balance(desk.owner.customer_id)
        if left >= addon.price:
            return None
        return said(
            f"{addon.name}{price(addon.price)}，从话费余额扣；您的余额是{yuan(left)}，不够付。先充值就可以订。",
            Button("充值话费"), Button("推荐合适的套餐"),
            step=Step(f"想订{addon.name}，余额{yuan(left)}不够", {"余额": yuan(left)}),
        )  # fmt: skip

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        addons = [
            addon
            for addon in (await desk.bss.catalogue.catalogue()).addons
            if addon.kind != "roaming"
        ]
        lines = [f"{addon.name}：{price(addon.price)}{_per(addon.period)}" for addon in addons]
        buttons = tuple(Button(addon.name) for addon in addons)
        return Reply(f"想订哪一项？\n{listing(lines)}", None, (*buttons, Button("取消")))

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        catalogue = await desk.bss.catalogue.catalogue()
        addon = next(a for a in catalogue.addons if a.name == state.filled["service"])
        if addon.kind == "data":
            effect = "马上生效，从话费余额扣，本月底前有效"
        else:
            effect = "马上生效，每月从话费扣，随时可以退订"
        cost = f"{price(addon.price)}{_per(addon.period)}"
        return confirm(f"为您订购{addon.name}，{cost}，{effect}。确认吗？",
                       f"订{addon.name}，{cost}，确认吗？")  # fmt: skip

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        catalogue = await desk.bss.catalogue.catalogue()
        addon = next(a for a in catalogue.addons if a.name == state.filled["service"])
        order = await desk.bss.orders.add(desk.owner.customer_id, addon.id, state.key)
        cost = f"{price(addon.price)}{_per(addon.period)}"
        return said(
            f"{addon.name}已经开通，{cost}，马上可以用。订单号{order.id}。", Button("查剩余流量"),
            step=Step(f"订购{addon.name}（{cost}），订单号{order.id}",
                      {addon.name: cost, "订单号": order.id}),
        )  # fmt: skip


def _per(period: str) -> str:
    return {"month": "/月", "day": "/天"}.get(period, "")


def _named_service(request: Request) -> str | None:
    return request.first("service_name")


def _service_words(request: Request) -> str | None:
    words = re.sub(
        r"退订|退掉|取消|关闭|关掉|停掉|帮我|给我|请|麻烦|我要|我想|把|那个|这个|业务|一下|吧|了|的|我|退|[\s，。！,.!]",
        "", request.plain,
    )  # fmt: skip
    return words or None


class CancelService(Task):
    """Stops at the end of the month; what was charged stays charged."""

    name, title, intent = "cancel_subscription", "退订业务", "cancel_subscription"
    fields = (
        Field(
            "service", "要退订的业务", _named_service, _service_words, again="您没有开通这项业务。"
        ),
    )

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        holdings = await desk.bss.accounts.holdings(desk.owner.customer_id)
        running = [s for s in holdings.services if s.kind == "vas"]
        active = [s for s in running if s.status == "active"]
        words = state.filled.get("service")
        named = await self._named(words, running, desk) if words else None
        if named and named.status == "pendingTerminate":
            when = day_name(named.end) if named.end else "月底"
            return said(f"{named.name}已经退订过了，{when}停止，之后不再收费。", HUMAN)
        if not active:
            text = "您没有开通可以退订的收费业务。" if not words else "没有查到您开通了这项业务。"
            return said(text, Button("我开通了哪些业务"), Button("查上月账单", "查上个月账单"))
        if named:
            state.filled["service"] = named.name
            state.notes["product"] = named.id
        elif words:
            del state.filled["service"]
            if state.asking is not None or Request.from_dict(state.request).first("service_name"):
                state.notes["problem"] = "没有查到您开通了这项业务。"
        return None

    async def _named(
        self, words: str, running: list[Subscription], desk: Desk
    ) -> Subscription | None:
        folded = fold(words)
        direct = next((s for s in running if fold(s.name) in folded), None)
        if direct:
            return direct
        addon = plans.find_addon(words, (await desk.bss.catalogue.catalogue()).addons)
        return next((s for s in running if addon and s.offer_id == addon.id), None)

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        holdings = await desk.bss.accounts.holdings(desk.owner.customer_id)
        active = [s for s in holdings.services if s.kind == "vas" and s.status == "active"]
        lines = [f"{s.name}：{price(s.price)}{_per(s.period)}" for s in active]
        buttons = tuple(Button(f"退订{s.name}") for s in active)
        return Reply(f"您开通了这些业务，要退哪一项？\n{listing(lines)}", None,
                     (*buttons, Button("取消")))  # fmt: skip

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        service = await self._owned(state, desk)
        cost = f"{price(service.price)}{_per(service.period)}"
        return confirm(
            f"退订{service.name}（{cost}）：本月底停止，下个月起不再收费。确认退订吗？",
            f"退订{service.name}，下个月不再收费。确认吗？",
        )

    async def _owned(self, state: TaskState, desk: Desk) -> Subscription:
        holdings: Holdings = await desk.bss.accounts.holdings(desk.owner.customer_id)
        return next(s for s in holdings.items if s.id == state.notes["product"])

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        product = state.notes["product"]
        order = await desk.bss.orders.cancel(desk.owner.customer_id, product, state.key)
        when = day_name(order.effective) if order.effective else "本月底"
        return said(
            f"{order.product}已经退订，{when}停止，之后不再收费。订单号{order.id}。"
            "如果觉得之前的扣费不合理，我可以帮您登记投诉。",
            Button("登记投诉", "我要投诉乱扣费"), Button("我开通了哪些业务"),
            short=f"{order.product}已退订，下个月不再收费。",
            step=Step(f"退订{order.product}，{when}停止，订单号{order.id}",
                      {"退订": order.product, "停止": when, "订单号": order.id}),
        )  # fmt: skip
