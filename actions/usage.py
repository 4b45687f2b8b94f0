"""What is left of this month's allowances, and where the data went."""

from __future__ import annotations

import calendar
from datetime import date

from actions.answers import usage as words
from actions.base import DialogueAction, owner
from actions.billing import asked_months
from actions.bss.client import OperatorClient
from actions.outcome import Outcome
from actions.turn import Turn
from actions.wording import month_name
from core.clock import local_now


def month_end(day: date) -> date:
    """Last day of the month of ``day``."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


class QueryUsage(DialogueAction):
    action, private = "action_query_usage", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        buckets = await bss.accounts.buckets(owner(turn).customer_id)
        allowances = [bucket for bucket in buckets if bucket.kind != "monetary"]
        return words.left(allowances, month_end(local_now().date()))


class QueryUsageTrace(DialogueAction):
    action, private = "action_query_usage_trace", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        today = local_now().date()
        asked = asked_months(turn, today)
        key = asked[0] if asked else f"{today:%Y-%m}"
        first = date.fromisoformat(f"{key}-01")
        last = min(month_end(first), today)
        usage = await bss.accounts.usage(owner(turn).customer_id, first, last)
        return words.trace(usage, month_name(key))
