"""Turns an Outcome into what Rasa and the gateway understand: messages, directives and events."""

from __future__ import annotations

import time
from typing import Any

from rasa_sdk.events import ActiveLoop, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import handoffs
from actions.outcome import Handoff, Outcome, Shown, Step
from actions.pointing import Listed
from actions.replies import HUMAN, Button, Reply, direct, say
from actions.requests import next_events
from actions.tasks.registry import TASKS
from actions.tasks.stack import pushed
from actions.turn import FORM, Identity, Turn
from core.clock import local_now

Event = dict[str, Any]
TRIED_KEPT = 20
SHOWN_KEPT = 20
ELDERLY_BUTTONS = 3
NO_LOOP_SLOTS = ("query_", "explain_bill", "recommend_package", "browse_packages")
"""Intents whose subject a following bare value (a month, a plan) may refine."""


def speak(outcome: Outcome, turn: Turn, dispatcher: CollectingDispatcher) -> None:
    """Says the replies; the last one offers a person to elderly customers."""
    for position, reply in enumerate(outcome.replies, 1):
        last = position == len(outcome.replies)
        offer_human = turn.elderly and last and outcome.handoff is None
        say(dispatcher, _words(reply, turn), _buttons(reply, turn, offer_human), reply.card,
            reply.knowledge)  # fmt: skip


def _words(reply: Reply, turn: Turn) -> str:
    return reply.short if turn.elderly and reply.short else reply.text


def _buttons(reply: Reply, turn: Turn, offer_human: bool) -> list[Button]:
    buttons = list(reply.buttons)
    if not turn.elderly:
        return buttons
    human = HUMAN in buttons or offer_human
    others = [button for button in buttons if button != HUMAN][:ELDERLY_BUTTONS]
    return others + ([HUMAN] if human else [])


def deliver(
    outcome: Outcome, turn: Turn, dispatcher: CollectingDispatcher, action: str
) -> list[Event]:
    """Says everything, and returns the events for Rasa."""
    tried = remembered(outcome.step, turn, action)
    shown = _remember_shown(outcome.shown, turn)
    speak(outcome, turn, dispatcher)
    events = _memory(outcome, turn, tried, shown)
    if outcome.verified:
        direct(dispatcher, "verified", **_verified_fields(outcome.verified))
        proof = {"at": time.time(), "account": turn.account or None}
        events.append(SlotSet("verified", {**outcome.verified.to_dict(), **proof}))
    if outcome.handoff:
        hand_over(outcome.handoff, turn, dispatcher, tried, shown)
        return events + _released(turn)
    return events + _flow(outcome, turn, dispatcher)


def _verified_fields(customer: Identity) -> dict[str, Any]:
    # ``name`` is the directive's own; the customer's travels beside it.
    fields = customer.to_dict()
    name = fields.pop("name")
    return {**fields, "customer_name": name}


def hand_over(
    wanted: Handoff, turn: Turn, dispatcher: CollectingDispatcher,
    tried: list[dict[str, Any]], shown: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Emits the ``handoff`` directive."""
    direct(dispatcher, "handoff", **handoffs.directive(wanted, turn, tried, shown))


def remembered(step: Step | None, turn: Turn, action: str) -> list[dict[str, Any]]:
    """The slot ``tried`` with this step added."""
    tried = list(turn.slots.get("tried") or ())
    if step:
        tried.append(
            {
                "action": action,
                "intent": turn.intent,
                "at": local_now().isoformat(timespec="seconds"),
                "summary": step.summary,
                "figures": step.figures,
            }
        )
    return tried[-TRIED_KEPT:]


def _remember_shown(shown: tuple[Shown, ...], turn: Turn) -> list[dict[str, Any]]:
    kept = list(turn.slots.get("knowledge_shown") or ())
    kept += [{"entry_id": s.entry_id, "question": s.question, "reaction": None, "others": list(s.others)}
             for s in shown]  # fmt: skip
    return kept[-SHOWN_KEPT:]


def _changed(turn: Turn, **values: Any) -> list[Event]:
    """SlotSets of those values that differ: every event makes Rasa's tracker longer."""
    return [SlotSet(name, value) for name, value in values.items() if turn.slots.get(name) != value]


def _memory(
    outcome: Outcome, turn: Turn, tried: list[dict[str, Any]], shown: list[dict[str, Any]]
) -> list[Event]:
    values: dict[str, Any] = {"tried": tried or None, "knowledge_shown": shown or None}
    if not outcome.neutral:
        values["misses"] = float(turn.slots.get("misses") or 0) + 1 if outcome.miss else 0.0
    values["anger"] = float(turn.slots.get("anger") or 0) + 1 if turn.angry else 0.0
    offer = outcome.offer
    values["offer"] = (
        {"action": offer.action, "request": offer.request.to_dict()} if offer else None
    )
    if listed := outcome.listed or _listed_plans(outcome):
        values["listed"] = listed.to_dict()
    if turn.intent.startswith(NO_LOOP_SLOTS):
        values["topic"] = turn.intent
    return _changed(turn, **(values | outcome.slots))


def _listed_plans(outcome: Outcome) -> Listed | None:
    """The plans of the last card; one alone leaves the earlier list standing."""
    cards = [reply.card for reply in outcome.replies if reply.card]
    if not cards or cards[-1]["type"] != "plans" or len(cards[-1]["plans"]) < 2:
        return None
    return Listed("package_name", tuple(plan["name"] for plan in cards[-1]["plans"]))


def _flow(outcome: Outcome, turn: Turn, dispatcher: CollectingDispatcher) -> list[Event]:
    if outcome.redirect:
        return [
            SlotSet("resumed", outcome.redirect.request.to_dict()),
            FollowupAction(outcome.redirect.action),
        ]
    events: list[Event] = [SlotSet("resumed", None)] if turn.resumed else []
    if outcome.start:
        events.append(SlotSet("tasks", _pushed(turn, outcome.start)))
        if not turn.form_active:
            events.append(ActiveLoop(FORM))
    elif turn.resumed and turn.waiting:
        events += next_events(turn.waiting, dispatcher)
    elif turn.resumed and not turn.form_active:
        # No rule covers what follows a followed-up action.
        events.append(FollowupAction("action_listen"))
    return events


def _pushed(turn: Turn, start: dict[str, Any]) -> list[dict[str, Any]]:
    waits = turn.identity is None and TASKS[start["name"]].private
    return pushed(turn.tasks, start, needs_verification=waits)


def _released(turn: Turn) -> list[Event]:
    """Nothing may be left open once a person owns the conversation."""
    events: list[Event] = _changed(
        turn, tasks=None, waiting=None, misses=0.0, anger=0.0, offer=None
    )
    if turn.form_active:
        events += [ActiveLoop(None), SlotSet("requested_slot", None)]
    if turn.resumed:
        events += [SlotSet("resumed", None), FollowupAction("action_listen")]
    return events
