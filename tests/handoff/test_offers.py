"""Offers: who is asked, for how long, and what follows when they do not answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from core.clock import now
from core.errors import AlreadyClaimed, AtCapacity, IllegalMove, InvalidInput, NotAllowed
from core.events import AGENT_STATUS, HANDOFF, OFFER
from core.redis_keys import STAFF_CHANNEL, agent_channel
from core.settings import Settings
from handoff.context import HandoffRequest
from handoff.models import AgentPresence, Handoff
from handoff.states import State
from tests.handoff.conftest import ZHANG, Room, build_room, member

AGAIN = HandoffRequest(skill_group="billing", request="还是话费的问题")
pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"offer_mode": "both"})


def _in(room: Room, settings: Settings, **changed: Any) -> Room:
    """The same room under other settings."""
    rules = settings.model_copy(update=changed)
    return build_room(rules, room.database, room.redis, room.bus, room.directory)


async def _online(room: Room, *agents: str) -> None:
    for agent_id in agents:
        await room.service.presence.set_status(agent_id, "online")
        await room.service.settle()


async def _asked(room: Room, group: str = "billing", **fields: Any) -> Handoff:
    """A customer who asked for a person, after all offers that follow from it."""
    handoff = await room.waiting(group, **fields)
    await room.service.settle()
    return await room.service.get(handoff.id)


async def _let_lapse(room: Room, handoff: Handoff) -> Handoff:
    """The offer's time is over."""
    async with room.database.transaction() as session:
        row = await session.get_one(Handoff, handoff.id)
        row.offer_until = now() - timedelta(seconds=1)
    assert await room.service.sweep_offers() == 1
    await room.service.settle()
    return await room.service.get(handoff.id)


async def test_the_offer_reaches_the_agents_screen_with_what_matters(room: Room) -> None:
    await _online(room, "agent02")
    async with room.bus.listen(agent_channel("agent02"), STAFF_CHANNEL) as events:
        await asyncio.sleep(0.1)
        handoff = await _asked(room, profile=ZHANG, phone="13800000001")
        heard: dict[str, Any] = {}
        while OFFER not in heard:
            event = await asyncio.wait_for(events.get(), 2)
            heard[event["type"]] = event
    assert (handoff.state, handoff.agent_id) == (State.OFFERED, "agent02")
    assert heard[HANDOFF]["state"] == "offered"
    offer = heard[OFFER]
    assert (offer["handoff_id"], offer["customer_name"], offer["tier_text"]) == (
        handoff.id,
        "张伟",
        "金卡",
    )
    assert offer["request"] == "查话费为什么变多"
    assert 19 <= offer["seconds"] <= 20
    assert "13800000001" not in str(offer)
    assert await room.owner(handoff) == "waiting"
    accepted = await room.service.accept(handoff.id, member("agent02"))
    assert (accepted.state, accepted.owner, accepted.first_agent) == (
        State.ACTIVE,
        "agent02",
        "agent02",
    )


async def test_a_lapsed_offer_goes_to_the_next_and_keeps_its_place(room: Room) -> None:
    await _online(room, "agent02", "agent05")
    handoff = await _asked(room)
    first = handoff.agent_id
    again = await _let_lapse(room, handoff)
    assert again.state == State.OFFERED
    assert again.agent_id != first
    assert again.ranked_at == handoff.ranked_at
    # Nobody served them: for the customer, for helping groups and for supervisors it is one wait.
    assert again.waiting_since == handoff.waiting_since
    waiting = await _let_lapse(room, again)
    # Both had their chance just now: nobody is asked again at once, the list still shows the customer.
    assert (waiting.state, waiting.agent_id) == (State.WAITING, None)
    assert await room.service.line.first(["billing"]) == [handoff.id]
    kinds = [
        e["kind"]
        for e in (await room.service.views.detail(handoff.id, member("agent02")))["events"]
    ]
    assert kinds == ["open", "offer", "expire", "offer", "expire"]


