"""Promises as clocks: what runs, when it is due, how it stands."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.clock import LOCAL_ZONE, now
from core.transcript import Draft
from handoff.hours import ALWAYS, ServiceHours
from handoff.models import Handoff, Ticket
from handoff.sla import Clock, ServicePromise, shown, ticket_clocks, unanswered
from handoff.states import State
from handoff.tickets import due_times
from tests.handoff.conftest import Room, member

START = datetime(2026, 11, 23, 17, 59, tzinfo=LOCAL_ZONE)
PROMISE = ServicePromise(ALWAYS, 120, 60, 3600, 600)


def _handoff(state: State = State.WAITING, **fields: datetime | None) -> Handoff:
    known = {"opened_at": START, "waiting_since": START, "first_reply_at": None, "ended_at": None}
    return Handoff(state=state, **(known | fields))


@pytest.mark.parametrize(
    ("after_s", "state"), [(0, "ok"), (74, "ok"), (75, "soon"), (100, "soon"), (101, "breached")]
)
def test_a_running_clock_turns_soon_and_then_breached(after_s: int, state: str) -> None:
    clock = Clock("first_reply", START, START + timedelta(seconds=100))
    assert clock.state(START + timedelta(seconds=after_s)) == state


def test_a_stopped_clock_keeps_its_verdict() -> None:
    due, much_later = START + timedelta(seconds=100), START + timedelta(days=1)
    assert Clock("first_reply", START, due, due).state(much_later) == "ok"
    assert (
        Clock("first_reply", START, due, due + timedelta(seconds=1)).state(much_later) == "breached"
    )


def test_waiting_runs_first_reply_and_resolution() -> None:
    clocks = {clock.name: clock for clock in PROMISE.clocks(_handoff())}
    assert {name: clock.due_at - START for name, clock in clocks.items()} == {
        "first_reply": timedelta(seconds=120),
        "resolution": timedelta(seconds=3600),
    }


def test_unanswered_words_run_the_next_reply() -> None:
    asked = START + timedelta(minutes=5)
    served = _handoff(State.ACTIVE, first_reply_at=START + timedelta(seconds=30))
    names = [clock.name for clock in PROMISE.clocks(served)]
    assert names == ["first_reply", "resolution"]
    (clock,) = [c for c in PROMISE.clocks(served, asked) if c.name == "next_reply"]
    assert (clock.started_at, clock.due_at) == (asked, asked + timedelta(seconds=60))


def test_writing_up_has_a_clock_of_its_own() -> None:
    ended = START + timedelta(minutes=5)
    talked = {"first_reply_at": START, "ended_at": ended}
    running = [c for c in PROMISE.clocks(_handoff(State.WRAP_UP, **talked)) if not c.stopped_at]
    assert [(clock.name, clock.due_at - ended) for clock in running] == [
        ("wrap_up", timedelta(seconds=600))
    ]
    assert all(clock.stopped_at for clock in PROMISE.clocks(_handoff(State.CLOSED, **talked)))


def test_back_in_the_line_the_customer_waits_for_words_again() -> None:
    back = START + timedelta(minutes=5)
    lost = _handoff(State.WAITING, first_reply_at=START, waiting_since=back)
    (clock,) = [c for c in PROMISE.clocks(lost) if c.name == "next_reply"]
    assert clock.started_at == back


def test_clocks_rest_at_night() -> None:
    promise = ServicePromise(ServiceHours.parse("08:00-18:00"), 120, 60, 3600, 600)
    first, resolution = promise.clocks(_handoff())
    assert first.due_at == datetime(2026, 11, 24, 8, 1, tzinfo=LOCAL_ZONE)
    assert resolution.due_at == datetime(2026, 11, 24, 8, 59, tzinfo=LOCAL_ZONE)
    assert promise.first_look(START) == first.due_at


def test_what_desks_see() -> None:
    moment = START + timedelta(seconds=130)
    seen = shown(PROMISE.clocks(_handoff()), moment)
    assert (seen["sla"]["state"], seen["sla_left_s"]) == ("breached", -10)
    assert [clock["state"] for clock in seen["sla"]["clocks"]] == ["breached", "ok"]
    assert seen["sla"]["clocks"][0]["title"] == "首次回复"
    ended = _handoff(State.CLOSED, first_reply_at=START, ended_at=moment)
    assert shown(PROMISE.clocks(ended), moment)["sla_left_s"] is None


def test_tickets_count_hours_of_service_but_complaints_the_regulators_days() -> None:
    hours = ServiceHours.parse("08:00-18:00")
    first, resolve = due_times("fault", "normal", START, hours)
    assert first == datetime(2026, 11, 26, 11, 59, tzinfo=LOCAL_ZONE)
    assert resolve == datetime(2026, 11, 28, 15, 59, tzinfo=LOCAL_ZONE)
    _, complaint = due_times("complaint", "normal", START, hours)
    assert complaint == START + timedelta(days=15)


def test_a_resolved_ticket_stops_its_clocks() -> None:
    due = START + timedelta(hours=24)
    ticket = Ticket(
        state="resolved", created_at=START, first_reply_due=due, resolve_due=due, history=[],
        first_reply_at=None, resolved_at=START + timedelta(hours=1),
    )  # fmt: skip
    assert [clock.stopped_at for clock in ticket_clocks(ticket)] == [ticket.resolved_at] * 2


@pytest.mark.integration
async def test_unanswered_follows_the_order_of_messages_not_the_clock(room: Room) -> None:
    handoff = await room.active("agent01")
    conversation_id, me = handoff.conversation_id, member("agent01")

    async def since() -> datetime | None:
        async with room.database.reading() as session:
            return (await unanswered(session, [handoff])).get(conversation_id)

    assert await since() is None  # The clock of the first reply runs instead.
    await room.service.message(handoff.id, me, "您好")
    assert await since() is None
    await room.transcript.append(conversation_id, Draft("customer", "在吗"))
    asked = await since()
    assert asked is not None
    await room.transcript.append(conversation_id, Draft("customer", "喂"))
    await room.service.note(handoff.id, me, "客户着急")
    assert await since() == asked
    await room.service.message(handoff.id, me, "在的")
    assert await since() is None


@pytest.mark.integration
async def test_rows_and_tickets_show_their_clocks(room: Room) -> None:
    handoff = await room.active("agent01")
    (row,) = await room.service.views.rows(member("agent01"))
    assert row["sla"]["state"] == "ok"
    assert {clock["clock"] for clock in row["sla"]["clocks"]} == {"first_reply", "resolution"}
    assert 0 < row["sla_left_s"] <= 120
    assert (row["owner"], row["owner_name"], row["first_agent"]) == ("agent01", "林小雨", "agent01")
    await room.service.transfer(handoff.id, member("agent01"), skill_group="technical")
    (row,) = await room.service.views.rows(member("agent03"))
    assert (row["owner"], row["agent_id"]) == ("agent01", None)
    waiting = await room.waiting("technical")
    detail = await room.service.views.detail(waiting.id, member("agent03"))
    assert (detail["owner"], detail["owner_name"]) == (None, "网络与宽带组")
    assert now() >= waiting.opened_at
