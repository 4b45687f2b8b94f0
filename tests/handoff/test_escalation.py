"""Broken promises: each level once, to the right people, recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import now
from core.events import SLA
from core.redis_keys import STAFF_CHANNEL, agent_channel
from core.transcript import Draft, Message
from handoff import escalation
from handoff.models import Handoff, Ticket
from handoff.tickets import card
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration
LevelsAfter = Callable[[datetime, float], Awaitable[int]]


class Ears:
    """What staff and one agent hear of overdue clocks."""

    def __init__(self, staff: asyncio.Queue[Any], agent: asyncio.Queue[Any]) -> None:
        self._queues = {"staff": staff, "agent01": agent}

    async def heard(self) -> list[tuple[str, str, int]]:
        """Who heard of which clock and level, since the last time."""
        await asyncio.sleep(0.1)
        found = []
        for who, queue in self._queues.items():
            events = [queue.get_nowait() for _ in range(queue.qsize())]
            found += [(who, e["clock"], e["level"]) for e in events if e["type"] == SLA]
        return found


@pytest.fixture
async def ears(room: Room) -> AsyncIterator[Ears]:
    async with (
        room.bus.listen(STAFF_CHANNEL) as staff,
        room.bus.listen(agent_channel("agent01")) as agent,
    ):
        await asyncio.sleep(0.1)
        yield Ears(staff, agent)


async def _age(room: Room, handoff: Handoff, **seconds: float) -> None:
    """Sets moments of a handoff into the past, and its clocks to be looked at."""
    async with room.database.transaction() as session:
        row = await session.get_one(Handoff, handoff.id)
        for name, value in seconds.items():
            setattr(row, name, now() - timedelta(seconds=value))
        row.escalate_at = now()


@pytest.fixture
def levels_after(room: Room, monkeypatch: pytest.MonkeyPatch) -> LevelsAfter:
    """Looks at the clocks some seconds after a moment; how many levels were reached."""

    async def looking(start: datetime, seconds: float) -> int:
        moment = start + timedelta(seconds=seconds)
        monkeypatch.setattr(escalation, "now", lambda: moment)
        return await room.service.escalate()

    return looking


async def test_a_waiting_customer_climbs_three_levels_once_each(
    room: Room, ears: Ears, levels_after: LevelsAfter
) -> None:
    calm, late = await room.waiting("technical"), await room.waiting()
    promised = late.opened_at + timedelta(seconds=120)
    async with room.database.transaction() as session:
        row = await session.get_one(Handoff, calm.id)
        row.opened_at += timedelta(hours=1)
        row.escalate_at = row.opened_at

    assert [await levels_after(promised, s) for s in (-1, 1, 2, 59, 61, 62, 121, 500)] == [
        0, 1, 0, 0, 1, 0, 1, 0,
    ]  # fmt: skip
    assert await ears.heard() == [("staff", "first_reply", level) for level in (1, 2, 3)]

    newcomer = await room.waiting()
    stored = await room.service.get(late.id)
    assert stored.priority == late.priority + 20
    assert stored.priority_reasons[-1] == "超时升级 +20"
    assert stored.ranked_at < late.ranked_at
    assert await room.service.line.first(["billing"]) == [late.id, newcomer.id]
    detail = await room.service.views.detail(late.id, member("supervisor01"))
    levels = [e["data"]["level"] for e in detail["events"] if e["kind"] == "escalate"]
    assert levels == [1, 2, 3]
    assert (await room.service.get(calm.id)).escalations == {}


async def test_the_owner_is_told_first(room: Room, ears: Ears) -> None:
    handoff = await room.active("agent01")
    await _age(room, handoff, opened_at=121)
    assert await room.service.escalate() == 1
    assert await ears.heard() == [("agent01", "first_reply", 1)]


async def test_an_answer_in_time_escalates_nothing(room: Room) -> None:
    handoff = await room.active("agent01")
    await room.service.message(handoff.id, member("agent01"), "您好")
    await _age(room, handoff, opened_at=600)
    assert await room.service.escalate() == 0


async def test_every_silence_is_a_promise_of_its_own(room: Room, ears: Ears) -> None:
    handoff, me = await room.active("agent01"), member("agent01")
    await room.service.message(handoff.id, me, "您好")
    for _ in range(2):
        (asked,) = await room.transcript.append(
            handoff.conversation_id, Draft("customer", "还在吗")
        )
        assert await room.service.escalate() == 0
        async with room.database.transaction() as session:
            row = await session.get_one(Message, asked.id)
            row.created_at = now() - timedelta(seconds=121)
        assert await room.service.escalate() == 1
        assert await room.service.escalate() == 0
        assert await ears.heard() == [("agent01", "next_reply", 1)]
        await room.service.message(handoff.id, me, "在的")


async def test_a_late_ticket_is_raised_and_customers_do_not_see_it(room: Room, ears: Ears) -> None:
    handoff = await room.active("agent01")
    ticket = await room.service.ticket_from(
        handoff.id, member("agent01"), "fault", "normal", "宽带断网", ""
    )
    assert await room.service.escalate() == 0
    async with room.database.transaction() as session:
        row = await session.get_one(Ticket, ticket.id)
        row.created_at = now() - timedelta(hours=48)
        row.first_reply_due = now() - timedelta(hours=24)
        row.escalate_at = now()
    assert await room.service.escalate() == 3
    assert await room.service.escalate() == 0
    assert await ears.heard() == [
        ("staff", "first_reply", 2),
        ("staff", "first_reply", 3),
        ("agent01", "first_reply", 1),
    ]
    stored = await room.service.tickets.get(ticket.id)
    assert stored.grade == "high"
    internal = [step["text"] for step in stored.history if step.get("staff")]
    assert internal == [
        "首次回复超时，提醒负责人",
        "首次回复超时，提醒主管",
        "首次回复超时，提高优先级",
    ]
    assert [step["text"] for step in card(stored)["steps"]] == ["故障报修已受理"]


async def test_two_processes_escalate_once(room: Room) -> None:
    late = await room.waiting()
    await _age(room, late, opened_at=121)
    results = await asyncio.gather(*(room.service.escalate() for _ in range(4)))
    assert sum(results) == 1


async def test_a_forgotten_summary_is_asked_for(
    room: Room, ears: Ears, levels_after: LevelsAfter
) -> None:
    handoff, me = await room.active("agent01"), member("agent01")
    await room.service.message(handoff.id, me, "您好")
    ended = (await room.service.finish(handoff.id, me)).ended_at
    assert ended is not None
    assert [await levels_after(ended, s) for s in (0, 599, 601, 602, 901, 902)] == [
        0,
        0,
        1,
        0,
        1,
        0,
    ]
    assert await ears.heard() == [("staff", "wrap_up", 2), ("agent01", "wrap_up", 1)]
    assert await levels_after(ended, 1201) == 1
    late = await room.service.get(handoff.id)
    assert "超时升级" not in str(late.priority_reasons)
    await room.service.close(handoff.id, member("supervisor01"), summary="客户已挂断，账单已解释")
    assert await levels_after(ended, 90_000) == 0


async def test_what_ended_is_left_in_peace(room: Room) -> None:
    handoff = await room.active("agent01")
    await room.service.close(handoff.id, member("agent01"))
    await _age(room, handoff, opened_at=100_000)
    assert await room.service.escalate() == 0


async def test_the_list_of_endangered_promises(room: Room, desk_of: Any) -> None:
    boss = await desk_of("supervisor01")
    assert (await boss.get("/sla")).json() == {"handoffs": [], "tickets": [], "breached": 0}
    soon, late, calm = [await room.waiting("complaints") for _ in range(3)]
    await _age(room, soon, opened_at=100)
    await _age(room, late, opened_at=500)
    served = await room.active("agent01", "technical")
    ticket = await room.service.ticket_from(
        served.id, member("agent01"), "fault", "normal", "宽带断网", "", "technical"
    )
    async with room.database.transaction() as session:
        row = await session.get_one(Ticket, ticket.id)
        row.resolve_due = row.first_reply_due = now() - timedelta(hours=1)
    seen = (await boss.get("/sla")).json()
    assert [row["handoff_id"] for row in seen["handoffs"]] == [late.id, soon.id]
    assert [row["sla"]["state"] for row in seen["handoffs"]] == ["breached", "soon"]
    assert [row["id"] for row in seen["tickets"]] == [ticket.id]
    assert seen["breached"] == 2
    assert calm.id not in str(seen)
    agent = await desk_of("agent04")
    mine = (await agent.get("/sla")).json()
    assert [row["handoff_id"] for row in mine["handoffs"]] == [late.id, soon.id]
    assert mine["tickets"] == []
