"""The silent bot behind the agents' desk: the dialogue's understanding and the operator's figures.

It parses outside any conversation, so the dialogue's memory stays as it was; it runs no action and orders
nothing. What fails is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import structlog

from actions.bss.client import OPEN_TICKET, OperatorClient
from actions.bss.errors import BssError
from actions.handoffs import subject
from actions.tasks.registry import TASKS
from actions.tasks.task import Task
from actions.turn import Request
from actions.wording import day_name, month_name, number, yuan
from bot.dialogue.client import DialogueClient
from handoff.assistance import Insight
from knowledge_base.rendering import render_or_hide

log = structlog.get_logger(__name__)

Figures = dict[str, str]
_KEPT = ("text", "intent", "entities", "sentiment", "knowledge", "requests")
_HITS = 2
_SURE = 0.5
_TASK_OF: dict[str, Task] = {task.intent: task for task in TASKS.values() if task.name != "verify"}


class DialogueAssistant:
    """Implements the handoff's ``Assistant``."""

    def __init__(self, dialogue: DialogueClient, operator: OperatorClient) -> None:
        self._dialogue = dialogue
        self._operator = operator
        self._figures: dict[str, Callable[[str], Awaitable[Figures]]] = {
            "query_balance": self._balance,
            "recharge": self._balance,
            "resume_service": self._balance,
            "query_bill": self._bills,
            "explain_bill": self._bills,
            "request_invoice": self._bills,
            "query_usage": self._usage,
            "query_usage_trace": self._usage,
            "order_addon": self._usage,
            "query_package": self._plan,
            "change_package": self._plan,
            "recommend_package": self._plan,
            "port_out": self._plan,
            "cancel_account": self._plan,
            "query_subscriptions": self._services,
            "cancel_subscription": self._services,
            "query_ticket": self._tickets,
            "report_network_fault": self._tickets,
        }

    async def insight(self, text: str, customer_id: str | None) -> Insight:
        """Raises DialogueDown."""
        parse = await self._dialogue.parse(text)
        request = Request.from_dict(parse)
        sure = request.confidence >= _SURE
        figures, hits = await asyncio.gather(
            self._look_up(request.intent if sure else "", customer_id), self._answers(parse)
        )
        return Insight(
            understanding={name: parse[name] for name in _KEPT if name in parse},
            wants=subject(request.intent) if sure else None,
            missing=_missing(request) if sure else [],
            figures=figures,
            hits=hits,
        )

    async def rendered(self, texts: Sequence[str]) -> list[str]:
        """Answers with today's figures."""
        facts = await self._operator.catalogue_facts()
        return [render_or_hide(text, facts) for text in texts]

    async def _answers(self, parse: dict[str, Any]) -> list[dict[str, Any]]:
        knowledge = parse.get("knowledge") or {}
        if knowledge.get("decision") not in ("answer", "clarify"):
            return []
        hits = list(knowledge.get("hits") or ())[:_HITS]
        try:
            answers = await self.rendered([str(hit.get("answer") or "") for hit in hits])
        except (BssError, OSError) as error:
            log.info("assistant_without_figures", error=str(error))
            answers = [render_or_hide(str(hit.get("answer") or ""), {}) for hit in hits]
        return [
            {name: hit[name] for name in ("entry_id", "question", "score") if name in hit}
            | {"answer": answer}
            for hit, answer in zip(hits, answers, strict=True)
        ]

    async def _look_up(self, intent: str, customer_id: str | None) -> Figures:
        read = self._figures.get(intent)
        if read is None or customer_id is None:
            return {}
        try:
            return await read(customer_id)
        except (BssError, OSError) as error:
            log.info("assistant_without_data", intent=intent, error=str(error))
            return {}

    async def _balance(self, customer_id: str) -> Figures:
        left = await self._operator.accounts.balance(customer_id)
        return {"欠费": yuan(-left)} if left < 0 else {"余额": yuan(left)}

    async def _bills(self, customer_id: str) -> Figures:
        bills = [b for b in await self._operator.accounts.bills(customer_id) if b.final][:2]
        bills = list(await self._operator.accounts.itemised(*bills))
        figures = {f"{month_name(bill.month)}账单": yuan(bill.total) for bill in bills}
        if not bills:
            return figures
        before = {item.name: item.amount for item in bills[1].items} if len(bills) > 1 else {}
        for item in bills[0].items:
            if len(bills) > 1 and item.amount != before.get(item.name, Decimal(0)):
                figures[item.name] = yuan(item.amount)
        return figures

    async def _usage(self, customer_id: str) -> Figures:
        buckets = await self._operator.accounts.buckets(customer_id)
        return {
            bucket.name: f"已用{number(bucket.used or Decimal(0))}{bucket.unit}，"
            f"剩{number(bucket.left)}{bucket.unit}"
            for bucket in buckets
            if bucket.total
        }

    async def _plan(self, customer_id: str) -> Figures:
        holdings = await self._operator.accounts.holdings(customer_id)
        plan = holdings.plan
        figures = {"当前套餐": plan.name} if plan else {}
        if plan and plan.contract_end:
            figures["合约到期"] = day_name(plan.contract_end)
        return figures

    async def _services(self, customer_id: str) -> Figures:
        holdings = await self._operator.accounts.holdings(customer_id)
        return {
            item.name: f"{yuan(item.price)}/{_period(item.period)}" for item in holdings.services
        }

    async def _tickets(self, customer_id: str) -> Figures:
        found = await self._operator.care.tickets(customer_id)
        alive = [ticket for ticket in found if ticket.status in OPEN_TICKET]
        return {f"工单{ticket.id}": ticket.description[:30] for ticket in alive[:3]}


def _period(period: str) -> str:
    return {"month": "月", "day": "天", "once": "次"}.get(period, period or "月")


def _missing(request: Request) -> list[str]:
    """Labels of what the task behind the request still needs."""
    task = _TASK_OF.get(request.intent)
    if task is None:
        return []
    return [
        part.label
        for part in task.fields
        if not part.secret and not (part.prefill and part.parse(request) is not None)
    ]
