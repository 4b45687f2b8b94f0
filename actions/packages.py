"""The customer's plan, plans on sale, what suits them, and changing it."""

from __future__ import annotations

import asyncio
from datetime import date

from actions.answers import plans as words
from actions.answers import recommendation
from actions.base import DialogueAction, owner
from actions.bss.client import OperatorClient
from actions.bss.models import Plan
from actions.outcome import Outcome, said
from actions.replies import Button
from actions.starting import StartTask
from actions.turn import Turn
from actions.usage import month_end
from core.clock import local_now

MONTHS_CONSIDERED = 2


class QueryPackage(DialogueAction):
    action, private = "action_query_package", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        holdings, catalogue = await asyncio.gather(
            bss.accounts.holdings(owner(turn).customer_id), bss.catalogue.catalogue()
        )
        return words.holding(holdings, catalogue)


class BrowsePackages(DialogueAction):
    """Open to everybody; a verified customer's own plan is taken into account."""

    action = "action_browse_packages"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        current: Plan | None = None
        age: int | None = None
        if turn.identity:
            customer_id = turn.identity.customer_id
            catalogue, holdings, customer = await asyncio.gather(
                bss.catalogue.catalogue(), bss.accounts.holdings(customer_id),
                bss.accounts.customer(customer_id),
            )  # fmt: skip
            age = customer.age
            if holdings.plan:
                current = catalogue.plan(holdings.plan.offer_id)
        else:
            catalogue = await bss.catalogue.catalogue()
        return words.browse(turn.plain, catalogue, current, age)


class RecommendPackage(DialogueAction):
    action, private = "action_recommend_package", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        customer_id = owner(turn).customer_id
        today = local_now().date()
        bills, holdings, catalogue, customer = await asyncio.gather(
            bss.accounts.bills(customer_id), bss.accounts.holdings(customer_id),
            bss.catalogue.catalogue(), bss.accounts.customer(customer_id),
        )  # fmt: skip
        finished = [bill for bill in bills if bill.final][:MONTHS_CONSIDERED]
        current = catalogue.plan(holdings.plan.offer_id) if holdings.plan else None
        if not finished or current is None:
            text = "还没有整月的用量可以算，先看看在售的套餐吧。"
            return said(text, Button("有哪些套餐"))
        starts = [date.fromisoformat(f"{bill.month}-01") for bill in finished]
        last = min(month_end(max(starts)), today)
        usage = await bss.accounts.usage(customer_id, min(starts), last)
        uses = [recommendation.month_use(bill, usage) for bill in finished]
        return recommendation.recommend(uses, current, catalogue, holdings, customer.age)


class StartChangePackage(StartTask):
    action, task = "action_change_package", "change_package"
