"""The waiting line under load, with a real Redis: claims in a long line, and offers to a thousand agents.

Run with ``make bench``. What is measured is said beside each figure.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from core.clock import now
from core.database import Database
from core.events import LiveBus
from core.redis_keys import QUEUE_EPOCH
from core.settings import ROOT, Settings
from core.staff import Staff, StaffAccount
from core.transcript import Transcript
from handoff.context import HandoffRequest
from handoff.models import AgentPresence, Handoff
from handoff.offers import Offers
from handoff.queue import Claim, WaitingLine
from handoff.routing import SKILL_GROUPS
from handoff.service import HandoffService
from handoff.states import Move, State, target
from tests.bench.agents_floor import ANSWERS, READY

pytestmark = pytest.mark.bench

WAITING = 10_000
CLAIMS = 2_000
CLAIM_P99_MS = 5.0
AGENTS = 1_000
RATE = 200
HANDOFFS = 4_000
SCREEN_P99_MS = 50.0
WHOLE_RATE = 10
WHOLE = 200
THINK_S = 0.5
SERVE_S = 3.0


def _figures(took: list[float]) -> tuple[float, float, float]:
    quantiles = statistics.quantiles(took, n=100)
    return statistics.median(took), quantiles[98], max(took)


def _waiting(handoff_id: str, group: str, **fields: Any) -> Handoff:
    """A handoff as SQL would hold it."""
    moment = now()
    known: dict[str, Any] = {
        "conversation_id": handoff_id, "state": State.WAITING, "skill_group": group, "trigger": "asked",
        "request": "", "priority": 0, "queued_at": moment, "ranked_at": moment, "waiting_since": moment,
        "passed_over": {}, "context": {},
    }  # fmt: skip
    return Handoff(id=handoff_id, **(known | fields))


async def test_a_claim_in_a_line_of_ten_thousand(redis: Redis, database: Database) -> None:
    """From asking to Redis' verdict, one agent after the other; the line stays at 10,000."""
    line = WaitingLine(redis, database)
    await redis.set(QUEUE_EPOCH, 1)
    start, dice = now(), random.Random(7)
    handoffs = {
        f"h_{n:05d}": _waiting(
            f"h_{n:05d}", dice.choice(SKILL_GROUPS), ranked_at=start + timedelta(milliseconds=n)
        )
        for n in range(WAITING)
    }
    for handoff in handoffs.values():
        await line.put(handoff)
    head, claims = [], []
    for number in range(CLAIMS):
        began = time.perf_counter()
        (first, *_) = await line.first(SKILL_GROUPS, 5)
        looked = time.perf_counter()
        assert await line.claim(first, f"agent{number}") is Claim.WON
        claimed = time.perf_counter()
        head.append((looked - began) * 1000)
        claims.append((claimed - looked) * 1000)
        handoff = handoffs[first]
        handoff.ranked_at = start + timedelta(milliseconds=WAITING + number)
        await line.put(handoff)
    print(f"\n{WAITING} waiting, {CLAIMS} claims over the real Redis:")
    for name, took in (("claim", claims), ("who is next", head)):
        median, p99, worst = _figures(took)
        print(f"  {name:<12} p50 {median:.2f} ms, p99 {p99:.2f} ms, worst {worst:.2f} ms")
    assert _figures(claims)[1] <= CLAIM_P99_MS


@dataclass
class _Step:
    """A step whose truth is in memory."""

    handoff: Handoff
    session: None = None

    def move(self, move: Move, *_: Any, **__: Any) -> None:
        self.handoff.state = target(State(self.handoff.state), move)


@dataclass
class _MemorySteps:
    """Steps without SQL: everything else, Redis and the bus, is the real thing."""

    line: WaitingLine
    handoffs: dict[str, Handoff] = field(default_factory=dict)
    on_room: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def step(self, handoff_id: str) -> AsyncIterator[_Step]:
        step = _Step(self.handoffs[handoff_id])
        yield step
        await self.line.place(step.handoff)
        self.on_room()


class _NoPresence:
    on_room: Callable[[], None]


async def _floor(
    redis: Redis, url: str, count: int, names: list[str]
) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.agents_floor", url, str(count), str(THINK_S), str(SERVE_S),
        *names, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await redis.blpop([READY], 60)
    return process


