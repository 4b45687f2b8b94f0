"""What agents do, and what they cannot do."""

from __future__ import annotations

import asyncio

import pytest

from core.clock import new_id
from core.errors import (
    AlreadyClaimed,
    Conflict,
    EmptyText,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    TextTooLong,
)
from core.transcript import Draft
from handoff.states import State
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration


async def test_two_agents_at_once_have_one_winner(room: Room) -> None:
    for _ in range(50):
        handoff = await room.waiting()
        results = await asyncio.gather(
            room.service.accept(handoff.id, member("agent01")),
            room.service.accept(handoff.id, member("agent02")),
            return_exceptions=True,
        )
        losers = [result for result in results if isinstance(result, AlreadyClaimed)]
        assert len(losers) == 1, results
        stored = await room.service.get(handoff.id)
        assert stored.state == State.ACTIVE
        assert stored.agent_id in ("agent01", "agent02")
        joined = [line for line in await room.lines(handoff) if "已为您接入" in line]
        assert len(joined) == 1
    assert await room.service.line.first(["billing"]) == []


async def test_accepting_ones_own_again_changes_nothing(room: Room) -> None:
    handoff = await room.active()
    again = await room.service.accept(handoff.id, member("agent01"))
    assert again.accepted_at == handoff.accepted_at
    assert sum("已为您接入" in line for line in await room.lines(handoff)) == 1


async def test_accepting_brings_an_offline_agent_online(room: Room) -> None:
    await room.active("agent02")
    assert await room.service.presence.status("agent02") == "online"


async def test_an_agent_without_the_skill_cannot_accept(room: Room) -> None:
    handoff = await room.waiting("complaints")
    with pytest.raises(NotAllowed, match="投诉处理"):
        await room.service.accept(handoff.id, member("agent02"))
    assert (await room.service.get(handoff.id)).state == State.WAITING
    assert await room.service.line.position(handoff) == 1


async def test_what_is_over_cannot_be_accepted(room: Room) -> None:
    handoff = await room.waiting()
    await room.service.abandon(handoff.conversation_id)
    with pytest.raises(IllegalMove, match="客户已放弃"):
        await room.service.accept(handoff.id, member("agent01"))


async def test_the_next_one_is_the_most_urgent_within_reach(room: Room) -> None:
    await room.waiting("billing")
    gold = await room.waiting("packages", profile={"tier": "gold"})
    complaint = await room.waiting("complaints", profile={"tier": "diamond"})
    taken = await room.service.accept_next(member("agent02"))
    assert taken is not None
    assert taken.id == gold.id
    assert (await room.service.get(complaint.id)).state == State.WAITING
    await room.service.accept_next(member("agent02"))
    assert await room.service.accept_next(member("agent02")) is None


async def test_talking_is_idempotent(room: Room) -> None:
    handoff = await room.active()
    key = new_id("w")
    said = await asyncio.gather(
        *(room.service.message(handoff.id, member("agent01"), "您好", key) for _ in range(5))
    )
    assert len({message.id for message in said}) == 1
    assert (await room.lines(handoff)).count("您好") == 1
    await room.service.close(handoff.id, member("agent01"))
    late = await room.service.message(handoff.id, member("agent01"), "您好", key)
    assert late.id == said[0].id
    stored = await room.service.get(handoff.id)
    assert stored.first_reply_at == said[0].created_at


async def test_a_customers_message_id_is_not_an_agents(room: Room) -> None:
    handoff = await room.active()
    await room.transcript.append(
        handoff.conversation_id, Draft("customer", "在吗", client_message_id="same")
    )
    with pytest.raises(Conflict):
        await room.service.message(handoff.id, member("agent01"), "在的", "same")


@pytest.mark.parametrize(
    ("text", "error"), [("", EmptyText), (" \n　", EmptyText), ("字" * 2001, TextTooLong)]
)
async def test_bad_messages(room: Room, text: str, error: type[Exception]) -> None:
    handoff = await room.active()
    before = await room.lines(handoff)
    with pytest.raises(error):
        await room.service.message(handoff.id, member("agent01"), text)
    assert await room.lines(handoff) == before


async def test_notes_stay_with_staff_and_have_a_limit(room: Room) -> None:
    handoff = await room.active()
    await room.service.note(handoff.id, member("agent01"), "客户情绪激动" + "字" * 3900)
    assert not any("情绪激动" in line for line in await room.lines(handoff))
    assert any("情绪激动" in line for line in await room.lines(handoff, "staff"))
    with pytest.raises(TextTooLong, match="4000"):
        await room.service.note(handoff.id, member("agent01"), "字" * 34_000)
    detail = await room.service.views.detail(handoff.id, member("agent01"))
    assert [event["kind"] for event in detail["events"]] == ["open", "accept", "note"]


