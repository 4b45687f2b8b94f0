"""The line: wiped, stopped, damaged, and right again."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_sync
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.clock import now
from core.database import Database
from core.events import LiveBus
from core.redis_keys import QUEUE_CLAIMS, QUEUE_EPOCH, QUEUE_HELD, QUEUE_LOAD, QUEUE_WAITING
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Conversation
from handoff.models import Handoff
from handoff.queue import Claim, WaitingLine, ranked, score
from handoff.states import State
from tests.conftest import free_port, redis_server_binary
from tests.handoff.conftest import Room, build_room, member

pytestmark = pytest.mark.integration


def test_a_point_is_worth_some_seconds_and_nobody_starves() -> None:
    arrived = datetime(2026, 11, 23, 9, tzinfo=UTC)
    diamond = ranked(30, arrived + timedelta(seconds=299), point_s=10)
    assert diamond < ranked(0, arrived, point_s=10)
    assert ranked(30, arrived + timedelta(seconds=301), 10) > ranked(0, arrived, 10)
    most = sum((30, 50, 15))
    late = arrived + timedelta(seconds=most * 10 + 1)
    assert ranked(0, arrived, 10) < ranked(most, late, 10)


def test_scores_are_exact_to_the_microsecond() -> None:
    moment = datetime(2200, 1, 1, tzinfo=UTC)
    after = moment + timedelta(microseconds=1)
    assert float(score(after)) - float(score(moment)) == 1


async def test_a_wiped_redis_is_rebuilt(room: Room) -> None:
    handoffs = [await room.waiting() for _ in range(5)]
    served = await room.service.accept(handoffs[0].id, member("agent01"))
    await room.redis.flushall()
    assert await room.service.line.first(["billing"]) == [h.id for h in handoffs[1:]]
    await room.redis.flushall()
    assert [await room.service.line.position(h) for h in handoffs[1:]] == [1, 2, 3, 4]
    await room.redis.flushall()
    assert (await room.service.accept(handoffs[1].id, member("agent02"))).agent_id == "agent02"
    await room.redis.flushall()
    fresh = await room.waiting()
    assert await room.redis.zcard(QUEUE_WAITING + "billing") == 4
    assert await room.service.line.position(fresh) == 4
    assert (await room.service.get(served.id)).state == State.ACTIVE


async def test_a_damaged_line_is_put_right(room: Room) -> None:
    handoffs = [await room.waiting() for _ in range(3)]
    key = QUEUE_WAITING + "billing"
    await room.redis.zrem(key, handoffs[0].id)
    await room.redis.zadd(key, {"h_ghost": 1.0})
    await room.redis.zadd(QUEUE_WAITING + "technical", {handoffs[1].id: 1.0})
    assert await room.service.repair.reconcile() > 0
    assert await room.service.line.first(["billing", "technical"]) == [h.id for h in handoffs]
    assert await room.service.repair.reconcile() == 0


async def test_a_ghost_in_the_line_cannot_be_served_twice(room: Room) -> None:
    handoff = await room.active("agent01")
    await room.redis.zadd(QUEUE_WAITING + "billing", {handoff.id: 1.0})
    assert await room.service.accept_next(member("agent02")) is None
    assert (await room.service.get(handoff.id)).agent_id == "agent01"
    assert await room.redis.zcard(QUEUE_WAITING + "billing") == 0


async def test_a_claim_whose_process_died_is_void(room: Room) -> None:
    handoff = await room.waiting()
    line = room.service.line
    assert await line.claim(handoff.id, "agent09") is Claim.WON
    assert await line.claim(handoff.id, "agent01") is Claim.LOST
    await room.service.repair.reconcile()
    assert await line.first(["billing"]) == []
    old = int(time.time() * 1000) - 11_000
    await room.redis.hset(QUEUE_CLAIMS, handoff.id, f"{old} agent09")
    await room.service.repair.reconcile()
    assert await line.first(["billing"]) == [handoff.id]
    assert (await room.service.accept(handoff.id, member("agent01"))).agent_id == "agent01"


async def test_claims_leave_nothing_behind(room: Room) -> None:
    handoff = await room.active()
    assert await room.redis.hlen(QUEUE_CLAIMS) == 0
    await room.service.close(handoff.id, member("agent01"))
    assert await room.redis.hlen(QUEUE_CLAIMS) == 0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[int, list[subprocess.Popen[bytes]]]]:
    """A Redis of this test alone, which it may stop and start."""
    port, processes = free_port(), list[subprocess.Popen[bytes]]()
    processes.append(start_redis(port, tmp_path))
    yield port, processes
    for process in processes:
        process.kill()
        process.wait(10)


def start_redis(port: int, folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [redis_server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
         "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with redis_sync.Redis(port=port) as client:
        for _ in range(100):
            try:
                client.ping()
                break
            except redis_sync.ConnectionError:
                time.sleep(0.05)
    return process


@pytest.fixture
async def fragile(
    own_redis: tuple[int, list[subprocess.Popen[bytes]]], settings: Settings,
    database: Database, directory: StaffDirectory,
) -> AsyncIterator[Room]:  # fmt: skip
    redis = Redis(port=own_redis[0], retry=Retry(NoBackoff(), 1))
    bus = LiveBus(redis)
    yield build_room(settings, database, redis, bus, directory)
    await bus.close()
    await redis.aclose()


async def test_without_redis_everything_goes_on(
    fragile: Room, own_redis: tuple[int, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    before = await fragile.waiting()
    port, processes = own_redis
    processes[0].kill()
    processes[0].wait(10)
    during = await fragile.waiting()
    service = fragile.service
    assert await service.line.first(["billing"]) == [before.id, during.id]
    assert await service.line.position(during) == 2
    await service.accept(before.id, member("agent01"))
    await service.message(before.id, member("agent01"), "您好")
    await service.transfer(before.id, member("agent01"), skill_group="technical")
    await service.accept(during.id, member("agent02"))
    await service.close(during.id, member("agent02"))
    assert await fragile.owner(during) == "bot"
    assert (await service.views.rows(member("agent03")))[0]["handoff_id"] == before.id

    processes.append(start_redis(port, tmp_path))
    assert await fragile.redis.exists(QUEUE_EPOCH) == 0
    await service.repair.reconcile()
    assert await fragile.redis.zrange(QUEUE_WAITING + "technical", 0, -1) == [before.id.encode()]
    assert await fragile.redis.zcard(QUEUE_WAITING + "billing") == 0
    assert (await service.accept(before.id, member("agent03"))).agent_id == "agent03"


async def test_the_line_alone_orders_ten_thousand(room: Room) -> None:
    line = WaitingLine(room.redis, room.database)
    await room.redis.set(QUEUE_EPOCH, 1)
    key, moment = QUEUE_WAITING + "general", now()
    members = {
        f"h_{i:05d}": score(ranked(i % 7, moment + timedelta(milliseconds=i), 10))
        for i in range(10_000)
    }
    await room.redis.zadd(key, members)
    took = []
    for handoff_id in await line.first(["general"], 200):
        started = time.perf_counter()
        assert await line.claim(handoff_id, "agent01") is Claim.WON
        took.append(time.perf_counter() - started)
    assert sorted(took)[len(took) // 2] < 0.05


async def test_a_flushed_redis_is_whole_within_five_seconds(room: Room, settings: Settings) -> None:
    """Ten thousand waiting, served ones and agents; only the room's own heart repairs."""
    moment, count = now(), 10_000
    served = await room.active("agent02")
    opened = await room.waiting()
    async with room.database.transaction() as session:
        for number in range(count):
            conversation_id = f"c_{number:05d}"
            session.add(Conversation(
                id=conversation_id, channel="web", owner="waiting", last_seq=0, assurance=0, profile={},
                created_at=moment, updated_at=moment,
            ))  # fmt: skip
            arrived = moment + timedelta(milliseconds=number)
            session.add(Handoff(
                id=f"h_{number:05d}", conversation_id=conversation_id, live_conversation=conversation_id,
                state=State.WAITING, trigger="asked", skill_group="general", request="", priority=0,
                priority_reasons=[], mood="neutral", context={"customer": {}}, read_seq=0, passed_over={},
                escalations={}, opened_at=moment, queued_at=arrived, ranked_at=arrived, waiting_since=moment,
            ))  # fmt: skip
    await room.service.repair.rebuild()
    stop = asyncio.Event()
    heart = asyncio.create_task(room.service.watch_agents(stop))
    await asyncio.sleep(1)
    await room.redis.flushall()
    flushed = time.monotonic()
    while await room.redis.zcard(QUEUE_WAITING + "general") < count:
        assert time.monotonic() - flushed < 5
        await asyncio.sleep(0.05)
    while not await room.redis.exists(QUEUE_EPOCH):
        assert time.monotonic() - flushed < 5
        await asyncio.sleep(0.05)
    print(f"\n{count} waiting, Redis flushed: whole after {time.monotonic() - flushed:.2f} s")
    stop.set()
    await heart
    assert await room.service.line.first(["general"], 3) == ["h_00000", "h_00001", "h_00002"]
    assert await room.service.line.first(["billing"]) == [opened.id]
    assert await room.redis.hget(QUEUE_HELD, served.id) == b"agent02"
    assert await room.redis.hget(QUEUE_LOAD, "agent02") == b"1"
    assert await room.service.repair.reconcile() == 0
