"""Usage is counted from events, by day, in a window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import LOCAL_ZONE
from core.database import Database
from core.errors import Conflict, NotFound
from knowledge_base import usage
from knowledge_base.usage import DAYS, FirstHit, Usage, UsageLog


@pytest.fixture
def log(database: Database) -> UsageLog:
    return UsageLog(database)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    held = [datetime(2026, 6, 15, 15, 59, tzinfo=UTC)]
    monkeypatch.setattr(usage, "now", lambda: held[0])
    monkeypatch.setattr(usage, "local_now", lambda: held[0].astimezone(LOCAL_ZONE))
    return held


async def test_events_fall_on_local_days(log: UsageLog, clock: list[datetime]) -> None:
    await log.record("c", 1, "问", [FirstHit("a", message_id="m1")])
    clock[0] += timedelta(minutes=2)
    await log.record("c", 3, "问", [FirstHit("a", message_id="m2"), FirstHit("b")])
    await log.react("c", "m2", True)
    found = await log.by_day("a")
    assert len(found.days) == DAYS
    assert [(d["day"], d["answered"], d["helpful"]) for d in found.days[-2:]] == [
        ("2026-06-15", 1, 0), ("2026-06-16", 1, 1),
    ]  # fmt: skip
    assert (found.asked, found.answered, found.helpful) == (2, 2, 1)
    assert await log.of(["b", "nobody"]) == {"b": Usage(asked=1), "nobody": Usage()}


async def test_old_events_leave_the_window(log: UsageLog, clock: list[datetime]) -> None:
    await log.record("c", 1, "问", [FirstHit("a", message_id="m1")])
    clock[0] += timedelta(days=DAYS)
    assert (await log.of(["a"]))["a"].asked == 0
    assert (await log.by_day("a")).asked == 0


async def test_a_handoff_long_after_blames_nobody(log: UsageLog, clock: list[datetime]) -> None:
    await log.record("c", 1, "问", [FirstHit("a", message_id="m1")])
    await log.record("other", 1, "问", [FirstHit("a", message_id="m2")])
    clock[0] += timedelta(minutes=31)
    await log.handed_over("c")
    assert (await log.of(["a"]))["a"].handoffs == 0
    await log.record("c", 9, "问", [FirstHit("a", message_id="m3")])
    await log.handed_over("c")
    await log.handed_over("c")
    assert (await log.of(["a"]))["a"].handoffs == 1


async def test_reactions_are_checked(log: UsageLog) -> None:
    await log.record("c", 1, "问", [FirstHit("a", message_id="m1")])
    with pytest.raises(NotFound):
        await log.react("other", "m1", True)
    assert (await log.react("c", "m1", True)).helpful is True
    assert (await log.react("c", "m1", True)).helpful is True
    with pytest.raises(Conflict):
        await log.react("c", "m1", False)
