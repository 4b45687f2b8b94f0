"""Actions that only open a task; the form does the rest."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from actions.base import DialogueAction, not_yours, other_number
from actions.bss.client import OperatorClient
from actions.outcome import Outcome
from actions.tasks.registry import TASKS
from actions.tasks.state import TaskState
from actions.turn import Turn


class StartTask(DialogueAction, ABC):
    """Opens ``task`` with the message as its request.

    A private task verifies the customer itself, so that it can wait beneath the verification.
    """

    task: ClassVar[str]

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        if TASKS[self.task].private and turn.identity:
            other = other_number(turn, turn.identity)
            if other:
                return not_yours(turn.identity, other)
        return Outcome(start=TaskState(self.task, request=turn.request.to_dict()).to_dict())
