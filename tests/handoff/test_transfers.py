"""Handing customers on."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Conflict, IllegalMove, InvalidInput, NotAllowed
from handoff.states import State
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration


async def test_to_a_group_with_everything(room: Room) -> None:
    handoff = await room.active("agent02")
    await room.service.message(handoff.id, member("agent02"), "我帮您转给投诉专员")
    moved = await room.service.transfer(
        handoff.id, member("agent02"), skill_group="complaints", note="要求退费，已核实"
    )
    assert (moved.state, moved.skill_group, moved.agent_id) == (State.WAITING, "complaints", None)
    assert moved.queued_at == handoff.queued_at
    assert await room.owner(handoff) == "waiting"
    assert "投诉处理" in (await room.lines(handoff))[-1]
    assert not any("已核实" in line for line in await room.lines(handoff))
    assert await room.service.line.first(["billing"]) == []
    assert await room.service.line.first(["complaints"]) == [handoff.id]

    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, member("agent02"), "还在吗")
    taken = await room.service.accept(handoff.id, member("agent04"))
    assert taken.agent_id == "agent04"
    detail = await room.service.views.detail(handoff.id, member("agent04"))
    kinds = [event["kind"] for event in detail["events"]]
    assert kinds == ["open", "accept", "transfer", "queue", "accept"]
    assert detail["events"][2]["data"]["note"] == "要求退费，已核实"
    texts = [message["text"] for message in detail["context"]["transcript"]]
    assert "我帮您转给投诉专员" in texts
    assert "转接备注：要求退费，已核实" in texts


async def test_to_a_named_colleague(room: Room) -> None:
    await room.service.presence.set_status("agent02", "online")
    handoff = await room.active("agent01")
    moved = await room.service.transfer(handoff.id, member("agent01"), agent_id="agent02")
    assert (moved.reserved_for, moved.skill_group) == ("agent02", "billing")
    with pytest.raises(NotAllowed, match="指定的同事"):
        await room.service.accept(handoff.id, member("agent05"))
    assert (await room.service.accept(handoff.id, member("agent02"))).reserved_for is None


@pytest.mark.parametrize(
    ("goal", "error"),
    [
        ({}, InvalidInput),
        ({"agent_id": "", "skill_group": ""}, InvalidInput),
        ({"agent_id": "nobody"}, InvalidInput),
        ({"agent_id": "editor01"}, InvalidInput),
        ({"agent_id": "agent01"}, InvalidInput),
        ({"agent_id": "agent04"}, InvalidInput),
        ({"agent_id": "agent02"}, Conflict),
        ({"skill_group": "dreams"}, InvalidInput),
        ({"skill_group": "general", "note": "字" * 8001}, InvalidInput),
    ],
)
async def test_bad_goals_change_nothing(
    room: Room, goal: dict[str, Any], error: type[Exception]
) -> None:
    handoff = await room.active("agent01")
    before = await room.lines(handoff, "staff")
    with pytest.raises(error):
        await room.service.transfer(handoff.id, member("agent01"), **goal)
    stored = await room.service.get(handoff.id)
    assert (stored.state, stored.agent_id) == (State.ACTIVE, "agent01")
    assert await room.lines(handoff, "staff") == before


async def test_supervisors_reassign_what_waits(room: Room) -> None:
    handoff = await room.waiting("billing")
    with pytest.raises(NotAllowed):
        await room.service.transfer(handoff.id, member("agent01"), skill_group="technical")
    moved = await room.service.transfer(handoff.id, member("supervisor01"), skill_group="technical")
    assert (moved.state, moved.skill_group) == (State.WAITING, "technical")
    assert await room.service.line.first(["billing"]) == []
    assert await room.service.line.first(["technical"]) == [handoff.id]


async def test_ended_ones_cannot_be_transferred(room: Room) -> None:
    handoff = await room.active()
    await room.service.close(handoff.id, member("agent01"))
    with pytest.raises(IllegalMove):
        await room.service.transfer(handoff.id, member("agent01"), skill_group="general")


async def test_a_goal_that_may_not_answer_is_said(room: Room) -> None:
    service, me = room.service, member("agent01")
    await service.presence.set_status("agent02", "busy")
    handoff = await room.active("agent01")
    moved = await service.transfer(handoff.id, me, agent_id="agent02")
    assert "周明现在正忙" in str(await service.transfer_warning(moved))
    await service.presence.set_status("agent02", "online")
    assert await service.transfer_warning(moved) is None
    await service.presence.set_capacity("agent02", 1)
    await service.accept((await room.waiting()).id, member("agent02"))
    service.presence._recent = None
    assert "已满" in str(await service.transfer_warning(moved))

    # agent01 serves every group; once away, nobody is there for complaints.
    other = await room.active("agent01")
    sent = await service.transfer(other.id, me, skill_group="complaints")
    assert await service.transfer_warning(sent) is None
    await service.presence.set_status("agent01", "offline")
    assert "都不在线" in str(await service.transfer_warning(sent))


async def test_the_sender_answers_for_it_until_somebody_takes_it(room: Room) -> None:
    handoff = await room.active("agent02")
    moved = await room.service.transfer(handoff.id, member("agent02"), skill_group="technical")
    assert (moved.owner, moved.first_agent) == ("agent02", "agent02")
    taken = await room.service.accept(handoff.id, member("agent03"))
    assert (taken.owner, taken.first_agent) == ("agent03", "agent02")
    closed = await room.service.close(handoff.id, member("agent03"))
    assert closed.owner == "agent03"
