"""Faults, complaints, spam reports and stores."""

from __future__ import annotations

import re

from actions import numerals
from actions.answers import care
from actions.bss.care import Severity
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.packages import stopped
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task, confirm
from actions.turn import Request
from actions.wording import time_name
from core.security import mask

_HOME = re.compile(r"宽带|光猫|猫|路由|wifi|无线网|家里|机顶盒|电视|iptv|光纤|los|红灯|有线")
_PLACE = re.compile(
    r"[\u4e00-\u9fa5\d]{2,}(?:省|市|区|县|镇|村|路|街|道|号|小区|楼|苑|园|大厦|广场|站|校)"
)
_ABOUT_COMPLAINT = re.compile(r"我?要?想?(你们)?(投诉|举报|申诉)(你们|一下|吧|啊)*")
_NUMBER = re.compile(r"(?<!\d)\+?\d[\d\- ]{2,18}\d(?!\d)")
_SHORTEST_STORY = 6


def _address(request: Request) -> str | None:
    named = request.first("address")
    if named:
        return named
    found = _PLACE.search(request.plain)
    return found.group() if found else None


def _bare_address(request: Request) -> str | None:
    bare = request.intent in ("inform", "nlu_fallback", "out_of_scope", "")
    return request.text.strip()[:60] if bare and len(request.plain) >= 2 else None


class ReportFault(Task):
    """A repair ticket; known outages and stopped numbers are told first."""

    name, title, intent = "fault", "网络报障", "report_network_fault"
    fields = (Field("address", "故障地点", _address, _bare_address, again="没看懂地点。"),)

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        opening = Request.from_dict(state.request)
        holdings = await desk.bss.accounts.holdings(desk.owner.customer_id)
        home = bool(_HOME.search(opening.plain))
        if holdings.plan and holdings.plan.status == "suspended" and not home:
            return stopped(holdings.plan, "正常使用")
        state.notes["home"] = home
        line = holdings.broadband
        if home and line and "address" not in state.filled:
            state.filled["address"] = line.traits.get("address", "")
        if home and line:
            state.notes["account"] = line.traits.get("account", "")
        if address := state.filled.get("address"):
            outages = await desk.bss.care.outages(address)
            known = outages[0] if outages else None
            state.notes["outage"] = known.title if known else None
            ready = known.expected if known else None
            state.notes["expected"] = time_name(ready) if ready else None
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        return Reply(
            "请告诉我出问题的地点，比如「朝阳区望京西园四区」。", "问题出在哪里？请说下地址。"
        )

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        address, outage = state.filled["address"], state.notes.get("outage")
        if outage:
            expected = state.notes.get("expected")
            when = f"，预计{expected}恢复" if expected else ""
            return confirm(
                f"查到{outage}，正好影响您那里（{address}），正在抢修{when}。"
                "要给您登记一张报修单吗？恢复前后都可以问我进度。",
                f"{outage}，正在抢修{when}。要给您登记报修吗？",
            )
        account = state.notes.get("account")
        line = f"宽带账号{account}，" if account else ""
        return confirm(
            f"没有查到大面积故障。为您登记报修：{line}地点{address}，"
            f"联系电话{mask(desk.owner.phone)}，维修师傅会先打电话跟您约时间。确认吗？",
            f"为您报修，地点{address}，师傅会给您打电话。确认吗？",
        )

    def found(self, state: TaskState) -> Step | None:
        outage, expected = state.notes.get("outage"), state.notes.get("expected")
        if not outage:
            return None
        figures = {"故障地点": str(state.filled["address"])}
        figures |= {"预计恢复": str(expected)} if expected else {}
        return Step(f"查到{outage}，正在抢修", figures)

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        said_first = mask(Request.from_dict(state.request).text)[:500]
        account, outage = state.notes.get("account"), state.notes.get("outage")
        parts = [said_first, f"地点：{state.filled['address']}"]
        parts += [f"宽带账号：{account}"] if account else []
        parts += [f"关联故障：{outage}"] if outage else []
        severity: Severity = "major" if outage or state.notes.get("home") else "minor"
        ticket = await desk.bss.care.open_ticket(
            "fault", "；".join(parts), severity, state.key, desk.owner.customer_id
        )
        expected = state.notes.get("expected")
        when = f"预计{expected}恢复。" if outage and expected else "维修师傅会先打电话联系您。"
        return said(
            f"报修单已经登记，单号{ticket.id}。{when}随时可以问我「报修到哪了」。",
            Button("报修到哪了"), HUMAN, short=f"已报修，单号{ticket.id}。{when}",
            card=care.ticket_card(ticket),
            step=Step(f"登记报修单{ticket.id}", {"报修单": ticket.id, "地点": state.filled["address"]}),
        )  # fmt: skip