async def _answers(url: str, obey: Callable[[str, str, str], Coroutine[Any, Any, None]]) -> None:
    redis, tasks = Redis.from_url(url, socket_timeout=None), set[asyncio.Task[None]]()
    while True:
        found = await redis.blpop([ANSWERS], 0)
        if found is None:
            continue
        task = asyncio.create_task(obey(*orjson.loads(found[1])))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _ask_steadily(
    rate: int, count: int, ask: Callable[[int], Coroutine[Any, Any, None]]
) -> float:
    """Asks at a steady rate, however long each takes; returns the rate that came about."""
    began = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(number)))
    spent = time.perf_counter() - began
    await asyncio.gather(*tasks)
    return count / spent


def _report(title: str, took: list[float], rate: float, count: int) -> float:
    median, p99, worst = _figures(took)
    print(f"\n{title}: {len(took)} of {count} at {rate:.0f}/s to {AGENTS} agents online")
    print(f"  asked to screen p50 {median:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms")
    assert len(took) == count
    return p99


async def test_offers_reach_a_thousand_screens(
    redis: Redis, redis_url: str, bus: LiveBus, database: Database, settings: Settings
) -> None:
    """The line, the matchmaker and the event bus at 200 a second; what SQL adds is the next figure.

    Agents live in another process, accept after half a second and serve for three.
    """
    line = WaitingLine(redis, database)
    await redis.set(QUEUE_EPOCH, 1)
    names, dice = [f"agent{n:04d}" for n in range(AGENTS)], random.Random(7)
    for name in names:
        await line.enter(name, dice.sample(SKILL_GROUPS, 3), 3)
    steps = _MemorySteps(line)
    offers = Offers(database, bus, steps, line, _NoPresence(), settings)  # type: ignore[arg-type]
    process = await _floor(redis, redis_url, HANDOFFS, names)

    async def ask(number: int) -> None:
        handoff = _waiting(
            f"h_{number:05d}", dice.choice(SKILL_GROUPS), request=str(time.monotonic_ns())
        )
        steps.handoffs[handoff.id] = handoff
        await line.put(handoff)
        offers.look()

    async def obey(what: str, handoff_id: str, agent_id: str) -> None:
        if what == "accept":
            await line.claim(handoff_id, agent_id)
            await line.hold(handoff_id, agent_id, offered=False)
        else:
            await line.drop(handoff_id)
        offers.look()

    answers = asyncio.create_task(_answers(redis_url, obey))
    rate = await _ask_steadily(RATE, HANDOFFS, ask)
    output, _ = await process.communicate()
    answers.cancel()
    p99 = _report("line, matchmaker and events, without SQL", orjson.loads(output), rate, HANDOFFS)
    assert p99 <= SCREEN_P99_MS


async def test_the_whole_way_with_sql(
    redis: Redis, redis_url: str, bus: LiveBus, database: Database, settings: Settings
) -> None:
    """From ``open`` to the screen with every row stored in SQLite, in one process, at 10 a second."""
    names, dice, moment = [f"agent{n:04d}" for n in range(AGENTS)], random.Random(7), now()
    async with database.transaction() as session:
        for name in names:
            session.add(
                StaffAccount(
                    id=name, display_name=name, password_hash="", roles=["agent"], capacity=3,
                    skill_groups=dice.sample(SKILL_GROUPS, 3), active=True, created_at=moment,
                )
            )  # fmt: skip
            session.add(
                AgentPresence(agent_id=name, status="online", changed_at=moment, seen_at=moment)
            )
    transcript = Transcript(database, bus)
    service = HandoffService(database, bus, transcript, redis, _no_facts, settings, _nothing)
    await service.line.repair()
    process = await _floor(redis, redis_url, WHOLE, names)
    conversations = [(await transcript.open("web")).id for _ in range(WHOLE)]

    async def ask(number: int) -> None:
        group = dice.choice(SKILL_GROUPS)
        request = HandoffRequest(skill_group=group, request=str(time.monotonic_ns()))
        await service.open(conversations[number], request)

    async def obey(what: str, handoff_id: str, agent_id: str) -> None:
        member = Staff(agent_id, agent_id, ("agent",), SKILL_GROUPS)
        if what == "accept":
            await service.accept(handoff_id, member)
        else:
            await service.close(handoff_id, member)

    answers = asyncio.create_task(_answers(redis_url, obey))
    rate = await _ask_steadily(WHOLE_RATE, WHOLE, ask)
    output, _ = await process.communicate()
    answers.cancel()
    await service.settle()
    _report("the whole way with SQLite", orjson.loads(output), rate, WHOLE)


async def _no_facts(customer_id: str | None, phone: str | None) -> dict[str, Any]:
    return {}


async def _nothing(conversation_id: str) -> None:
    pass
