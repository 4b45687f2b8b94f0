"""Stopping and restarting a number, roaming, and the service password."""

from __future__ import annotations

import re
from datetime import date

from actions import values
from actions.outcome import Handoff, Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.packages import stopped
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task, confirm
from actions.turn import Request
from actions.wording import day_name, price, yuan
from core.clock import local_now
from core.security import mask

LOST = re.compile(r"丢|偷|被盗|挂失|找不到|不见了|掉")


class Suspend(Task):
    """At once; a lost phone and a planned pause are told apart."""

    name, title, intent = "suspend", "停机", "suspend_service"

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        plan = (await desk.bss.accounts.holdings(desk.owner.customer_id)).plan
        if plan is None:
            return said("没有查到您名下正在使用的号码，我帮您转人工核实吧。", HUMAN)
        if plan.status == "suspended":
            why = "因欠费" if plan.suspend_reason == "arrears" else ""
            return said(f"您的号码现在已经{why}停机了，别人用不了。", Button("帮我复机"), HUMAN)
        lost = LOST.search(Request.from_dict(state.request).plain)
        state.notes["reason"] = "lost" if lost else "voluntary"
        return None

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        what = "挂失停机" if state.notes["reason"] == "lost" else "停机"
        return confirm(
            f"马上为{mask(desk.owner.phone)}办理{what}：之后不能打电话、接电话、发短信和上网，"
            "想恢复时跟我说「复机」就行。确认吗？",
            f"马上给{mask(desk.owner.phone)}停机，确认吗？",
        )

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        reason = state.notes["reason"]
        order = await desk.bss.orders.suspend(desk.owner.customer_id, reason, state.key)
        lost = reason == "lost"
        tail = "手机里绑定了支付软件的，建议尽快冻结；补卡要带身份证去营业厅。" if lost else ""
        buttons = [Button("怎么补卡", "手机丢了怎么补卡")] if lost else []
        return said(
            f"已经停机，订单号{order.id}。{tail}", *buttons, Button("帮我复机"),
            step=Step(f"办理{'挂失' if lost else ''}停机，订单号{order.id}", {"订单号": order.id}),
        )  # fmt: skip


class Resume(Task):
    """At once; a number stopped for arrears comes back by paying."""

    name, title, intent = "resume", "复机", "resume_service"

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        plan = (await desk.bss.accounts.holdings(desk.owner.customer_id)).plan
        if plan is None:
            return said("没有查到您名下正在使用的号码，我帮您转人工核实吧。", HUMAN)
        if plan.status != "suspended":
            text = "您的号码现在是正常状态，不用复机。要是用不了，我可以帮您报障。"
            return said(text, Button("手机没信号"), HUMAN)
        balance = await desk.bss.accounts.balance(desk.owner.customer_id)
        if balance < 0:
            return said(
                f"号码是因为欠费{yuan(-balance)}停机的，充值超过这个数会自动复机。",
                Button("充值话费"), Button("为什么欠费", "为什么扣这么多"),
                step=Step(f"要复机：因欠费{yuan(-balance)}停机", {"欠费": yuan(-balance)}),
            )  # fmt: skip
        return None

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        return confirm(f"马上为{mask(desk.owner.phone)}恢复使用，确认吗？")

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        order = await desk.bss.orders.resume(desk.owner.customer_id, state.key)
        return said(
            f"号码已经恢复，重启一下手机就能用了。订单号{order.id}。",
            step=Step(f"办理复机，订单号{order.id}", {"订单号": order.id}),
        )


def _country(request: Request) -> str | None:
    named = request.first("country")
    if named:
        return named
    found = re.search(
        r"(?:去|到|飞|在)([\u4e00-\u9fa5]{2,6}?)(?:玩|旅游|出差|开会|留学|探亲|度假|，|。|,|$|了|的|要|前)",
        request.plain,
    )
    return found.group(1) if found else None


def _bare_country(request: Request) -> str | None:
    bare = re.fullmatch(r"[\u4e00-\u9fa5]{2,6}", request.plain)
    return request.plain if bare and request.intent in ("inform", "nlu_fallback", "") else None


def _start(request: Request) -> str | None:
    found = values.day(request.first("date") or request.plain, local_now().date())
    return found.isoformat() if found else None


ROAMING_OFFER = "addon-roaming-day"


class Roaming(Task):
    """A day pass: charged for days of use only."""

    name, title, intent = "roaming", "开通国际漫游", "activate_roaming"
    fields = (
        Field("country", "目的地", _country, _bare_country, again="没看懂是哪个国家或地区。"),
        Field("start", "开始日期", _start, again="没看懂日期，可以说「明天」或者「12月3日」。"),
    )

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        plan = (await desk.bss.accounts.holdings(desk.owner.customer_id)).plan
        if plan and plan.status == "suspended":
            return stopped(plan, "开通漫游")
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        if part.name == "country":
            buttons = tuple(Button(name) for name in ("日本", "泰国", "香港"))
            return Reply("要去哪个国家或地区？", None, buttons)
        return Reply("从哪天开始用？", None, (Button("今天"), Button("明天"), Button("后天")))

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        addon = (await desk.bss.catalogue.catalogue()).addon(ROAMING_OFFER)
        if addon is None:
            raise LookupError(f"the catalogue has no {ROAMING_OFFER}")
        when = day_name(date.fromisoformat(state.filled["start"]))
        country = state.filled["country"]
        return confirm(
            f"为您开通{country}的{addon.name}，{when}起可用，{price(addon.price)}/天，"
            "用一天收一天，不用不收。确认吗？",
            f"开通{country}漫游，{when}起，每天{price(addon.price)}。确认吗？",
        )

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        country, start = state.filled["country"], state.filled["start"]
        order = await desk.bss.orders.add(
            desk.owner.customer_id, ROAMING_OFFER, state.key, country=country, startDate=start
        )
        when = day_name(date.fromisoformat(start))
        return said(
            f"{country}的{order.product}开通好了，{when}起可用，订单号{order.id}。"
            "到了以后打开手机的「数据漫游」开关就能上网。",
            Button("国际漫游怎么收费"),
            step=Step(f"开通{country}国际漫游，{when}起，订单号{order.id}",
                      {"目的地": country, "开始": when, "订单号": order.id}),
        )  # fmt: skip


class ResetPassword(Task):
    """A new service password, by SMS to the verified number only."""

    name, title, intent = "password", "重置服务密码", "change_password"

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        return confirm(f"重置后新密码会短信发到{mask(desk.owner.phone)}，旧密码马上失效。确认吗？")

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        receipt = await desk.bss.identity.reset_password(desk.owner.customer_id, state.key)
        return said(
            f"服务密码已经重置，新密码短信发到了{receipt.sent_to}，请尽快改成自己记得住的。"
            f"受理号{receipt.id}。", HUMAN,
            step=Step(f"重置服务密码，受理号{receipt.id}", {"受理号": receipt.id}),
        )  # fmt: skip


def lost_without_sms(text: str) -> Outcome | None:
    """A lost phone cannot receive a code: a person must check who calls."""
    if not LOST.search(text):
        return None
    return said(
        "手机不在身边收不到验证码，我请人工同事核实身份后马上为您挂失，请稍等。",
        short="别着急，我马上请人工帮您挂失。",
        handoff=Handoff("job", "general", "手机丢失要挂失停机，收不到短信验证码，需人工核实身份"),
    )
