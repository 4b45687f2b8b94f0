"""What happens by itself: lost agents, changed places."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from core.clock import now
from core.events import QUEUE_POSITION
from core.redis_keys import AGENT_SEEN, WATCH_LEASE, conversation_channel
from core.settings import Settings
from handoff.states import State
from tests.handoff.conftest import Room, build_room, member

pytestmark = pytest.mark.integration

LOST_S = 0.3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"agent_lost_s": LOST_S})


async def _vanish(room: Room, agent_id: str) -> None:
    await room.redis.zadd(AGENT_SEEN, {agent_id: time.time() - 60})


async def test_a_lost_agents_customers_go_back_to_the_front(room: Room) -> None:
    lost = await room.active("agent01")
    await room.waiting()
    kept = await room.active("agent02")
    await room.service.release_lost()
    await asyncio.sleep(LOST_S + 0.1)
    await _vanish(room, "agent01")
    await room.service.presence.touch("agent02")
    assert await room.service.release_lost() == [lost.id]

    stored = await room.service.get(lost.id)
    assert (stored.state, stored.agent_id, stored.preferred_agent) == (
        State.WAITING,
        None,
        "agent01",
    )
    assert stored.queued_at == lost.queued_at
    assert (await room.service.line.first(["billing"]))[0] == lost.id
    assert await room.service.presence.status("agent01") == "offline"
    assert await room.owner(lost) == "waiting"
    said = (await room.lines(lost))[-1]
    assert "连接中断" in said
    assert "第1位" in said
    assert (await room.service.get(kept.id)).agent_id == "agent02"
    assert await room.service.release_lost() == []
    assert (await room.service.accept(lost.id, member("agent02"))).agent_id == "agent02"


async def test_nobody_is_lost_right_after_a_start_or_a_wipe(room: Room) -> None:
    handoff = await room.active("agent01")
    await _vanish(room, "agent01")
    assert await room.service.release_lost() == []
    await asyncio.sleep(LOST_S + 0.1)
    await room.redis.flushall()
    assert await room.service.release_lost() == []
    await asyncio.sleep(LOST_S + 0.1)
    assert await room.service.release_lost() == [handoff.id]


async def test_an_agent_who_chose_offline_may_finish(room: Room) -> None:
    handoff = await room.active("agent01")
    await room.service.presence.set_status("agent01", "offline")
    await room.service.release_lost()
    await asyncio.sleep(LOST_S + 0.1)
    await room.service.presence.touch("agent01")
    assert await room.service.release_lost() == []
    await room.service.message(handoff.id, member("agent01"), "马上好")


async def test_places_are_told_when_they_change(room: Room) -> None:
    first, second = await room.waiting(), await room.waiting()
    await room.service.tell_places()
    async with room.bus.listen(conversation_channel(second.conversation_id)) as events:
        await asyncio.sleep(0.1)
        await room.service.tell_places()
        await room.service.abandon(first.conversation_id)
        await room.service.tell_places()
        event = await asyncio.wait_for(events.get(), 2)
        assert events.empty()
    assert (event["type"], event["position"], event["wait_s"]) == (QUEUE_POSITION, 1, None)


async def test_the_heart_repairs_and_stops(room: Room) -> None:
    handoff = await room.waiting()
    stop = asyncio.Event()
    heart = asyncio.create_task(room.service.watch_agents(stop))
    await asyncio.sleep(0.2)
    await room.redis.flushall()
    await asyncio.sleep(0.4)
    keys = [key async for key in room.redis.scan_iter("cd:{queue}:waiting:*")]
    assert len(keys) == 1
    assert await room.redis.zrange(keys[0], 0, -1) == [handoff.id.encode()]
    stop.set()
    await asyncio.wait_for(heart, 2)


async def test_two_processes_release_once(room: Room, settings: Settings) -> None:
    other = build_room(settings, room.database, room.redis, room.bus, room.directory)
    handoff = await room.active("agent01")
    for process in (room, other):
        await process.service.release_lost()
    await asyncio.sleep(LOST_S + 0.1)
    await _vanish(room, "agent01")
    released = await asyncio.gather(room.service.release_lost(), other.service.release_lost())
    assert sorted(map(len, released)) == [0, 1]
    assert sum("连接中断" in line for line in await room.lines(handoff)) == 1


async def test_a_clock_set_back_breaks_nothing(room: Room) -> None:
    handoff = await room.active("agent01")
    async with room.database.transaction() as session:
        row = await session.get_one(type(handoff), handoff.id)
        row.accepted_at = row.waiting_since = now() + timedelta(hours=3)
    detail = await room.service.views.detail(handoff.id, member("agent01"))
    assert detail["waiting_s"] >= 0
    closed = await room.service.close(handoff.id, member("agent01"))
    assert closed.handling_s == 0


async def test_far_from_the_front_only_real_changes_are_told(room: Room) -> None:
    handoffs = [await room.waiting() for _ in range(24)]
    await room.service.tell_places()
    last = conversation_channel(handoffs[-1].conversation_id)
    async with room.bus.listen(last) as events:
        await asyncio.sleep(0.1)
        await room.service.abandon(handoffs[0].conversation_id)
        await room.service.tell_places()
        await asyncio.sleep(0.1)
        assert events.empty()
        for handoff in handoffs[1:4]:
            await room.service.abandon(handoff.conversation_id)
        await room.service.tell_places()
        event = await asyncio.wait_for(events.get(), 2)
    assert event["position"] == 20


async def test_one_process_leads_and_another_follows_when_it_stops(
    room: Room, settings: Settings
) -> None:
    other = build_room(settings, room.database, room.redis, room.bus, room.directory)
    stops = [asyncio.Event(), asyncio.Event()]
    hearts = []
    for process, stop in zip((room, other), stops, strict=True):
        hearts.append(asyncio.create_task(process.service.watch_agents(stop)))
        await asyncio.sleep(0.2)
    first = await room.redis.get(WATCH_LEASE)
    await asyncio.sleep(0.3)
    assert await room.redis.get(WATCH_LEASE) == first
    stops[0].set()
    await asyncio.wait_for(hearts[0], 2)
    await asyncio.sleep(0.3)
    second = await room.redis.get(WATCH_LEASE)
    assert second not in (None, first)
    stops[1].set()
    await asyncio.wait_for(hearts[1], 2)
    assert await room.redis.get(WATCH_LEASE) is None
