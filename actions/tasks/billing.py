"""Paying in, and invoices."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from actions import numerals, values
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task, confirm
from actions.turn import Request
from actions.wording import month_name, price, yuan
from core.clock import local_now
from core.security import mask

LEAST, MOST = Decimal(1), Decimal(500)
_OTHERS = re.compile(
    r"别人|他人|给.{0,6}(爸|妈|父|母|老公|老婆|老伴|儿子|女儿|孩子|朋友|家人|哥|姐|弟|妹|爷|奶)|另外一个|另一个"
)
_PERSONAL = re.compile(r"个人|私人|自己|本人")


def _amount(request: Request) -> str | None:
    words = request.first("money_amount")
    found = values.money(words) if words else None
    if found is None:
        text = request.plain
        phone = numerals.phone(text)
        found = values.money(text.replace(phone, "") if phone else text)
    return None if found is None else f"{found:.2f}"


class Recharge(Task):
    """Open to everybody: anyone may pay for anyone."""

    name, title, intent = "recharge", "充值话费", "recharge"
    private = False
    fields = (
        Field("phone", "充值号码", lambda r: numerals.phone(r.text),
              again="这个号码好像不对，请输入11位手机号码。"),
        Field("amount", "充值金额", _amount, again="没看懂金额。"),
    )  # fmt: skip

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        opening = Request.from_dict(state.request)
        if "phone" not in state.filled and not _OTHERS.search(opening.text):
            known = desk.turn.identity.phone if desk.turn.identity else desk.turn.bound_phone
            if known:
                state.filled["phone"] = known
        amount = state.filled.get("amount")
        if amount is not None and not LEAST <= Decimal(amount) <= MOST:
            del state.filled["amount"]
            state.notes["problem"] = f"一次可以充{LEAST}到{MOST}元。"
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        if part.name == "phone":
            return Reply("请告诉我要充值的手机号码。", None, (Button("取消"),))
        amounts = tuple(Button(f"{n}元") for n in (30, 50, 100, 200))
        return Reply(f"给{mask(state.filled['phone'])}充多少钱？", None, amounts)

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        amount = price(Decimal(state.filled["amount"]))
        phone = mask(state.filled["phone"])
        return confirm(f"给号码{phone}充值{amount}，从您绑定的支付方式扣款，马上到账。确认吗？",
                       f"给{phone}充{amount}，对吗？")  # fmt: skip

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        phone, amount = state.filled["phone"], Decimal(state.filled["amount"])
        paid = await desk.bss.accounts.top_up(phone, amount, state.key)
        own = desk.turn.identity is not None and desk.turn.identity.phone == phone
        rest = f"现在余额{yuan(paid.balance)}。" if own else ""
        back = "号码已经自动复机，可以正常使用了。" if paid.resumed and own else ""
        return said(
            f"充值成功：{mask(phone)}到账{yuan(paid.amount)}，流水号{paid.id}。{rest}{back}",
            Button("查余额", "查话费余额"),
            step=Step(f"为{mask(phone)}充值{yuan(paid.amount)}，流水号{paid.id}",
                      {"充值": yuan(paid.amount), "流水号": paid.id}),
        )  # fmt: skip


def _one_month(request: Request) -> str | None:
    found = values.months(request.first("month") or request.plain, local_now().date())
    return found[0] if found else None


def _title(request: Request) -> str | None:
    text = request.text.strip()
    if _PERSONAL.search(text):
        return "个人"
    company = re.search(
        r"[\w（）()·]{2,40}(公司|中心|学校|医院|大学|集团|事务所|商行|店|厂|局|院|社)", text
    )
    return company.group() if company else None


class Invoice(Task):
    """An electronic invoice for one finished month."""

    name, title, intent = "invoice", "开发票", "request_invoice"
    fields = (
        Field("month", "发票月份", _one_month, again="没看懂是哪个月。"),
        Field("title", "发票抬头", _title, again="请说「个人」，或者公司全称。"),
    )

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        month = state.filled.get("month")
        if month is None:
            return None
        bills = await desk.bss.accounts.bills(desk.owner.customer_id)
        bill = next((b for b in bills if b.month == month and b.final), None)
        if bill is None:
            del state.filled["month"]
            state.notes["problem"] = f"{month_name(month)}没有可以开票的账单（当月要等出账后）。"
        else:
            state.notes["total"] = str(bill.total)
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        if part.name == "month":
            return Reply("请问开哪个月的发票？", None, (Button("上个月"), Button("上上个月")))
        return Reply("发票抬头开个人还是公司？公司请把全称发给我。", None, (Button("个人"),))

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        name, total = month_name(state.filled["month"]), yuan(Decimal(state.notes["total"]))
        return confirm(
            f"为您开{name}的电子发票：金额{total}，抬头「{state.filled['title']}」，"
            f"链接短信发到{mask(desk.owner.phone)}。确认吗？"
        )

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        filled: dict[str, Any] = state.filled
        total = Decimal(state.notes["total"])
        receipt = await desk.bss.identity.invoice(
            desk.owner.customer_id, filled["month"], filled["title"], total, state.key
        )
        name = month_name(filled["month"])
        return said(
            f"发票申请已提交，编号{receipt.id}：{name}，{yuan(total)}，抬头「{filled['title']}」。"
            f"下载链接会短信发到{receipt.sent_to}。", HUMAN,
            step=Step(f"开具{name}电子发票{yuan(total)}，编号{receipt.id}",
                      {"发票编号": receipt.id, "金额": yuan(total)}),
        )  # fmt: skip
