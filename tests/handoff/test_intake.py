"""How handoffs begin, and how they end when nobody serves."""

from __future__ import annotations

import asyncio

import pytest

from core.clock import now
from core.errors import IllegalMove, NotFound
from core.events import HANDOFF, QUEUE_POSITION, STATE
from core.redis_keys import STAFF_CHANNEL, conversation_channel
from core.settings import Settings
from core.transcript import Draft
from handoff.context import HandoffRequest
from handoff.states import State
from tests.handoff.conftest import ZHANG, Room, build_room, member

pytestmark = pytest.mark.integration


async def test_opening_puts_the_customer_in_the_line(room: Room) -> None:
    await room.service.presence.set_status("agent01", "online")
    conversation = await room.conversation(
        "上个月话费怎么多了", "转人工", customer_id="1", profile=ZHANG
    )
    channel = conversation_channel(conversation.id)
    async with room.bus.listen(channel, STAFF_CHANNEL) as events:
        await asyncio.sleep(0.1)
        handoff = await room.service.open(
            conversation.id, HandoffRequest(skill_group="billing", request="查账单变动")
        )
        kinds = [(await asyncio.wait_for(events.get(), 2))["type"] for _ in range(4)]
    assert handoff.state == State.WAITING
    assert handoff.priority == 20
    assert handoff.priority_reasons == ["金卡客户 +20"]
    assert await room.owner(handoff) == "waiting"
    said = (await room.lines(handoff))[-1]
    assert "话费账务" in said
    assert "第1位" in said
    assert "1分钟以内" in said
    assert {STATE, QUEUE_POSITION, HANDOFF} <= set(kinds)


async def test_opening_twice_is_opening_once(room: Room) -> None:
    conversation = await room.conversation("转人工")
    opened = await asyncio.gather(
        *(room.service.open(conversation.id, HandoffRequest()) for _ in range(8))
    )
    assert len({handoff.id for handoff in opened}) == 1
    lines = await room.lines(opened[0])
    assert len(lines) == 2


async def test_without_a_request_line_the_last_words_stand(room: Room) -> None:
    conversation = await room.conversation("宽带断了", "  快来   修 " + "啊" * 500)
    handoff = await room.service.open(conversation.id, HandoffRequest(trigger="outage"))
    assert handoff.request.startswith("快来 修 啊")
    assert len(handoff.request) == 200


async def test_unknown_conversation(room: Room) -> None:
    with pytest.raises(NotFound):
        await room.service.open("c_nobody", HandoffRequest())


async def test_places_follow_priority_then_arrival(room: Room) -> None:
    first = await room.waiting()
    second = await room.waiting()
    gold = await room.waiting(profile=ZHANG)
    lines = [(await room.lines(handoff))[-1] for handoff in (first, second, gold)]
    assert [f"第{n}位" in line for n, line in zip((1, 2, 1), lines, strict=True)] == [True] * 3
    assert [await room.service.line.position(h) for h in (gold, first, second)] == [1, 2, 3]


async def test_a_cancelled_wait_gives_the_bot_back(room: Room) -> None:
    handoff = await room.waiting()
    ended = await room.service.abandon(handoff.conversation_id)
    assert ended.state == State.ABANDONED
    assert await room.owner(handoff) == "bot"
    assert room.bot.returned == [handoff.conversation_id]
    assert await room.service.line.first(["billing"]) == []
    with pytest.raises(NotFound):
        await room.service.abandon(handoff.conversation_id)


async def test_who_is_served_cannot_cancel_the_wait(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(IllegalMove):
        await room.service.abandon(handoff.conversation_id)
    assert await room.owner(handoff) == "human"


async def test_after_the_end_a_new_handoff_may_open(room: Room) -> None:
    first = await room.active()
    await room.service.close(first.id, member("agent01"))
    second = await room.service.open(first.conversation_id, HandoffRequest())
    assert second.id != first.id
    assert second.preferred_agent == "agent01"


async def test_facts_arrive_in_the_background_and_are_asked_again(room: Room) -> None:
    room.operator.down = True
    handoff = await room.waiting(customer_id="1", phone="13800000001", assurance=2)
    await room.service.settle()
    assert (await room.service.get(handoff.id)).context["customer"]["facts_at"] is None
    room.operator.down = False
    room.service.ask_facts(handoff)
    await room.service.settle()
    customer = (await room.service.get(handoff.id)).context["customer"]
    assert customer["plan"] == "5G畅享129元"
    assert customer["verification"] == "verified"
    assert customer["masked_phone"] == "138****0001"


async def test_guests_are_not_asked_about(room: Room) -> None:
    await room.waiting()
    await room.service.settle()
    assert room.operator.asked == 0


async def test_outside_hours_a_message_is_left(room: Room, settings: Settings) -> None:
    hour = (now().hour + 8) % 24
    closed = settings.model_copy(
        update={"service_hours": f"{(hour + 2) % 24:02d}:00-{(hour + 3) % 24:02d}:00"}
    )
    night = build_room(closed, room.database, room.redis, room.bus, room.directory)
    handoff = await night.waiting("complaints", phone="13800000001")
    assert handoff.state == State.CLOSED
    assert handoff.disposition == "left_message"
    assert await night.owner(handoff) == "bot"
    tickets = await night.service.tickets.listed()
    assert [ticket.kind for ticket in tickets] == ["callback"]
    assert tickets[0].handoff_id == handoff.id
    assert tickets[0].skill_group == "complaints"
    assert tickets[0].id in (await night.lines(handoff))[-1]
    again = await night.service.open(handoff.conversation_id, HandoffRequest())
    assert again.state == State.CLOSED
    assert len(await night.service.tickets.listed()) == 1
    assert "已经登记过" in (await night.lines(handoff))[-1]
    await night.service.settle()


async def test_words_while_waiting_reach_the_transcript_only(room: Room) -> None:
    handoff = await room.waiting()
    await room.transcript.append(handoff.conversation_id, Draft("customer", "补充：是10月的账单"))
    detail = await room.service.views.detail(handoff.id, member("agent01"))
    assert detail["context"]["transcript"][-1]["text"] == "补充：是10月的账单"
    assert detail["last_message"]["text"] == "补充：是10月的账单"
