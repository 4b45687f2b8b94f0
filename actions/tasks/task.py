"""What a task is: fields to collect, a sentence to agree to, and one act on the operator's systems."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from actions.bss.client import OperatorClient
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.state import TaskState
from actions.turn import Identity, Request, Turn

YES, NO = Button("确认办理"), Button("不办了")


@dataclass(frozen=True)
class Field:
    """A value to collect.

    Args:
        name: key in ``TaskState.filled``.
        label: Chinese, for the agent.
        parse: the value in a customer's words, or None; sure of itself.
        guess: the value when the field was asked for and nothing else seems meant.
        prefill: whether the opening request may already hold it.
        free: any words will do, even such as look like another request.
        secret: never shown to anybody.
        again: said when the words could not be used.
    """

    name: str
    label: str
    parse: Callable[[Request], Any]
    guess: Callable[[Request], Any] | None = None
    prefill: bool = True
    free: bool = False
    secret: bool = False
    again: str = "不好意思，没看懂。"


@dataclass(frozen=True)
class Desk:
    """Where a task works: the conversation's turn and the operator's systems."""

    turn: Turn
    bss: OperatorClient

    @property
    def owner(self) -> Identity:
        """The verified customer. Raises PermissionError."""
        if self.turn.identity is None:
            raise PermissionError("a private task ran for an unverified customer")
        return self.turn.identity


class Task(ABC):
    """Behaviour without state; the state is handed in.

    Attributes:
        name: unique.
        title: Chinese, as in 「我们继续…」.
        intent: asking for it again with other values corrects it.
        private: needs a verified customer.
        confirms: the customer must agree before ``execute``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    intent: ClassVar[str]
    private: ClassVar[bool] = True
    confirms: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = ()

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        """Looks at what is known so far; an Outcome ends the task with it. May drop values."""
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        """The question for a missing field."""
        return Reply(f"请告诉我{part.label}。")

    async def confirmation(self, state: TaskState, desk: Desk) -> Reply:
        """Price, effect and date, to be agreed to."""
        raise NotImplementedError(f"{self.name} does not ask for confirmation")

    def found(self, state: TaskState) -> Step | None:
        """What was found out on the way to the confirmation, and is worth telling an agent."""
        return None

    @abstractmethod
    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        """Does it. Raises BssError."""

    def absorb(self, state: TaskState, request: Request, overwrite: bool = False) -> bool:
        """Takes the values a message holds; whether anything changed."""
        changed = False
        for part in self.fields:
            known = part.name in state.filled
            if not part.prefill or (known and not overwrite) or (overwrite and part.free):
                continue
            value = part.parse(request)
            if value is None and part.guess and not overwrite:
                value = part.guess(request)
            if value is not None and value != state.filled.get(part.name):
                state.filled[part.name] = value
                changed = True
        return changed

    async def special(self, state: TaskState, desk: Desk) -> Outcome | None:
        """Words with a meaning in this task only (「重发验证码」); None when there is none."""
        return None

    def missing(self, state: TaskState) -> Field | None:
        """The next field to ask for."""
        return next((part for part in self.fields if part.name not in state.filled), None)

    def dropped(self) -> Outcome:
        """What is said when the customer gives up."""
        return said(f"好的，{self.title}这次就不办了。还有什么可以帮您？", Button("查话费"), HUMAN)


def confirm(text: str, short: str | None = None, card: dict[str, Any] | None = None) -> Reply:
    """A confirmation question with its two buttons."""
    return Reply(text, short, (YES, NO), card)