def _story(request: Request) -> str | None:
    text = request.text.strip()
    rest = re.sub(r"[\s，。！,.!?？、]+", "", _ABOUT_COMPLAINT.sub("", request.plain))
    if request.intent in ("file_complaint", "report_spam") and len(rest) < _SHORTEST_STORY:
        return None
    return text[:2000] if len(rest) >= 2 else None


class Complain(Task):
    """A complaint ticket; grave ones go to a person before this begins."""

    name, title, intent = "complaint", "登记投诉", "file_complaint"
    fields = (Field("story", "投诉内容", _story, free=True, again="请再具体说说。"),)

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        return Reply(
            "很抱歉给您带来不好的体验。请说说是什么事、大概什么时候，我原原本本登记下来。",
            "对不起。请说说是什么事，我帮您登记。", (HUMAN, Button("取消")),
        )  # fmt: skip

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        return confirm(
            f"为您登记投诉：「{state.filled['story'][:100]}」，"
            f"会有专人核实后联系{mask(desk.owner.phone)}。确认提交吗？",
            "我帮您登记投诉，会有专人联系您。确认吗？",
        )

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        ticket = await desk.bss.care.open_ticket(
            "complaint", mask(state.filled["story"]), "major", state.key, desk.owner.customer_id
        )
        return said(
            f"投诉已经登记，单号{ticket.id}，会有专人核实后联系您。想现在就跟人说，也可以转人工。",
            Button("投诉处理得怎么样了"), HUMAN, short=f"投诉已登记，单号{ticket.id}。",
            card=care.ticket_card(ticket),
            step=Step(f"登记投诉单{ticket.id}", {"投诉单": ticket.id}),
        )  # fmt: skip


def _caller(request: Request) -> str | None:
    words = request.first("phone_number") or numerals.fold(request.text)
    found = _NUMBER.search(words)
    if found:
        return re.sub(r"[\s\-]", "", found.group())
    if re.search(r"不知道|没有号码|没记|忘了|隐藏|未知", words):
        return "未知号码"
    return None


class ReportSpam(Task):
    """Open to everybody."""

    name, title, intent = "spam", "举报骚扰", "report_spam"
    private = False
    fields = (Field("number", "骚扰号码", _caller, again="没看到号码。"),)

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        return Reply(
            "请把骚扰的号码发给我，不记得就说「不知道」。", None, (Button("不知道"), Button("取消"))
        )

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        return confirm(f"举报号码{state.filled['number']}，提交后由反骚扰团队核实处理。确认吗？")

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        number = state.filled["number"]
        identity = desk.turn.identity
        text = f"举报号码：{number}；描述：{Request.from_dict(state.request).text[:500]}"
        ticket = await desk.bss.care.open_ticket(
            "spam", text, "minor", state.key, identity.customer_id if identity else None
        )
        return said(
            f"举报已经提交，单号{ticket.id}。陌生来电也可以在手机里开骚扰拦截。",
            Button("怎么拦截骚扰电话"),
            step=Step(f"举报骚扰号码{mask(number)}，单号{ticket.id}", {"举报单": ticket.id}),
        )  # fmt: skip


class FindStore(Task):
    """The nearest stores of a place."""

    name, title, intent = "store", "查营业厅", "find_store"
    private, confirms = False, False
    fields = (Field("place", "地点", _address, _bare_address, again="没看懂地点。"),)

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        return Reply("您在哪个城市、哪个区附近？比如「北京望京」。", None, (Button("取消"),))

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        place = state.filled["place"]
        return care.stores(place, await desk.bss.identity.stores(place))
