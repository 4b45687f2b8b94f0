"""Several requests in one message: done one after the other, each as if it had come alone.

The first goes to its own action at once; the others wait in the slot ``waiting`` until the one before is
finished, with whatever questions and verification it needed. A person who takes over gets them all.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.outcome import Offer, Outcome
from actions.replies import Reply, say
from actions.turn import Request, Turn

_OTHER_ACTIONS = {"request_human": "action_handoff", "nlu_fallback": "action_fallback"}
_COUNT = {2: "两", 3: "三", 4: "四", 5: "五"}
_QUOTED = 30


def action_for(intent: str) -> str:
    """The action that the rules give to an intent."""
    return _OTHER_ACTIONS.get(intent, f"action_{intent}")


def taken_apart(turn: Turn) -> Outcome:
    """Sends the first request on its way and keeps the others."""
    first, *others = turn.several
    count = _COUNT.get(len(turn.several), str(len(turn.several)))
    return Outcome(
        (Reply(f"好的，这{count}件事我一件一件来。", short=f"好的，{count}件事，慢慢来。"),),
        redirect=Offer(action_for(first.intent), first),
        slots={"waiting": [request.to_dict() for request in others]},
        neutral=True,
    )


def next_events(waiting: list[dict[str, Any]], dispatcher: CollectingDispatcher) -> list[Any]:
    """Announces the next waiting request and lets its action answer; nothing when none waits."""
    if not waiting:
        return []
    shape, *others = waiting
    request = Request.from_dict(shape)
    say(dispatcher, f"接下来是「{_quoted(request.text)}」。", [])
    return [
        SlotSet("waiting", others or None),
        SlotSet("resumed", shape),
        FollowupAction(action_for(request.intent)),
    ]


def _quoted(text: str) -> str:
    clean = text.strip(" ,，。.!！?？;；、")
    return clean if len(clean) <= _QUOTED else f"{clean[:_QUOTED]}…"
