"""Rasa's side of the tasks: the one form, ``task_form``, whose validation runs the stack.

One form instead of one per job: a customer may be verified in the middle of a job, interrupt it, correct it or
return to it, and all that costs a single call to this server a message. ``task_answer``, the form's only slot, is
never filled; the form lives as long as the stack (slot ``tasks``) holds a task.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import structlog
from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import runtime
from actions.delivery import Event, deliver, remembered
from actions.outcome import Outcome, said
from actions.pointing import resolved
from actions.replies import HUMAN
from actions.requests import next_events
from actions.tasks.engine import Run, mooded, run
from actions.tasks.registry import TASKS
from actions.tasks.task import Desk
from actions.turn import Turn

log = structlog.get_logger(__name__)
REQUESTED = "requested_slot"


class ValidateTaskForm(Action):
    """Hears the answer to the open question, or asks it again after a detour."""

    action: ClassVar[str] = "validate_task_form"

    def name(self) -> str:
        return self.action

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[Event]:
        turn = Turn.of(tracker)
        if turn.resumed:
            # The action that waited for the verification speaks first.
            return [SlotSet("tasks", turn.tasks)]
        request, _ = resolved(turn.request, turn.slots.get("listed"))
        turn = replace(turn, request=request)
        try:
            result = await run(turn, Desk(turn, runtime.operator()))
        except Exception:
            log.exception("task_failed", tasks=[task["name"] for task in turn.tasks])
            sorry = said(
                "抱歉，我这边出了点问题，这次没能办好。您可以稍后再试，或者转人工。", HUMAN
            )
            return [*deliver(sorry, turn, dispatcher, self.action), *_events(Run([]))]
        if result is None:
            return []  # Rasa takes this as a rejection and lets the rules answer.
        return self._delivered(result, turn, dispatcher)

    def _delivered(self, result: Run, turn: Turn, dispatcher: CollectingDispatcher) -> list[Event]:
        tried = turn.slots.get("tried")
        for name, step in result.steps:
            about = replace(turn.request, intent=TASKS[name].intent)
            known = {**turn.slots, "tried": tried}
            tried = remembered(step, replace(turn, request=about, slots=known), f"task_{name}")
        slots = {**turn.slots, "tried": tried}
        tasks = [state.to_dict() for state in result.stack]
        after = replace(turn, slots={**slots, "tasks": tasks})
        outcome: Outcome = mooded(result, turn)
        if not turn.fresh:
            outcome = replace(outcome, neutral=True)
        events = deliver(outcome, after, dispatcher, self.action)
        if tried != turn.slots.get("tried"):
            events.append(SlotSet("tried", tried))
        if outcome.handoff:
            return [*events, SlotSet(REQUESTED, None)]
        events += _events(result)
        if not tasks and not result.follow:
            # A customer who would not be verified is not asked again for the next request.
            events += (
                [SlotSet("waiting", None)]
                if result.gave_up
                else next_events(turn.waiting, dispatcher)
            )
        return events


def _events(result: Run) -> list[Event]:
    tasks = [state.to_dict() for state in result.stack]
    events: list[Event] = [SlotSet("tasks", tasks or None)]
    if not tasks:
        events.append(SlotSet(REQUESTED, None))
    if result.follow and result.follow.then:
        events.append(SlotSet("resumed", result.follow.request))
        events.append(FollowupAction(result.follow.then))
    return events
