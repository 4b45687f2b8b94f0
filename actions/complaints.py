"""Complaints and spam reports."""

from __future__ import annotations

import re

from actions.bss.client import OperatorClient
from actions.outcome import Handoff, Outcome, said
from actions.starting import StartTask
from actions.turn import Turn
from core.security import mask

# Regulator, media, consumer associations and courts: a complaint of high grade.
GRAVE = re.compile(
    r"工信部|通管局|通信管理局|12300|12315|12381|12345|消协|消费者协会|市场监管|起诉|法院|律师|上诉|仲裁|"
    r"媒体|记者|曝光|电视台|微博|抖音.{0,4}(发|曝)|报警|派出所"
)


class StartComplaint(StartTask):
    """Grave complaints go straight to a person; others are registered."""

    action, task = "action_file_complaint", "complaint"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        if turn.flags or GRAVE.search(turn.plain):
            request = f"投诉（高等级），原话：「{mask(turn.text)[:80]}」"
            return said(
                "非常抱歉给您带来这样的体验。您反映的情况我们高度重视，马上请专人为您处理，您不用再重复。",
                short="非常抱歉，我马上请专人为您处理。",
                handoff=Handoff("complaint", "complaints", request, "high"),
            )
        return await super().answer(turn, bss)


class StartReportSpam(StartTask):
    action, task = "action_report_spam", "spam"
