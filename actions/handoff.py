"""「转人工」: give the conversation to a person, with everything known."""

from __future__ import annotations

from actions.base import HANDING_OVER, DialogueAction
from actions.bss.client import OperatorClient
from actions.outcome import Handoff, Outcome, said
from actions.turn import Turn


class HandOver(DialogueAction):
    """The customer asked for a person: no question is asked back."""

    action = "action_handoff"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        short = "好的，正在为您转人工，请稍等。"
        return said(HANDING_OVER, short=short, handoff=Handoff("asked"))