async def test_after_a_minute_the_same_agent_may_be_asked_again(room: Room) -> None:
    await _online(room, "agent02")
    handoff = await _let_lapse(room, await _asked(room))
    assert handoff.state == State.WAITING
    async with room.database.transaction() as session:
        row = await session.get_one(Handoff, handoff.id)
        row.passed_over = {"agent02": (now() - timedelta(seconds=61)).isoformat()}
    await room.service.line.place(await room.service.get(handoff.id))
    room.service.look_for_agents()
    await room.service.settle()
    assert (await room.service.get(handoff.id)).agent_id == "agent02"


async def test_a_refusal_needs_a_reason_and_moves_on(room: Room) -> None:
    await _online(room, "agent02", "agent05")
    handoff = await _asked(room)
    asked = str(handoff.agent_id)
    for reason in ("", "  ", "忙" * 101):
        with pytest.raises(InvalidInput, match="原因"):
            await room.service.refuse(handoff.id, member(asked), reason)
    with pytest.raises(NotAllowed, match="没有派给您"):
        await room.service.refuse(handoff.id, member("agent01"), "不熟悉")
    await room.service.refuse(handoff.id, member(asked), "不熟悉这类业务")
    await room.service.settle()
    moved = await room.service.get(handoff.id)
    assert moved.state == State.OFFERED
    assert moved.agent_id not in (None, asked)
    with pytest.raises(NotAllowed):
        await room.service.refuse(handoff.id, member(asked), "不熟悉这类业务")
    detail = await room.service.views.detail(handoff.id, member("supervisor01"))
    refusal = next(event for event in detail["events"] if event["kind"] == "refuse")
    assert (refusal["actor"], refusal["data"]["reason"]) == (asked, "不熟悉这类业务")


async def test_who_lets_three_lapse_is_set_busy_and_told(room: Room) -> None:
    await _online(room, "agent02")
    async with room.bus.listen(STAFF_CHANNEL) as events:
        await asyncio.sleep(0.1)
        for _ in range(3):
            await _let_lapse(room, await _asked(room))
        heard = [events.get_nowait() for _ in range(events.qsize())]
    (busy,) = [e for e in heard if e["type"] == AGENT_STATUS]
    assert (busy["agent_id"], busy["status"]) == ("agent02", "busy")
    assert "连续3次" in busy["notice"]
    agents = {agent.id: agent for agent in await room.service.presence.everyone()}
    assert agents["agent02"].notice == busy["notice"]
    assert (await _asked(room)).state == State.WAITING
    await _online(room, "agent02")
    agents = {agent.id: agent for agent in await room.service.presence.everyone()}
    assert (agents["agent02"].status, agents["agent02"].notice) == ("online", None)


async def test_an_answer_in_between_starts_the_count_anew(room: Room) -> None:
    await _online(room, "agent02")
    for _ in range(2):
        await _let_lapse(room, await _asked(room))
    handoff = await _asked(room)
    await room.service.accept(handoff.id, member("agent02"))
    async with room.database.reading() as session:
        assert (await session.get_one(AgentPresence, "agent02")).lapsed == 0


async def test_one_offer_at_a_time_and_none_beyond_the_capacity(
    room: Room, settings: Settings
) -> None:
    small = _in(room, settings, agent_capacity=2)
    await _online(small, "agent02")
    handoffs = [await _asked(small) for _ in range(4)]
    states = [(await small.service.get(h.id)).state for h in handoffs]
    assert states == [State.OFFERED] + [State.WAITING] * 3
    for index in range(2):
        await small.service.accept(handoffs[index].id, member("agent02"))
        await small.service.settle()
    states = [(await small.service.get(h.id)).state for h in handoffs]
    assert states == [State.ACTIVE] * 2 + [State.WAITING] * 2
    # A freed place takes the one who waits longest.
    await small.service.close(handoffs[0].id, member("agent02"))
    await small.service.settle()
    assert (await small.service.get(handoffs[2].id)).agent_id == "agent02"


