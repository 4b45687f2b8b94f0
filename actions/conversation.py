"""Greetings, small talk, feedback, ratings, misses, and words that only mean something in context."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import numerals, values
from actions.base import DialogueAction
from actions.bss.client import OperatorClient
from actions.delivery import Event
from actions.faults import TICKET
from actions.outcome import Offer, Outcome, said
from actions.replies import HUMAN, Button
from actions.turn import Request, Turn
from core.clock import local_now

USUAL = (
    Button("查话费", "查话费余额"), Button("查流量", "还剩多少流量"),
    Button("查账单", "查上个月账单"), HUMAN,
)  # fmt: skip
CARRIED = ("tried", "knowledge_shown", "verified")


class SessionStart(Action):
    """A new session remembers what was tried and who was verified, never a half-done task."""

    def name(self) -> str:
        return "action_session_start"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        kept = {name: tracker.slots.get(name) for name in CARRIED}
        events = [SlotSet(name, value) for name, value in kept.items() if value is not None]
        return [SessionStarted(), *events, ActionExecuted("action_listen")]


class Greet(DialogueAction):
    action = "action_greet"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        name = f"{turn.identity.name}，" if turn.identity else ""
        if turn.slots.get("greeted"):
            return said(f"{name}我在呢，请说。", neutral=True)
        return said(
            f"{name}您好，我是小畅，可以帮您查话费、流量、账单，办套餐、报修，也可以转人工。请问要办什么？",
            *USUAL, short=f"{name}您好，要办什么？", neutral=True, slots={"greeted": True},
        )  # fmt: skip


class Goodbye(DialogueAction):
    action = "action_goodbye"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        return said("好的，再见，祝您生活愉快。", neutral=True)


class Thank(DialogueAction):
    action = "action_thank"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        return said("不客气，还有什么要办的随时说。", short="不客气。")


class BotChallenge(DialogueAction):
    action = "action_bot_challenge"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        return said("我是智能客服畅答，不是真人。想找真人客服，随时说「转人工」。", HUMAN,
                    short="我是机器人。要找真人就点「转人工」。")  # fmt: skip


class Chitchat(DialogueAction):
    action = "action_chitchat"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        if re.search(r"叫什么|名字|你是谁", turn.plain):
            text = "我叫畅答，是您的智能客服。"
        elif re.search(r"天气", turn.plain):
            text = "天气我看不到，不过话费和流量我看得很清楚。"
        elif re.search(r"笑话|好玩|无聊", turn.plain):
            text = "讲笑话我不在行，查账单我最拿手。"
        else:
            text = "谢谢您陪我聊天。"
        return said(f"{text}有业务上的事可以直接告诉我。", *USUAL[:3])


class OutOfScope(DialogueAction):
    action = "action_out_of_scope"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        return said(
            "这个不在我能办的范围里。话费、流量、套餐、宽带报修这些我都可以帮您。", *USUAL,
            short="这个我办不了。话费、流量的事可以问我。", neutral=True,
        )  # fmt: skip


class Fallback(DialogueAction):
    """Not understood: once it asks to rephrase, the second time in a row a person comes."""

    action = "action_fallback"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        if not re.search(r"\w", turn.plain):
            return said("没有看到文字内容，请用文字说说您要办什么。", *USUAL, miss=True)
        text = "不好意思，我没太明白。您可以换个说法，或者点下面的常用业务。"
        return said(text, *USUAL, miss=True, short="我没听明白，换个说法好吗？")


def _reacted(turn: Turn, reaction: str) -> dict[str, Any]:
    """The last knowledge entry shown gets the customer's reaction."""
    shown = [dict(entry) for entry in turn.slots.get("knowledge_shown") or ()]
    if not shown or shown[-1].get("reaction"):
        return {}
    shown[-1]["reaction"] = reaction
    return {"knowledge_shown": shown}


class FeedbackNegative(DialogueAction):
    """Offers the next-best questions or a person. Counts as a miss: the second in a row brings one."""

    action = "action_feedback_negative"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        reaction = _reacted(turn, "negative")
        others = reaction["knowledge_shown"][-1].get("others") if reaction else None
        if others:
            return said(
                "抱歉没帮到您。您想问的是下面这些吗？都不是的话，我现在就请人工同事来。",
                *(Button(str(question)) for question in others), HUMAN, short="对不起。您想问的是这个吗？",
                miss=True, slots=reaction, offer=Offer("action_handoff", turn.request),
            )  # fmt: skip
        return said(
            "抱歉没帮到您。能换个说法再讲讲吗？或者我现在就请人工同事来。", HUMAN, *USUAL[:2],
            short="对不起。要不要我转人工？", miss=True, slots=reaction,
            offer=Offer("action_handoff", turn.request),
        )  # fmt: skip


class FeedbackPositive(DialogueAction):
    action = "action_feedback_positive"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        text = "太好了，能帮到您就好。"
        return said(text, slots=_reacted(turn, "positive"))


_POOR = re.compile(r"差|不满|不行|垃圾|很烂|失望|[012零一二]\s*(分|星|颗)|^[012]$")


class RateService(DialogueAction):
    action = "action_rate_service"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        words = turn.request.first("rating") or turn.plain
        if _POOR.search(words) and not re.search(r"10分|十分", words):
            return said("谢谢您的评价，没让您满意很抱歉。方便的话请告诉我哪里不好，也可以转人工。",
                        HUMAN, short="对不起，没让您满意。")  # fmt: skip
        return said("谢谢您的评价，我会继续努力。")


class Affirm(DialogueAction):
    """「好的」 outside a task: does what the last answer offered, if it offered something."""

    action = "action_affirm"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        offer = turn.slots.get("offer")
        if isinstance(offer, dict):
            request = Request.from_dict(offer["request"])
            return Outcome(redirect=Offer(str(offer["action"]), request))
        return said("好的。还有什么可以帮您？", neutral=True)


class Deny(DialogueAction):
    action = "action_deny"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        return said("好的，那就先不办。还有别的事随时说。", short="好的，先不办。")


class Inform(DialogueAction):
    """A bare value outside a task: it refines what was just talked about."""

    action = "action_inform"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        topic = str(turn.slots.get("topic") or "")
        if target := _refined(turn, topic):
            return Outcome(redirect=Offer(target, turn.request))
        if turn.intent == "inform" and numerals.phone(turn.text):
            return said("收到号码了。这个号码要办什么？", Button("查话费", "查话费余额"),
                        Button("充值话费", f"给{numerals.phone(turn.text)}充值"), HUMAN,
                        neutral=True)  # fmt: skip
        return said("收到。您想办哪一项？", *USUAL, miss=True)


_BY_MONTH = ("query_bill", "explain_bill", "query_usage_trace")


def _refined(turn: Turn, topic: str) -> str | None:
    """The action that a bare value belongs to."""
    request = turn.request
    if request.first("ticket_id") or TICKET.search(turn.plain):
        return "action_query_ticket"
    if request.first("month") or values.months(turn.plain, local_now().date()):
        return f"action_{topic if topic in _BY_MONTH else 'query_bill'}"
    if request.first("package_name"):
        return "action_browse_packages"
    if request.first("rating"):
        return "action_rate_service"
    return None
