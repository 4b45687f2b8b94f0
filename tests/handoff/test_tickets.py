from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from handoff.tickets import card, due_times, shown
from tests.handoff.conftest import Room, member

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_clocks() -> None:
    assert due_times("complaint", "normal", NOW) == (
        NOW + timedelta(hours=24),
        NOW + timedelta(days=15),
    )
    assert due_times("complaint", "high", NOW) == (
        NOW + timedelta(hours=4),
        NOW + timedelta(days=5),
    )
    first, resolve = due_times("callback", "high", NOW)
    assert first <= resolve


@pytest.mark.integration
async def test_a_ticket_from_the_chat_to_the_end(room: Room) -> None:
    handoff = await room.active("agent01")
    ticket = await room.service.ticket_from(
        handoff.id, member("agent01"), "complaint", "high", "投诉乱扣费13800000001", "请核实"
    )
    assert (ticket.owner, ticket.state, ticket.handoff_id) == ("agent01", "open", handoff.id)
    assert len(ticket.id) == 12
    assert ticket.id.isdigit()
    assert "138****0001" in shown(ticket)["title"]
    assert shown(ticket)["overdue"] is False
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert context["open_tickets"][0]["id"] == ticket.id

    book = room.service.tickets
    await book.advance(ticket.id, "processing", "agent01", "已联系客户", reply=True)
    done = await book.advance(ticket.id, "resolved", "agent01", "已退费")
    assert done.first_reply_at is not None
    assert done.resolved_at is not None
    await book.advance(ticket.id, "closed", "agent01", "客户确认")
    with pytest.raises(IllegalMove, match="已关闭"):
        await book.advance(ticket.id, "processing", "agent01", "又来")
    stored = await book.get(ticket.id)
    assert [step["state"] for step in stored.history] == [
        "open",
        "processing",
        "resolved",
        "closed",
    ]
    assert [step["text"] for step in card(stored)["steps"]][-1] == "客户确认"


@pytest.mark.integration
async def test_a_ticket_for_another_group_has_no_owner_yet(room: Room) -> None:
    handoff = await room.active("agent02")
    ticket = await room.service.ticket_from(
        handoff.id, member("agent02"), "fault", "normal", "宽带故障", "", "technical"
    )
    assert ticket.owner is None
    book = room.service.tickets
    assert [t.id for t in await book.listed(groups=["technical"], owner="agent03")] == [ticket.id]
    assert await book.listed(groups=["billing"], owner="agent02") == []
    await book.check_sight(ticket.id, member("agent03"))
    with pytest.raises(NotAllowed):
        await book.check_sight(ticket.id, member("agent02"))


@pytest.mark.integration
async def test_bad_tickets(room: Room) -> None:
    handoff = await room.active("agent01")
    me, service = member("agent01"), room.service
    for title, text, group in (("", "x", None), ("题" * 101, "", None), ("题", "文" * 2001, None),
                               ("题", "", "dreams")):  # fmt: skip
        with pytest.raises(InvalidInput):
            await service.ticket_from(handoff.id, me, "other", "normal", title, text, group)
    assert await service.tickets.listed() == []
    with pytest.raises(NotFound):
        await service.tickets.advance("000000000000", "closed", "agent01", "")
