"""A number's life: stop, restart, new card, leaving. What only a person may do goes to a person."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from actions.base import DialogueAction
from actions.bss.client import OperatorClient
from actions.outcome import Handoff, Outcome, Trigger, said
from actions.starting import StartTask
from actions.tasks.services import lost_without_sms
from actions.turn import Turn
from core.security import mask


class StartSuspend(StartTask):
    action, task = "action_suspend_service", "suspend"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        urgent = None if turn.identity else lost_without_sms(turn.plain)
        return urgent or await super().answer(turn, bss)


class StartResume(StartTask):
    action, task = "action_resume_service", "resume"


class PersonOnly(DialogueAction, ABC):
    """Says why a person takes over, and hands over."""

    words: ClassVar[str]
    trigger: ClassVar[Trigger]
    group: ClassVar[str]
    what: ClassVar[str]

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        request = f"{self.what}，原话：「{mask(turn.text)[:80]}」"
        return said(self.words, handoff=Handoff(self.trigger, self.group, request))


class ReplaceSim(PersonOnly):
    action = "action_replace_sim"
    words = "补换卡要由人工核实身份后办理，正在为您转接。办的时候请准备好机主身份证。"
    trigger, group, what = "job", "general", "要补卡或换卡"


class PortOut(PersonOnly):
    action = "action_port_out"
    words = "携号转网由专席为您办理，我把您的情况一起交接过去，请稍等。"
    trigger, group, what = "retention", "retention", "要携号转网转出"


class CancelAccount(PersonOnly):
    action = "action_cancel_account"
    words = "销户由专席核实后为您办理，我把您的情况一起交接过去，请稍等。"
    trigger, group, what = "retention", "retention", "要销户"