async def test_the_limit_for_taking_by_hand_is_said_clearly(room: Room, settings: Settings) -> None:
    pull = _in(room, settings, offer_mode="pull", agent_capacity=2, agent_limit=2)
    handoffs = [await pull.waiting() for _ in range(3)]
    for handoff in handoffs[:2]:
        await pull.service.accept(handoff.id, member("agent01"))
    with pytest.raises(AtCapacity, match="2位") as refused:
        await pull.service.accept(handoffs[2].id, member("agent01"))
    assert refused.value.data == {"limit": 2}
    with pytest.raises(AtCapacity):
        await pull.service.accept_next(member("agent01"))
    assert (await pull.service.accept(handoffs[2].id, member("supervisor01"))).state == State.ACTIVE
    assert await pull.service.presence.set_capacity("agent01", 3) == 3
    more = await pull.waiting()
    assert (await pull.service.accept(more.id, member("agent01"))).agent_id == "agent01"


async def test_two_accepts_of_one_agent_at_once_respect_the_limit(
    room: Room, settings: Settings
) -> None:
    pull = _in(room, settings, offer_mode="pull", agent_capacity=1, agent_limit=1)
    handoffs = [await pull.waiting() for _ in range(4)]
    results = await asyncio.gather(
        *(pull.service.accept(handoff.id, member("agent01")) for handoff in handoffs),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Handoff) for result in results) == 1
    assert sum(isinstance(result, AtCapacity) for result in results) == 3
    assert len(await pull.service.line.first(["billing"])) == 3


async def test_colleagues_see_to_whom_it_is_offered_and_may_take_it(room: Room) -> None:
    await _online(room, "agent02")
    handoff = await _asked(room)
    (row,) = await room.service.views.rows(member("agent05"), [State.WAITING, State.OFFERED])
    assert row["offer"] == {"agent_id": "agent02", "agent_name": "周明", "mine": False}
    assert row["mine"] is False
    taken = await room.service.accept(handoff.id, member("agent05"))
    assert taken.agent_id == "agent05"
    with pytest.raises(AlreadyClaimed, match="郑婷") as refused:
        await room.service.accept(handoff.id, member("agent02"))
    assert refused.value.data == {"agent_id": "agent05", "agent_name": "郑婷"}
    # The one it was taken from has room again.
    assert (await _asked(room)).agent_id in ("agent02", "agent05")


async def test_strict_offers_belong_to_the_one_asked(room: Room, settings: Settings) -> None:
    push = _in(room, settings, offer_mode="push")
    await _online(push, "agent02")
    handoff = await _asked(push)
    assert len(await push.service.views.rows(member("agent05"))) == 1
    with pytest.raises(NotAllowed, match="已派给"):
        await push.service.accept(handoff.id, member("agent05"))
    taken = await push.service.accept(handoff.id, member("supervisor01"))
    assert taken.agent_id == "supervisor01"


async def test_without_offers_everything_waits_in_the_list(room: Room, settings: Settings) -> None:
    pull = _in(room, settings, offer_mode="pull")
    await _online(pull, "agent02")
    assert (await _asked(pull)).state == State.WAITING


async def test_the_one_who_served_last_is_asked_first(room: Room) -> None:
    await _online(room, "agent02", "agent05")
    await room.service.presence.set_status("agent02", "busy")
    earlier = await _asked(room)
    await room.service.accept(earlier.id, member("agent05"))
    await room.service.presence.set_status("agent02", "online")
    # Both have nothing to do now, and agent05 was busy last: idle time alone would choose agent02.
    await _online(room, "agent02")
    await room.service.close(earlier.id, member("agent05"))
    again = await room.service.open(earlier.conversation_id, AGAIN)
    await room.service.settle()
    assert (await room.service.get(again.id)).agent_id == "agent05"


