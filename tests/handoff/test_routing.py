from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import now
from handoff import routing
from handoff.models import Handoff
from handoff.routing import Floor
from handoff.states import State
from tests.handoff.conftest import member


@pytest.mark.parametrize(
    ("tier", "grade", "elderly", "points", "reasons"),
    [
        ("normal", None, False, 0, []),
        ("diamond", None, False, 30, ["钻石卡客户 +30"]),
        ("gold", "high", False, 70, ["金卡客户 +20", "高级别投诉 +50"]),
        ("normal", "normal", True, 35, ["投诉 +20", "老年客户 +15"]),
        ("unheard-of", None, True, 15, ["老年客户 +15"]),
    ],
)
def test_priority_adds_up_and_says_why(
    tier: str, grade: str | None, elderly: bool, points: int, reasons: list[str]
) -> None:
    assert routing.priority(tier, grade, elderly) == (points, reasons)


@pytest.mark.parametrize(
    ("asked", "tier", "group"),
    [
        ("billing", "normal", "billing"),
        ("billing", "diamond", "vip"),
        ("technical", "diamond", "technical"),
        ("complaints", "diamond", "complaints"),
        ("no such group", "normal", "general"),
    ],
)
def test_the_group_follows_request_and_tier(asked: str, tier: str, group: str) -> None:
    assert routing.choose_group(asked, tier) == group


def _handoff(group: str, waited_s: float = 0, reserved_for: str | None = None) -> Handoff:
    return Handoff(
        state=State.WAITING,
        skill_group=group,
        reserved_for=reserved_for,
        waiting_since=now() - timedelta(seconds=waited_s),
    )


def test_own_group_may_always_take() -> None:
    floor = Floor(frozenset({"agent03"}), frozenset({"technical"}))
    assert routing.why_not(_handoff("technical"), member("agent03"), floor, now()) is None


def test_an_agent_without_the_skill_may_not() -> None:
    refusal = routing.why_not(_handoff("complaints"), member("agent02"), Floor(), now())
    assert refusal is not None
    assert "投诉处理" in refusal


def test_helpers_take_when_nobody_is_there_or_the_wait_grows() -> None:
    helper, moment = member("agent02"), now()
    busy = Floor(frozenset({"agent03"}), frozenset({"technical"}))
    assert routing.why_not(_handoff("technical"), helper, Floor(), moment) is None
    assert routing.why_not(_handoff("technical"), helper, busy, moment) is not None
    assert routing.why_not(_handoff("technical", waited_s=61), helper, busy, moment) is None


def test_a_named_colleague_goes_first_but_not_for_ever() -> None:
    floor = Floor(frozenset({"agent01"}), frozenset({"billing"}))
    other, moment = member("agent02"), now()
    assert routing.why_not(_handoff("billing", 0, "agent01"), other, floor, moment) is not None
    assert (
        routing.why_not(_handoff("billing", 0, "agent01"), member("agent01"), floor, moment) is None
    )
    assert routing.why_not(_handoff("billing", 121, "agent01"), other, floor, moment) is None
    assert routing.why_not(_handoff("billing", 0, "agent01"), other, Floor(), moment) is None


def test_supervisors_may_take_anything() -> None:
    floor = Floor(frozenset({"agent04"}), frozenset({"complaints"}))
    assert routing.why_not(_handoff("complaints"), member("supervisor01"), floor, now()) is None
