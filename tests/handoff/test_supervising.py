"""Whisper, take-over, and the log of who saw a number."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from core.errors import Conflict, IllegalMove, InvalidInput, NotAllowed, NotFound
from core.redis_keys import agent_channel
from handoff.models import NumberReveal
from handoff.states import State
from tests.handoff.conftest import ZHANG, Room, member

pytestmark = pytest.mark.integration
AGENT, BOSS = member("agent01"), member("supervisor01")


async def test_a_whisper_reaches_the_agent_and_never_the_customer(room: Room) -> None:
    handoff = await room.active()
    before = await room.lines(handoff)
    async with room.bus.listen(agent_channel("agent01")) as events:
        await asyncio.sleep(0.05)
        first = await room.service.supervising.whisper(handoff.id, BOSS, "先道歉", "k1")
        again = await room.service.supervising.whisper(handoff.id, BOSS, "先道歉", "k1")
        event = await asyncio.wait_for(events.get(), 2)
        await asyncio.sleep(0.05)
        assert events.empty()
    assert again.id == first.id
    assert (event["type"], event["by_name"], event["text"]) == ("whisper", "吴主管", "先道歉")
    assert await room.lines(handoff) == before
    (line,) = [m for m in await room.transcript.messages(handoff.conversation_id) if m.card]
    assert (line.audience, line.card, line.agent_name) == (
        "staff", {"type": "whisper", "to": "agent01"}, "吴主管",
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        await room.service.supervising.whisper(handoff.id, member("agent02"), "我也想说")
    with pytest.raises(Conflict):
        await room.service.note(handoff.id, AGENT, "同一个编号", "k1")


async def test_nobody_to_whisper_to(room: Room) -> None:
    handoff = await room.waiting()
    with pytest.raises(IllegalMove):
        await room.service.supervising.whisper(handoff.id, BOSS, "有人吗")


async def test_taking_over(room: Room) -> None:
    handoff = await room.active()
    await room.service.conference.join(handoff.id, BOSS)
    taken = await room.service.supervising.take_over(handoff.id, BOSS, "客户要升级投诉")
    again = await room.service.supervising.take_over(handoff.id, BOSS)
    assert (taken.agent_id, taken.state, again.id) == ("supervisor01", State.ACTIVE, handoff.id)
    said = await room.lines(handoff)
    assert said[-1] == "吴主管已接手您的问题，之前的沟通都看到了，您不用重复说明。"
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, AGENT, "我还在")
    await room.service.message(handoff.id, BOSS, "您好，我来处理")
    detail = await room.service.views.detail(handoff.id, BOSS)
    assert (detail["agent_name"], detail["mine"], detail["guests"]) == ("吴主管", True, [])
    assert detail["events"][-1]["data"]["from_agent"] == "agent01"
    shown = await room.service.shown_to_customer(handoff.conversation_id)
    assert shown["agent_name"] == "吴主管"
    closed = await room.service.close(handoff.id, BOSS)
    assert closed.state == State.CLOSED


async def test_taking_over_what_waits_or_is_over(room: Room) -> None:
    waiting = await room.waiting("complaints")
    taken = await room.service.supervising.take_over(waiting.id, BOSS)
    assert (taken.state, taken.agent_id) == (State.ACTIVE, "supervisor01")
    await room.service.close(waiting.id, BOSS)
    with pytest.raises(IllegalMove):
        await room.service.supervising.take_over(waiting.id, BOSS)
    with pytest.raises(NotAllowed):
        await room.service.supervising.take_over(waiting.id, AGENT)
    with pytest.raises(NotFound):
        await room.service.supervising.take_over("h_nothing", BOSS)


async def test_two_supervisors_at_once_are_one_owner(room: Room) -> None:
    await room.directory.create("supervisor02", "correct-horse-7", "李红", ["supervisor"], [])
    handoff = await room.active()
    other = room.directory.read_token(
        (await room.directory.login("supervisor02", "correct-horse-7"))[0]
    )
    await asyncio.gather(
        *(room.service.supervising.take_over(handoff.id, boss) for boss in (BOSS, other))
    )
    stored = await room.service.get(handoff.id)
    assert stored.state == State.ACTIVE
    last = (await room.lines(handoff))[-1]
    assert ("吴主管" if stored.agent_id == "supervisor01" else "主管李红") in last


async def count(room: Room) -> int:
    async with room.database.reading() as session:
        return int((await session.execute(select(func.count(NumberReveal.id)))).scalar_one())


async def test_the_whole_number_costs_a_row_each_time(room: Room) -> None:
    handoff = await room.waiting(customer_id="1", phone="13800000001", profile=ZHANG)
    reveal = room.service.supervising.reveal
    with pytest.raises(NotAllowed):
        await reveal(handoff.id, AGENT, "想看看")
    await room.service.accept(handoff.id, AGENT)
    for reason in ("", "  ", "x", "字" * 201):
        with pytest.raises(InvalidInput):
            await reveal(handoff.id, AGENT, reason)
    assert await count(room) == 0
    for _ in range(2):
        seen = await reveal(handoff.id, AGENT, "回拨核实\n地址")
        assert seen["phone"] == "13800000001"
        assert 0 < seen["seconds"] <= 60
    with pytest.raises(NotAllowed):
        await reveal(handoff.id, member("agent02"), "好奇看看")
    await room.service.close(handoff.id, AGENT)
    with pytest.raises(NotAllowed):
        await reveal(handoff.id, AGENT, "事后再看")
    await reveal(handoff.id, BOSS, "投诉复核")
    rows = await room.service.supervising.reveals(BOSS)
    assert [(row.staff_id, row.reason, row.masked_phone) for row in rows] == [
        ("supervisor01", "投诉复核", "138****0001"),
        ("agent01", "回拨核实 地址", "138****0001"),
        ("agent01", "回拨核实 地址", "138****0001"),
    ]
    assert len(await room.service.supervising.reveals(BOSS, before=rows[0].id, limit=1)) == 1
    with pytest.raises(NotAllowed):
        await room.service.supervising.reveals(AGENT)


async def test_no_number_to_reveal(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(NotFound, match="没有留下"):
        await room.service.supervising.reveal(handoff.id, AGENT, "回拨核实")
    assert await count(room) == 0
