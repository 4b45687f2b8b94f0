"""The action server as a process, over HTTP, with the payload that Rasa sends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.actions.conversation import customer, message

pytestmark = pytest.mark.integration


def payload(action: str, parse: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """As Rasa 3.6 sends it, without the domain (``selective_domain``)."""
    latest = {**parse, "metadata": {"customer": known}}
    return {
        "next_action": action,
        "sender_id": "c_1",
        "version": "3.6.21",
        "tracker": {
            "sender_id": "c_1",
            "slots": {"tasks": None, "verified": None, "session_started_metadata": None},
            "latest_message": latest,
            "latest_event_time": 1.0,
            "followup_action": None,
            "paused": False,
            "events": [
                {"event": "action", "name": "action_listen"},
                {"event": "user", "text": parse["text"], "parse_data": parse},
            ],
            "latest_input_channel": "changda",
            "active_loop": {},
            "latest_action": {"action_name": "action_listen"},
            "latest_action_name": "action_listen",
        },
    }


@pytest.fixture
def http(actions_url: str) -> httpx.Client:
    return httpx.Client(base_url=actions_url, trust_env=False, timeout=10)


def test_health_and_actions(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    names = {action["name"] for action in http.get("/actions").json()}
    assert {"action_explain_bill", "action_handoff", "validate_task_form"} <= names


def test_the_bill_is_explained_with_exact_figures(http: httpx.Client) -> None:
    parse = message("我上个月话费怎么比之前多", "explain_bill", entities={"month": "上个月"})
    answer = http.post("/webhook", json=payload("action_explain_bill", parse, customer(1))).json()
    (response,) = answer["responses"]
    reply = response["custom"]["reply"]
    for figure in ("158.40", "134.00", "20.00", "4.40"):
        assert figure in reply["text"]
    assert reply["card"]["type"] == "bill"
    tried = next(e["value"] for e in answer["events"] if e.get("name") == "tried")
    assert tried[0]["figures"]["流量超出"].startswith("20.00元")


def test_a_guest_gets_no_figure(http: httpx.Client) -> None:
    parse = message("余额", "query_balance")
    answer = http.post("/webhook", json=payload("action_query_balance", parse, {})).json()
    assert answer["responses"] == []
    assert {"event": "active_loop", "timestamp": None, "name": "task_form"} in answer["events"]


def test_an_unknown_action_is_refused(http: httpx.Client) -> None:
    parse = message("x", "greet")
    assert http.post("/webhook", json=payload("action_nope", parse, {})).status_code == 404


@pytest.fixture
def slow_balance(sandbox_url: str) -> Iterator[None]:
    """Every read of a balance fails after 0.4 s."""
    fault = {"prefix": "/tmf-api/prepayBalanceManagement", "status": 503, "delay_s": 0.4}
    httpx.post(f"{sandbox_url}/test/faults", json=fault, trust_env=False)
    yield
    httpx.post(f"{sandbox_url}/test/reset", trust_env=False)


@pytest.mark.usefixtures("slow_balance")
async def test_actions_run_at_the_same_time(actions_url: str) -> None:
    body = payload("action_query_balance", message("余额", "query_balance"), customer(1))
    async with httpx.AsyncClient(base_url=actions_url, trust_env=False, timeout=20) as many:
        started = time.perf_counter()
        answers = await asyncio.gather(*(many.post("/webhook", json=body) for _ in range(10)))
        elapsed = time.perf_counter() - started
    # Each waits 0.8 s for two tries; one after the other would be 8 s.
    assert elapsed < 4
    assert all("没有响应" in a.json()["responses"][0]["custom"]["reply"]["text"] for a in answers)
