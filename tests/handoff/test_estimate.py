from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import now
from handoff.agents import AgentState
from handoff.estimate import PRIOR_HANDLING_S, WaitEstimator, room, wait_seconds
from handoff.states import State
from tests.handoff.conftest import Room, member


@pytest.mark.parametrize(
    ("position", "free", "slots", "expected"),
    [(1, 3, 3, 20), (3, 3, 3, 20), (4, 3, 3, 120), (6, 0, 3, 620), (1, 0, 0, None)],
)
def test_the_wait_follows_from_people_and_times(
    position: int, free: int, slots: int, expected: int | None
) -> None:
    assert wait_seconds(position, 300.0, free, slots) == expected


def _agent(name: str, groups: tuple[str, ...], load: int = 0, status: str = "online") -> AgentState:
    return AgentState(name, name, groups, 3, status, load, None)  # type: ignore[arg-type]


def test_helpers_count_only_when_the_group_has_nobody() -> None:
    billing = _agent("a", ("billing",), load=1)
    general = _agent("b", ("general",))
    away = _agent("c", ("billing",), status="busy")
    assert room("billing", [billing, general, away]) == (2, 3)
    assert room("billing", [general, away]) == (3, 3)
    assert room("technical", [billing]) == (0, 0)
    assert room("billing", [_agent("d", ("billing",), load=5)]) == (0, 3)


@pytest.mark.integration
async def test_measured_times_draw_the_prior(room: Room) -> None:
    for _ in range(10):
        handoff = await room.active("agent02")
        async with room.database.transaction() as session:
            row = await session.get_one(type(handoff), handoff.id)
            row.accepted_at = now() - timedelta(seconds=900)
        closed = await room.service.close(handoff.id, member("agent02"))
        assert closed.state == State.CLOSED
    estimator = WaitEstimator(room.database, room.service.presence)
    assert await estimator.handling_s("technical") == PRIOR_HANDLING_S
    assert await estimator.handling_s("billing") == pytest.approx(600, abs=2)
