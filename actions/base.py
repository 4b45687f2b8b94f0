"""The frame of every action: who asks, is it their own data, how are they feeling, what if systems are down."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import structlog
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import numerals, runtime
from actions.assurance import BOUND, enough
from actions.bss.client import OperatorClient
from actions.bss.errors import BssError, BssRefused, BssUnavailable
from actions.delivery import Event, deliver
from actions.outcome import Handoff, Offer, Outcome, said
from actions.pointing import resolved
from actions.replies import HUMAN, Button, Reply
from actions.requests import action_for, taken_apart
from actions.tasks.state import TaskState
from actions.turn import Identity, Turn
from core.security import mask

log = structlog.get_logger(__name__)
MISSES_BEFORE_PERSON = 2
OUTAGES_BEFORE_PERSON = 2
ANGER_BEFORE_PERSON = 2
HANDING_OVER = "好的，正在为您转接人工客服，前面的情况我会一起交接过去，您不用再重复。"
SORRY = Reply("实在抱歉，让您生气了，我马上处理。", short="对不起，让您着急了。")


class DialogueAction(Action, ABC):
    """An action of the bot. Subclasses decide; this class checks, words failures and delivers.

    Attributes:
        action: Rasa's name of it.
        private: it shows or changes a customer's own data, so the customer must be verified.
    """

    action: ClassVar[str]
    private: ClassVar[bool] = False

    def name(self) -> str:
        return self.action

    @abstractmethod
    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        """What to say and do. Raises BssError."""

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        turn = Turn.of(tracker)
        return deliver(await self.decide(turn, runtime.operator()), turn, dispatcher, self.action)

    async def decide(self, turn: Turn, bss: OperatorClient) -> Outcome:
        """The answer, within the rules that hold for every answer."""
        if turn.several:
            return with_mood(taken_apart(turn), turn)
        request, chosen = resolved(turn.request, turn.slots.get("listed"))
        if chosen:
            return Outcome(redirect=Offer(action_for(chosen.intent), chosen), neutral=True)
        turn = replace(turn, request=request)
        if self.private:
            if turn.identity is None and turn.bound and enough(self.action, BOUND):
                turn = replace(turn, identity=turn.bound)
            if turn.identity is None:
                return with_mood(verify_first(turn, self.action), turn)
            if other := other_number(turn, turn.identity):
                return with_mood(not_yours(turn.identity, other), turn)
        try:
            outcome = await self.answer(turn, bss)
        except BssError as error:
            outcome = worded(error, turn)
        except Exception:
            # A customer must never meet silence because of our own fault.
            log.exception("action_failed", action=self.action)
            outcome = said("抱歉，我这边出了点问题，没能办好。您可以稍后再试，或者转人工。", HUMAN)
        return with_misses(with_mood(outcome, turn), turn)


def owner(turn: Turn) -> Identity:
    """The verified customer of a private action."""
    if turn.identity is None:
        raise PermissionError("a private action ran for an unverified customer")
    return turn.identity


def verify_first(turn: Turn, action: str) -> Outcome:
    """Opens the verification; the action then answers the same request."""
    task = TaskState("verify", request=turn.request.to_dict(), then=action)
    if phone := numerals.phone(turn.text) or turn.bound_phone:
        task.filled["phone"] = phone
    return Outcome(start=task.to_dict())


def other_number(turn: Turn, identity: Identity) -> str | None:
    """A number in the request that is not the customer's own."""
    phone = numerals.phone(turn.text)
    return phone if phone and phone != identity.phone else None


def not_yours(identity: Identity, other: str) -> Outcome:
    """Numbers that were not verified stay closed."""
    return said(
        f"为了保护隐私，我只能查询和办理您验证过的号码{mask(identity.phone)}。"
        f"要处理{mask(other)}，请用那个号码重新进入并验证。",
        Button("查我的余额"), Button("查我的套餐"), HUMAN,
        short=f"我只能查您自己的号码{mask(identity.phone)}。",
    )  # fmt: skip


def worded(error: BssError, turn: Turn) -> Outcome:
    """A failure in words, without any figure; a person when the systems stay down."""
    if isinstance(error, BssRefused) and error.reason in ("arrears", "balance"):
        return said(error.detail, Button("充值话费"), HUMAN)
    if not isinstance(error, BssUnavailable):
        return said(error.detail, HUMAN)
    count = float(turn.slots.get("outages") or 0) + 1
    if count >= (1 if turn.elderly else OUTAGES_BEFORE_PERSON):
        text = f"{error.detail}我请人工同事来跟进。"
        return said(text, handoff=Handoff("outage"), slots={"outages": 0.0})
    return said(
        f"{error.detail}您可以过一会儿再试，或者现在转人工。",
        Button("再试一次", turn.text[:60] or "查话费"), HUMAN, slots={"outages": count},
    )  # fmt: skip


def with_mood(outcome: Outcome, turn: Turn) -> Outcome:
    """Anger and legal words bring a person: at once, or when it does not pass."""
    if outcome.handoff:
        return outcome
    if turn.flags:
        wanted = Handoff("complaint", "complaints", grade="high")
        return _with_person(outcome, wanted, "您反映的情况我们非常重视，马上请专人为您处理。")
    if not turn.angry:
        return outcome
    patience = 1 if turn.elderly else ANGER_BEFORE_PERSON
    if float(turn.slots.get("anger") or 0) + 1 >= patience:
        text = "给您添麻烦了，我马上请人工同事来为您处理，前面的情况会一起交接。"
        return _with_person(outcome, Handoff("sentiment"), text)
    return _offering_person(outcome.after(SORRY))


def _with_person(outcome: Outcome, wanted: Handoff, text: str) -> Outcome:
    # Asking somebody to rephrase who is about to get a person would only annoy.
    before = () if outcome.miss else outcome.replies
    return replace(
        outcome, replies=(*before, Reply(text)), handoff=wanted, start=None, redirect=None
    )


def _offering_person(outcome: Outcome) -> Outcome:
    *before, last = outcome.replies
    if HUMAN in last.buttons:
        return outcome
    return replace(outcome, replies=(*before, replace(last, buttons=(*last.buttons, HUMAN))))


def with_misses(outcome: Outcome, turn: Turn) -> Outcome:
    """The second miss in a row brings a person instead of another question."""
    if not outcome.miss or outcome.handoff:
        return outcome
    if float(turn.slots.get("misses") or 0) + 1 < MISSES_BEFORE_PERSON:
        return outcome
    text = "抱歉，我还是没能帮到您，这就请人工同事来，前面聊的内容都会交接过去。"
    return Outcome((Reply(text),), handoff=Handoff("misses"), miss=True)
