"""Full lines and closed hours: the customer chooses, or a call back is noted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import now
from core.errors import IllegalMove, NotFound
from core.settings import Settings
from handoff.callback import QueuePolicy
from handoff.hours import day_words
from handoff.states import State
from tests.handoff.conftest import Room, build_room, member


@pytest.mark.parametrize(
    ("policy", "position", "wait_s", "full"),
    [
        (QueuePolicy(), 10_000, 10_000, False),
        (QueuePolicy(most=5), 5, None, False),
        (QueuePolicy(most=5), 6, None, True),
        (QueuePolicy(longest_s=600), 1, 600, False),
        (QueuePolicy(longest_s=600), 1, 601, True),
        (QueuePolicy(longest_s=600), 99, None, False),
    ],
)
def test_when_a_line_is_full(
    policy: QueuePolicy, position: int, wait_s: int | None, full: bool
) -> None:
    assert policy.full(position, wait_s) is full


def _full(room: Room, settings: Settings, queue_full: str) -> Room:
    rules = settings.model_copy(update={"queue_max": 1, "queue_full": queue_full})
    return build_room(rules, room.database, room.redis, room.bus, room.directory)


@pytest.mark.integration
async def test_a_full_line_lets_the_customer_choose(room: Room, settings: Settings) -> None:
    full = _full(room, settings, "ask")
    await full.waiting()
    second = await full.waiting(phone="13800000001")
    assert second.state == State.WAITING
    said = (await full.transcript.messages(second.conversation_id))[-1]
    assert "实在抱歉" in said.text
    assert [button["title"] for button in said.buttons or []] == ["改为回电", "取消排队"]

    ended = await full.service.call_back(second.conversation_id)
    assert (ended.state, ended.disposition) == (State.CLOSED, "left_message")
    assert await full.owner(second) == "bot"
    assert await full.service.line.first(["billing"]) != [second.id]
    (ticket,) = await full.service.tickets.listed()
    line = (await full.lines(second))[-1]
    assert line.startswith("好的，已停止排队。")
    assert ticket.id in line
    assert day_words(ticket.first_reply_due) in line
    with pytest.raises(NotFound):
        await full.service.call_back(second.conversation_id)


@pytest.mark.integration
async def test_a_line_that_takes_nobody_in_notes_a_call_back(
    room: Room, settings: Settings
) -> None:
    full = _full(room, settings, "callback")
    await full.waiting()
    second = await full.waiting()
    assert (second.state, second.disposition) == (State.CLOSED, "left_message")
    line = (await full.lines(second))[-1]
    assert line.startswith("非常抱歉")
    assert "联系电话" in line  # Nobody knows it yet.
    assert await full.owner(second) == "bot"
    assert len(await full.service.tickets.listed()) == 1


@pytest.mark.integration
async def test_with_nobody_online_a_call_back_is_offered_too(room: Room) -> None:
    handoff = await room.waiting()
    said = (await room.transcript.messages(handoff.conversation_id))[-1]
    assert "改为回电" in said.text
    await room.service.presence.set_status("agent02", "online")
    other = await room.waiting("packages")
    said = (await room.transcript.messages(other.conversation_id))[-1]
    assert "改为回电" not in said.text


@pytest.mark.integration
async def test_who_is_served_is_not_called_back(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(IllegalMove):
        await room.service.call_back(handoff.conversation_id)
    assert await room.owner(handoff) == "human"


@pytest.mark.integration
async def test_closed_hours_say_when_people_answer_again(room: Room, settings: Settings) -> None:
    hour = (now().hour + 8) % 24
    closed = settings.model_copy(
        update={"service_hours": f"{(hour + 2) % 24:02d}:00-{(hour + 3) % 24:02d}:00"}
    )
    night = build_room(closed, room.database, room.redis, room.bus, room.directory)
    handoff = await night.waiting(phone="13800000001")
    line = (await night.lines(handoff))[-1]
    assert "下次服务时间" in line
    (ticket,) = await night.service.tickets.listed()
    # The promise runs in hours of service: one a day here.
    assert ticket.first_reply_due > now() + timedelta(days=22)
    detail = await night.service.views.detail(handoff.id, member("supervisor01"))
    assert detail["sla_left_s"] is None
