"""The table of levels, and what each level gets to see."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.assurance import BOUND, NEEDED, VERIFIED
from actions.base import DialogueAction, with_mood, worded
from actions.bss.client import OperatorClient
from actions.bss.errors import BssUnavailable
from actions.outcome import said
from actions.server import action_classes
from actions.turn import Request, Turn

BASE = {"customer_id": "8600001", "phone": "13800000001", "name": "张伟", "account": "a1"}
ACTIONS: dict[str, type[DialogueAction]] = {
    found.action: found for found in action_classes() if issubclass(found, DialogueAction)
}


def tracker(assurance: int, slots: dict[str, Any] | None = None, **known: Any) -> Tracker:
    customer = {**BASE, "assurance": assurance, **known}
    message = {
        "text": "查一下", "intent": {"name": "query_balance", "confidence": 0.9},
        "entities": [], "metadata": {"customer": customer},
    }  # fmt: skip
    return Tracker(
        "c1", slots or {}, message, [{"event": "user"}], False, None, {}, "action_listen"
    )


async def replies(action: str, tracker: Tracker) -> tuple[str, list[Any]]:
    dispatcher = CollectingDispatcher()
    events = await ACTIONS[action]().run(dispatcher, tracker, {})
    said = [m["custom"]["reply"]["text"] for m in dispatcher.messages if "reply" in m["custom"]]
    return "".join(said), events


def test_the_table_names_every_private_answer_and_nothing_else() -> None:
    assert set(NEEDED) == {name for name, found in ACTIONS.items() if found.private}
    assert set(NEEDED.values()) <= {BOUND, VERIFIED}


async def test_a_bound_account_sees_what_is_no_money(bss: OperatorClient) -> None:
    usage, _ = await replies("action_query_usage", tracker(BOUND))
    assert "58.6" in usage
    for action, figure in (("action_query_balance", "56.30"), ("action_query_bill", "158.40")):
        text, events = await replies(action, tracker(BOUND))
        assert figure not in text
        assert any(e.get("name") == "tasks" for e in events)
        proved, _ = await replies(action, tracker(VERIFIED))
        assert figure in proved


async def test_a_guest_is_asked_who_they_are(bss: OperatorClient) -> None:
    guest = tracker(0, customer_id=None, phone=None)
    text, events = await replies("action_query_usage", guest)
    assert "58.6" not in text
    assert any(e.get("name") == "tasks" for e in events)


@pytest.mark.parametrize(("account", "shown"), [("a1", True), ("a2", False), (None, False)])
async def test_one_accounts_proof_is_not_the_others(
    bss: OperatorClient, account: str | None, shown: bool
) -> None:
    slot = {**BASE, "at": time.time(), "account": account}
    text, _ = await replies("action_query_bill", tracker(0, {"verified": slot}, customer_id=None))
    assert ("158.40" in text) is shown


@pytest.mark.parametrize(("since_s", "shown"), [(60, False), (0, True)])
async def test_one_numbers_proof_is_not_the_others(
    bss: OperatorClient, since_s: float, shown: bool
) -> None:
    """An account that was proved for one of its numbers, and now speaks for another, or proves it just now."""
    slot = {**BASE, "at": time.time() - since_s}
    asked = tracker(1, {"verified": slot}, phone="13900000009")
    text, _ = await replies("action_query_bill", asked)
    assert ("158.40" in text) is shown


@pytest.mark.parametrize(("elderly", "person"), [(False, False), (True, True)])
def test_the_elderly_get_a_person_at_the_first_anger(elderly: bool, person: bool) -> None:
    turn = Turn("c1", Request(text="太慢了"), angry=True, elderly=elderly)
    assert bool(with_mood(said("在查。"), turn).handoff) is person


@pytest.mark.parametrize(("elderly", "person"), [(False, False), (True, True)])
def test_the_elderly_get_a_person_at_the_first_outage(elderly: bool, person: bool) -> None:
    turn = Turn("c1", Request(text="查话费"), elderly=elderly)
    assert bool(worded(BssUnavailable("down"), turn).handoff) is person
