"""Balance, bills, why a bill changed, paying in, points, invoices."""

from __future__ import annotations

import asyncio
import re
from datetime import date

from actions import values
from actions.answers import billing as words
from actions.base import DialogueAction, owner
from actions.bss.client import OperatorClient
from actions.bss.models import Bill
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button
from actions.starting import StartTask
from actions.turn import Turn
from actions.wording import month_name
from core.clock import local_now

_THIS_MONTH = re.compile(r"这个?月|本月|当月")


class QueryBalance(DialogueAction):
    action, private = "action_query_balance", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        customer = owner(turn).customer_id
        left, bills = await asyncio.gather(
            bss.accounts.balance(customer), bss.accounts.bills(customer, 1)
        )
        current = next((bill for bill in bills if not bill.final), None)
        plan = (await bss.accounts.holdings(customer)).plan if left < 0 else None
        return words.balance(left, current, plan)


def asked_months(turn: Turn, today: date) -> list[str]:
    """Months the customer named, entities first."""
    named = [key for e in turn.request.entities if e.kind == "month"
             for key in values.months(e.text, today)]  # fmt: skip
    return list(dict.fromkeys(named)) or values.months(turn.plain, today)


def unknown_month(asked: str, bills: tuple[Bill, ...]) -> Outcome:
    """A month without a bill is said to be one; nothing is invented."""
    oldest, newest = month_name(bills[-1].month), month_name(bills[0].month)
    return said(
        f"没有查到{month_name(asked)}的账单，可以查的是{oldest}到{newest}。",
        Button("查上月账单", "查上个月账单"), HUMAN,
    )  # fmt: skip


class QueryBill(DialogueAction):
    action, private = "action_query_bill", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        bills = await bss.accounts.bills(owner(turn).customer_id)
        asked = asked_months(turn, local_now().date())
        if not bills:
            return said("您名下还没有账单，第一张会在下个月初出来。", HUMAN)
        if len(asked) > 1:
            return await self._several(asked, bills, bss)
        bill = _subject(asked, bills)
        if bill is None:
            return unknown_month(asked[0], bills)
        (itemised,) = await bss.accounts.itemised(bill)
        return words.one_bill(itemised)

    async def _several(
        self, asked: list[str], bills: tuple[Bill, ...], bss: OperatorClient
    ) -> Outcome:
        chosen = [bill for bill in bills if bill.month in asked]
        if not chosen:
            return unknown_month(asked[0], bills)
        answers = [words.one_bill(bill) for bill in await bss.accounts.itemised(*chosen)]
        replies = tuple(reply for answer in answers for reply in answer.replies)
        figures = {
            name: value for a in answers if a.step for name, value in a.step.figures.items()
            if name.endswith("账单")
        }  # fmt: skip
        summary = "查到账单：" + "、".join(f"{name}{value}" for name, value in figures.items())
        return Outcome(replies, step=Step(summary, figures))


class ExplainBill(DialogueAction):
    action, private = "action_explain_bill", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        customer = owner(turn).customer_id
        bills, holdings, catalogue = await asyncio.gather(
            bss.accounts.bills(customer), bss.accounts.holdings(customer),
            bss.catalogue.catalogue(),
        )  # fmt: skip
        if not bills:
            return said("您名下还没有账单，第一张会在下个月初出来。", HUMAN)
        asked = asked_months(turn, local_now().date())
        bill = _subject(asked, bills)
        if bill is None:
            return unknown_month(asked[0], bills)
        before = next((b for b in bills if b.month < bill.month), None)
        if before is None:
            (itemised,) = await bss.accounts.itemised(bill)
            return words.one_bill(itemised)
        pairs = [bill, before]
        if not bill.final and bill.total == before.total:
            # 「这个月扣的」 is usually the bill of the month before, paid this month.
            earlier = next((b for b in bills if b.month < before.month), None)
            pairs = [before, earlier] if earlier else pairs
        now, then = await bss.accounts.itemised(*pairs)
        return words.explain(now, then, holdings, catalogue.rates)


def _subject(asked: list[str], bills: tuple[Bill, ...]) -> Bill | None:
    """The bill asked about: the newest month named, else the last finished one."""
    if asked:
        return next((bill for bill in bills if bill.month == max(asked)), None)
    return next((bill for bill in bills if bill.final), bills[0])


class StartRecharge(StartTask):
    action, task = "action_recharge", "recharge"


class StartInvoice(StartTask):
    action, task = "action_request_invoice", "invoice"


class QueryPoints(DialogueAction):
    action, private = "action_query_points", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        customer = await bss.accounts.customer(owner(turn).customer_id)
        exchange = re.search(r"兑|换|花掉|用掉", turn.plain)
        tail = "兑换请在App「我的—积分商城」里选礼品，兑换时会再验证一次身份。" if exchange else ""
        return said(
            f"您现在有{customer.points}积分。{tail}", Button("积分怎么兑换", "积分怎么兑换话费"),
            step=Step(f"查到积分{customer.points}", {"积分": str(customer.points)}),
        )  # fmt: skip
