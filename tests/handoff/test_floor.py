"""The supervisors' floor: whole first, then what changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from core.clock import now
from handoff.floor import FloorChanges, Snapshot
from handoff.models import Ticket
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration


async def read(room: Room) -> Snapshot:
    async with room.service.floor.snapshots() as snapshots:
        return await asyncio.wait_for(snapshots.get(), 5)


async def test_what_supervisors_need(room: Room) -> None:
    await room.service.presence.set_status("agent02", "online")
    served = await room.active("agent01")
    waiting = await room.waiting("technical")
    await room.service.tickets.create(
        kind="complaint", title="乱扣费 13800000001", text="", skill_group="billing",
        conversation=await room.conversation(), grade="high", handoff_id=None, owner="agent02",
    )  # fmt: skip
    async with room.database.transaction() as session:
        await session.execute(update(Ticket).values(first_reply_due=now() - timedelta(hours=1)))
    room.service.presence._recent = None
    snapshot = await read(room)
    assert set(snapshot["rows"]) == {served.id, waiting.id}
    agents = {agent["id"]: agent for agent in snapshot["agents"]}
    assert (agents["agent01"]["load"], agents["agent02"]["status"]) == (1, "online")
    groups = {group["id"]: group for group in snapshot["groups"]}
    assert (groups["technical"]["waiting"], groups["billing"]["active"]) == (1, 1)
    assert groups["technical"]["oldest_since"] == waiting.waiting_since.isoformat()
    (late,) = snapshot["tickets"]
    assert (late["late"], late["owner_name"], late["title"]) == (
        "first_reply", "周明", "乱扣费 138****0001",
    )  # fmt: skip


async def test_moves_arrive_at_once_and_only_changes_are_sent(room: Room) -> None:
    served = await room.active("agent01")
    changes = FloorChanges("supervisor01")
    async with room.service.floor.snapshots() as snapshots:
        whole = changes.since_last(await asyncio.wait_for(snapshots.get(), 5))
        assert whole is not None
        assert whole["whole"] is True
        assert [row["handoff_id"] for row in whole["rows"]] == [served.id]
        waiting = await room.waiting("billing")
        snapshot = await asyncio.wait_for(snapshots.get(), 2)
        news = changes.since_last(snapshot)
        assert news is not None
        assert [row["handoff_id"] for row in news["rows"]] == [waiting.id]
        assert news["whole"] is False
        assert changes.since_last(snapshot) is None
        await room.service.supervising.take_over(waiting.id, member("supervisor01"))
        news = changes.since_last(await asyncio.wait_for(snapshots.get(), 2))
        assert news is not None
        (row,) = news["rows"]
        assert (row["mine"], row["role"], row["state"]) == (True, "owner", "active")
        await room.service.close(waiting.id, member("supervisor01"))
        news = changes.since_last(await asyncio.wait_for(snapshots.get(), 2))
        assert news is not None
        assert news["gone"] == [waiting.id]


async def test_the_reading_ends_with_the_last_looker(room: Room) -> None:
    floor = room.service.floor
    async with floor.snapshots() as first:
        await asyncio.wait_for(first.get(), 5)
        async with floor.snapshots() as second:
            assert await asyncio.wait_for(second.get(), 1)
        assert floor._task is not None
    assert floor._task is None
