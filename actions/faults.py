"""Network faults, the progress of tickets, and stores."""

from __future__ import annotations

import re

from actions.answers import care as words
from actions.base import DialogueAction, owner
from actions.bss.client import OperatorClient
from actions.outcome import Outcome
from actions.starting import StartTask
from actions.turn import Turn

TICKET = re.compile(r"(?:BX|TS|JB|GD)\d{8,}", re.IGNORECASE)


class StartReportFault(StartTask):
    action, task = "action_report_network_fault", "fault"


class QueryTicket(DialogueAction):
    action, private = "action_query_ticket", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        tickets = await bss.care.tickets(owner(turn).customer_id)
        typed = TICKET.search(turn.plain)
        wanted = typed.group() if typed else turn.request.first("ticket_id")
        if wanted is None:
            kind = _kind(turn.plain)
            tickets = tuple(t for t in tickets if kind is None or t.kind == kind)
        return words.progress(tickets, wanted)


def _kind(text: str) -> str | None:
    if re.search(r"投诉", text):
        return "complaint"
    if re.search(r"报修|维修|师傅|修到|宽带|故障", text):
        return "fault"
    return None


class StartFindStore(StartTask):
    action, task = "action_find_store", "store"
