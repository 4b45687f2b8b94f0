"""Processes killed again and again while customers and agents talk: nothing lost, doubled or out of order.

``make bench`` runs it with 200 conversations and 200 rounds (half an hour); CHANGDA_CHAOS_ROUNDS
and CHANGDA_CHAOS_CONVERSATIONS make it shorter or longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from handoff.states import TRANSITIONS, Move, State
from tests.system import PASSWORD, System, start_system

# Rounds wait for what was killed before: on a busy machine far longer than any other test.
pytestmark = [pytest.mark.bench, pytest.mark.timeout(5400)]
ROUNDS = int(os.environ.get("CHANGDA_CHAOS_ROUNDS", "200"))
CONVERSATIONS = int(os.environ.get("CHANGDA_CHAOS_CONVERSATIONS", "200"))
VICTIMS = ("app", "redis", "rasa", "actions")
AGENTS = ("agent01", "agent02", "agent03", "agent04", "agent05")
SUPERVISOR = "supervisor01"
PAUSE_S = (1.5, 3.5)
THINK_S = (6.0, 14.0)
LONGEST_WAIT_S = 4.0
WANT_A_PERSON = 0.2
MOVES = {move.value for move in Move}
SAYINGS = (
    "你们有哪些套餐",
    "国际漫游怎么收费",
    "携号转网需要什么条件",
    "谢谢",
    "流量用完了怎么收费",
)


@dataclass
class Chaos:
    """What everybody shares while it lasts."""

    http: httpx.AsyncClient
    over: asyncio.Event = field(default_factory=asyncio.Event)
    retries: int = 0

    async def call(self, method: str, path: str, token: str | None, body: Any = None) -> Any:
        """Asks until there is an answer, as a customer's phone and a desk do."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        wait = 0.5
        while True:
            with suppress(httpx.HTTPError):
                answer = await self.http.request(
                    method, f"/api/v1{path}", json=body, headers=headers
                )
                if answer.status_code < 500:
                    return answer
            self.retries += 1
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(2 * wait, LONGEST_WAIT_S)