async def test_another_agents_handoff_is_out_of_reach(room: Room) -> None:
    handoff, other = await room.active(), member("agent02")
    service = room.service
    attempts = [
        service.message(handoff.id, other, "你好"),
        service.note(handoff.id, other, "看看"),
        service.transfer(handoff.id, other, skill_group="general"),
        service.give_back(handoff.id, other),
        service.finish(handoff.id, other),
        service.close(handoff.id, other),
        service.agent_typing(handoff.id, other),
        service.views.detail(handoff.id, other),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            await attempt
    with pytest.raises(AlreadyClaimed):
        await service.accept(handoff.id, other)
    assert (await service.get(handoff.id)).agent_id == "agent01"
    assert await room.service.views.rows(other) == []


async def test_waiting_ones_must_be_accepted_first(room: Room) -> None:
    handoff = await room.waiting()
    with pytest.raises(NotAllowed, match="先接入"):
        await room.service.message(handoff.id, member("agent01"), "您好")
    with pytest.raises(IllegalMove):
        await room.service.close(handoff.id, member("supervisor01"))


async def test_closing_prefills_rates_and_returns_the_bot(room: Room) -> None:
    handoff = await room.active()
    closed = await room.service.close(handoff.id, member("agent01"), "resolved")
    assert closed.state == State.CLOSED
    assert closed.summary is not None
    assert "查话费为什么变多" in closed.summary
    assert closed.handling_s is not None
    assert await room.owner(handoff) == "bot"
    assert room.bot.returned == [handoff.conversation_id]
    last = (await room.transcript.messages(handoff.conversation_id, audience="all"))[-1]
    assert last.card == {"type": "rating", "handoff_id": handoff.id}
    with pytest.raises(IllegalMove, match="已结束"):
        await room.service.close(handoff.id, member("agent01"))
    assert room.bot.returned == [handoff.conversation_id]


async def test_finish_then_write_up(room: Room) -> None:
    handoff = await room.active()
    finished = await room.service.finish(handoff.id, member("agent01"))
    assert finished.state == State.WRAP_UP
    assert await room.owner(handoff) == "bot"
    with pytest.raises(IllegalMove, match="已经结束"):
        await room.service.message(handoff.id, member("agent01"), "还有一句")
    closed = await room.service.close(handoff.id, member("agent01"), "已解决", "已退费20元")
    assert (closed.disposition, closed.summary) == ("已解决", "已退费20元")
    assert room.bot.returned == [handoff.conversation_id]


@pytest.mark.parametrize("disposition", ["", "  ", "字" * 41])
async def test_a_close_needs_an_outcome(room: Room, disposition: str) -> None:
    handoff = await room.active()
    with pytest.raises(InvalidInput):
        await room.service.close(handoff.id, member("agent01"), disposition)
    assert (await room.service.get(handoff.id)).state == State.ACTIVE


async def test_giving_back_to_the_bot(room: Room) -> None:
    handoff = await room.active()
    back = await room.service.give_back(handoff.id, member("agent01"), "只是查余额")
    assert back.state == State.RETURNED
    assert await room.owner(handoff) == "bot"
    assert room.bot.returned == [handoff.conversation_id]
    with pytest.raises(IllegalMove):
        await room.service.give_back(handoff.id, member("agent01"))


async def test_a_bot_that_cannot_be_reset_changes_nothing(room: Room) -> None:
    handoff = await room.active()
    room.bot.down = True
    closed = await room.service.close(handoff.id, member("agent01"))
    assert closed.state == State.CLOSED
    assert await room.owner(handoff) == "bot"


async def test_supervisors_may_step_in_but_speak_only_after_taking_over(room: Room) -> None:
    handoff, boss = await room.active(), member("supervisor01")
    await room.service.note(handoff.id, boss, "注意态度")
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, boss, "我是主管")
    closed = await room.service.close(handoff.id, boss)
    assert closed.agent_id == "agent01"


async def test_unknown_handoff(room: Room) -> None:
    with pytest.raises(NotFound):
        await room.service.accept("h_nothing", member("agent01"))
    with pytest.raises(NotFound):
        await room.service.message("h_nothing", member("agent01"), "您好")


async def test_ratings_are_given_once(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(Conflict, match="没有可以评价"):
        await room.service.rate(handoff.conversation_id, 5)
    await room.service.close(handoff.id, member("agent01"))
    for score in (0, 6, -1, True, 3.5):
        with pytest.raises(InvalidInput):
            await room.service.rate(handoff.conversation_id, score)  # type: ignore[arg-type]
    rating = await room.service.rate(handoff.conversation_id, 2, " 等太久 ")
    assert (rating.handoff_id, rating.agent_id, rating.comment) == (handoff.id, "agent01", "等太久")
    assert "抱歉" in (await room.lines(handoff))[-1]
    with pytest.raises(Conflict, match="已经评价"):
        await room.service.rate(handoff.conversation_id, 5)
    detail = await room.service.views.detail(handoff.id, member("agent01"))
    assert detail["rating"] == {"score": 2, "comment": "等太久"}