async def test_who_is_idle_longest_is_asked_first(room: Room) -> None:
    await _online(room, "agent05", "agent02")
    first = await _asked(room)
    assert first.agent_id == "agent05"
    second = await _asked(room)
    assert second.agent_id == "agent02"
    for handoff in (second, first):
        await room.service.accept(handoff.id, member(str(handoff.agent_id)))
        await room.service.close(handoff.id, member(str(handoff.agent_id)))
        await room.service.settle()
    assert (await _asked(room)).agent_id == "agent02"


async def test_another_group_helps_when_nobody_is_there_or_after_the_wait(
    room: Room, settings: Settings
) -> None:
    slow = _in(room, settings, overflow_s=3600.0)
    await _online(slow, "agent02")
    assert (await _asked(slow, "technical")).agent_id == "agent02"
    assert (await _asked(slow, "complaints")).state == State.WAITING
    await _online(slow, "agent03")
    await slow.service.presence.set_capacity("agent03", 1)
    full = await _asked(slow, "technical")
    assert full.agent_id == "agent03"
    waits = await _asked(slow, "technical")
    assert waits.state == State.WAITING
    helped = _in(room, settings, overflow_s=0.0)
    await helped.service.line.place(waits)
    await room.service.accept((await _only_offer(room, "agent02")).id, member("agent02"))
    await room.service.settle()
    helped.service.look_for_agents()
    await helped.service.settle()
    assert (await helped.service.get(waits.id)).agent_id == "agent02"


async def test_who_is_named_in_a_transfer_is_asked_alone(room: Room) -> None:
    handoff = await room.active("agent01")
    await _online(room, "agent05", "agent02")
    await room.service.transfer(handoff.id, member("agent01"), agent_id="agent02")
    await room.service.settle()
    assert (await room.service.get(handoff.id)).agent_id == "agent02"
    await room.service.refuse(handoff.id, member("agent02"), "正在开会")
    await room.service.settle()
    assert (await room.service.get(handoff.id)).state == State.WAITING


async def test_who_hands_on_to_the_group_is_not_asked_at_once(room: Room) -> None:
    handoff = await room.active("agent02")
    await room.service.transfer(handoff.id, member("agent02"), skill_group="packages")
    await room.service.settle()
    assert (await room.service.get(handoff.id)).state == State.WAITING
    assert (await room.service.get(handoff.id)).owner == "agent02"
    await _online(room, "agent05")
    moved = await room.service.get(handoff.id)
    assert moved.agent_id == "agent05"
    taken = await room.service.accept(handoff.id, member("agent05"))
    assert (taken.owner, taken.first_agent) == ("agent05", "agent02")


async def test_a_customer_may_leave_while_on_offer(room: Room) -> None:
    await _online(room, "agent02")
    handoff = await _asked(room)
    await room.service.abandon(handoff.conversation_id)
    with pytest.raises(IllegalMove, match="放弃"):
        await room.service.accept(handoff.id, member("agent02"))
    assert (await _asked(room)).agent_id == "agent02"


async def test_a_supervisor_may_give_it_to_another_group(room: Room) -> None:
    await _online(room, "agent02")
    handoff = await _asked(room)
    await room.service.transfer(handoff.id, member("supervisor01"), skill_group="technical")
    await room.service.settle()
    moved = await room.service.get(handoff.id)
    # The one it was taken from could help, but is not asked at once.
    assert (moved.skill_group, moved.state, moved.agent_id) == ("technical", State.WAITING, None)
    await _online(room, "agent03")
    assert (await room.service.get(handoff.id)).agent_id == "agent03"
    with pytest.raises(IllegalMove, match="先接入"):
        await room.service.transfer(handoff.id, member("agent03"), skill_group="billing")


async def test_a_vanished_agents_offer_goes_on_without_a_word(
    room: Room, settings: Settings
) -> None:
    quick = _in(room, settings, agent_lost_s=0.2)
    await _online(quick, "agent02")
    handoff = await _asked(quick)
    before = await quick.lines(handoff)
    await quick.service.release_lost()
    await asyncio.sleep(0.3)
    await quick.redis.delete("cd:{agents}:seen")
    await quick.service.release_lost()
    await asyncio.sleep(0.3)
    assert await quick.service.release_lost() == [handoff.id]
    assert (await quick.service.get(handoff.id)).state == State.WAITING
    assert await quick.lines(handoff) == before