@dataclass
class Talker:
    """A customer who goes on until it is over. ``said`` and ``heard`` are what the transcript must hold."""

    chaos: Chaos
    id: str = ""
    token: str = ""
    said: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    asked: int = 0

    async def run(self) -> None:
        opened = (await self.chaos.call("POST", "/sessions", None, {"channel": "web"})).json()
        self.id, self.token = opened["conversation_id"], opened["access_token"]
        state = "bot"
        while not self.chaos.over.is_set():
            wants_person = state == "bot" and random.random() < WANT_A_PERSON
            state = await self._say("转人工" if wants_person else random.choice(SAYINGS))
            self.asked += wants_person and state != "bot"
            await asyncio.sleep(random.uniform(*THINK_S))

    async def _say(self, text: str) -> str:
        key = f"{self.id}-{len(self.said)}"
        answer = await self.chaos.call(
            "POST", f"/conversations/{self.id}/messages", self.token,
            {"text": text, "client_message_id": key},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        told = answer.json()
        self.said.append(text)
        self.heard += [reply["message_id"] for reply in told["replies"]]
        assert told["replies"] or told["state"] != "bot", f"silence to {text}"
        return str(told["state"])

    async def check(self) -> int:
        """Compares the transcript with what was said and heard; how much agents said in it."""
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"/conversations/{self.id}/messages?after={after}"
            page = (await self.chaos.call("GET", path, self.token)).json()["messages"]
            if not page:
                break
            messages += page
        order = [m["seq"] for m in messages]
        assert order == sorted(set(order)), "out of order"
        own = [m["text"] for m in messages if m["sender"] == "customer"]
        assert own == self.said, "a message was lost, doubled or moved"
        stored = Counter(m["message_id"] for m in messages)
        assert all(stored[reply] == 1 for reply in self.heard), "an answer was lost or doubled"
        return sum(m["sender"] == "agent" for m in messages)


@dataclass
class Worker:
    """An agent who takes, answers and closes until nobody waits any more."""

    chaos: Chaos
    name: str
    token: str = ""
    served: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    async def run(self) -> None:
        self.token = await _login(self.chaos, self.name)
        while not self.chaos.over.is_set():
            await self.chaos.call("PUT", "/agents/me/status", self.token, {"status": "online"})
            line = await self.chaos.call("GET", "/handoffs?state=waiting", self.token)
            rows = line.json().get("handoffs", []) if line.is_success else []
            if rows:
                await self._serve(random.choice(rows)["handoff_id"])
            await asyncio.sleep(random.uniform(0.5, 2))

    async def _serve(self, handoff_id: str) -> None:
        base = f"/handoffs/{handoff_id}"
        if not (await self.chaos.call("POST", f"{base}/accept", self.token)).is_success:
            return
        self.served[handoff_id] += 1
        for number in range(2):
            text = f"我是{self.name}，第{number + 1}句"
            said = {"text": text, "client_message_id": f"{self.name}-{handoff_id}-{number}"}
            answer = await self.chaos.call("POST", f"{base}/messages", self.token, said)
            self.sent += answer.is_success
            await asyncio.sleep(0.5)
        await self.chaos.call("POST", f"{base}/close", self.token, {"disposition": "resolved"})


async def kill_in_turn(system: System) -> Counter[str]:
    """``kill -9`` of one process a round: mostly of a system at work, each fifth time of one still rising."""
    killed: Counter[str] = Counter()
    for number in range(ROUNDS):
        if number % 5 != 4:
            await asyncio.to_thread(system.wait_until_ready, 120)
        await asyncio.sleep(random.uniform(*PAUSE_S))
        victim = VICTIMS[number % len(VICTIMS)]
        for _ in range(100):
            process = system.processes().get(victim)
            if process:
                with suppress(psutil.Error):
                    process.kill()
                    killed[victim] += 1
                break
            await asyncio.sleep(0.2)
    return killed


def check_handoff(detail: dict[str, Any]) -> None:
    """Its events are a chain of legal moves: never two owners at once."""
    state: State | None = None
    for event in detail["events"]:
        if event["kind"] not in MOVES or event["to_state"] is None:
            continue
        assert event["from_state"] == state, detail["events"]
        assert TRANSITIONS[state, Move(event["kind"])] == event["to_state"]
        state = State(event["to_state"])


async def live_through_it(system: System) -> None:
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=0)
    async with httpx.AsyncClient(
        base_url=system.url, timeout=30, limits=limits, trust_env=False
    ) as http:
        chaos = Chaos(http)
        talkers = [Talker(chaos) for _ in range(CONVERSATIONS)]
        workers = [Worker(chaos, name) for name in AGENTS]
        everybody = [asyncio.create_task(talker.run()) for talker in talkers]
        everybody += [asyncio.create_task(worker.run()) for worker in workers]
        began = time.monotonic()
        killed = await kill_in_turn(system)
        seconds = time.monotonic() - began
        await asyncio.to_thread(system.wait_until_ready, 120)
        chaos.over.set()
        await asyncio.gather(*everybody)
        heard = sum([await talker.check() for talker in talkers])
        assert heard == sum(worker.sent for worker in workers), "an agent's words went astray"
        handoffs = await _every_handoff(chaos)
        for talker in talkers:
            assert handoffs[talker.id] >= talker.asked, "a handoff was lost"
    messages = sum(len(t.said) for t in talkers)
    print(
        f"\n{sum(killed.values())} kills {dict(killed)} in {seconds:.0f} s, {CONVERSATIONS} conversations, "
        f"{messages} messages, {handoffs.total()} handoffs, {chaos.retries} retries: "
        "nothing lost, doubled or moved"
    )


async def _every_handoff(chaos: Chaos) -> Counter[str]:
    """Checks each handoff's chain of moves; how many each conversation had."""
    token = await _login(chaos, SUPERVISOR)
    count: Counter[str] = Counter()
    for state in State:
        answer = await chaos.call("GET", f"/handoffs?state={state.value}&limit=1000", token)
        for row in answer.json()["handoffs"]:
            check_handoff((await chaos.call("GET", f"/handoffs/{row['handoff_id']}", token)).json())
            count[row["conversation_id"]] += 1
    return count


async def _login(chaos: Chaos, name: str) -> str:
    body = {"username": name, "password": PASSWORD}
    answer = await chaos.call("POST", "/auth/login", None, body)
    return str(answer.json()["access_token"])


def test_nothing_is_lost_while_processes_die(tmp_path: Path) -> None:
    system = start_system(tmp_path)
    try:
        asyncio.run(live_through_it(system))
    finally:
        system.stop()