async def test_a_clock_set_back_does_not_keep_an_offer(room: Room, settings: Settings) -> None:
    quick = _in(room, settings, offer_s=0.2)
    await _online(quick, "agent02")
    handoff = await _asked(quick)
    async with quick.database.transaction() as session:
        row = await session.get_one(Handoff, handoff.id)
        row.offer_until = now() + timedelta(hours=5)
    assert await quick.service.sweep_offers() == 0
    await asyncio.sleep(0.3)
    assert await quick.service.sweep_offers() == 1


async def test_newcomers_never_overtake_after_a_clock_was_set_back(room: Room) -> None:
    ahead = await room.waiting()
    async with room.database.transaction() as session:
        row = await session.get_one(Handoff, ahead.id)
        row.queued_at = row.ranked_at = now() + timedelta(hours=2)
    later = [await room.waiting() for _ in range(2)]
    rows = await room.service.views.rows(member("agent01"))
    assert [row["handoff_id"] for row in rows] == [ahead.id, *(h.id for h in later)]


async def test_two_processes_offer_each_customer_once(room: Room, settings: Settings) -> None:
    other = _in(room, settings)
    await _online(room, "agent01", "agent02", "agent05")
    handoffs = [await (room, other)[n % 2].waiting() for n in range(6)]
    await asyncio.gather(room.service.settle(), other.service.settle())
    stored = [await room.service.get(h.id) for h in handoffs]
    offered = [h.agent_id for h in stored if h.state == State.OFFERED]
    assert sorted(offered) == ["agent01", "agent02", "agent05"]


async def test_a_wiped_redis_knows_the_agents_again(room: Room) -> None:
    await _online(room, "agent02", "agent05")
    offered = await _asked(room)
    await room.redis.flushall()
    second = await _asked(room)
    assert {offered.agent_id, second.agent_id} == {"agent02", "agent05"}
    await room.redis.flushall()
    assert (await _asked(room)).state == State.WAITING
    taken = await room.service.accept(offered.id, member(str(offered.agent_id)))
    assert taken.state == State.ACTIVE


async def test_over_http(room: Room, desk_of: Any) -> None:
    desk: AsyncClient = await desk_of("agent02")
    await desk.put("/agents/me/status", json={"status": "online"})
    handoff = await _asked(room)
    listed = (await desk.get("/handoffs", params={"state": "waiting"})).json()["handoffs"]
    assert [(row["state"], row["offer"]["mine"]) for row in listed] == [("offered", True)]
    assert 0 < listed[0]["offer_left_s"] <= 20
    refused = await desk.post(f"/handoffs/{handoff.id}/refuse", json={"reason": "不熟悉"})
    assert refused.json() == {"handoff_id": handoff.id, "state": "waiting"}
    again = await desk.post(f"/handoffs/{handoff.id}/refuse", json={"reason": "不熟悉"})
    assert (again.status_code, again.json()["code"]) == (403, "not_allowed")
    assert (await desk.post("/handoffs/next")).json()["handoff"]["handoff_id"] == handoff.id
    boss: AsyncClient = await desk_of("supervisor01")
    assert (await boss.put("/agents/agent02/capacity", json={"capacity": 5})).json()[
        "capacity"
    ] == 5
    assert (await boss.put("/agents/agent02/capacity", json={"capacity": None})).json()[
        "capacity"
    ] == 8
    assert (await boss.put("/agents/nobody/capacity", json={"capacity": 5})).status_code == 404
    assert (await desk.put("/agents/agent02/capacity", json={"capacity": 5})).status_code == 403


async def _only_offer(room: Room, agent_id: str) -> Handoff:
    rows = await room.service.views.rows(member("supervisor01"), [State.OFFERED])
    (found,) = [row for row in rows if row["agent_id"] == agent_id]
    return await room.service.get(found["handoff_id"])
