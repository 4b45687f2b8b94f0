"""Which group, how urgent, and who may take it. Pure rules; the data comes from the callers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from core.staff import Staff
from handoff.models import Handoff
from handoff.states import State

GROUP_WORDS: dict[str, str] = {
    "billing": "话费账务",
    "packages": "套餐业务",
    "technical": "网络与宽带",
    "complaints": "投诉处理",
    "retention": "携转与销户",
    "vip": "贵宾",
    "general": "综合",
}
SKILL_GROUPS = tuple(GROUP_WORDS)

FALLBACK: dict[str, tuple[str, ...]] = {
    "billing": ("packages", "general"),
    "packages": ("billing", "general"),
    "technical": ("general",),
    "complaints": ("vip",),
    "retention": ("packages", "complaints"),
    "vip": ("billing", "packages", "general"),
    "general": ("billing", "packages"),
}
"""Who helps out, when nobody of the group is online or the wait grows long."""

OVERFLOW_AFTER_S = 60.0
RESERVED_S = 120.0
"""How long a transfer to a named colleague waits for exactly this one."""
SKEW_S = 60.0
"""So much the clocks of several machines may differ."""
LAST_AGENT_H = 24.0
"""A customer who comes back within this is best served by the same person."""

TIER_WORDS = {"diamond": "钻石卡", "gold": "金卡", "silver": "银卡", "normal": "普通"}
TRIGGER_WORDS = {
    "asked": "客户要求人工",
    "misses": "机器人连续未能解答",
    "sentiment": "客户情绪强烈不满",
    "complaint": "投诉",
    "job": "业务需要人工办理",
    "retention": "客户有离网意向",
    "outage": "业务系统暂时无法使用",
}
_TIER_POINTS = {"diamond": 30, "gold": 20, "silver": 10}
_COMPLAINT_POINTS = {"high": 50, "normal": 20}
_ELDERLY_POINTS = 15
# Groups whose work any agent for important customers can do; the others need their own skill.
_VIP_SERVES = frozenset({"billing", "packages", "general"})


def choose_group(asked: str, tier: str) -> str:
    """The queue for a request: diamond customers have their own for everyday matters."""
    group = asked if asked in GROUP_WORDS else "general"
    return "vip" if tier == "diamond" and group in _VIP_SERVES else group


def priority(tier: str, complaint_grade: str | None, elderly: bool) -> tuple[int, list[str]]:
    """Points (0 = normal) and how they came about, in Chinese."""
    parts: list[tuple[int, str]] = []
    if tier in _TIER_POINTS:
        parts.append((_TIER_POINTS[tier], f"{TIER_WORDS[tier]}客户"))
    if complaint_grade in _COMPLAINT_POINTS:
        words = "高级别投诉" if complaint_grade == "high" else "投诉"
        parts.append((_COMPLAINT_POINTS[complaint_grade], words))
    if elderly:
        parts.append((_ELDERLY_POINTS, "老年客户"))
    return sum(points for points, _ in parts), [f"{words} +{points}" for points, words in parts]


def groups_within_reach(groups: Iterable[str]) -> set[str]:
    """Groups whose handoffs an agent of ``groups`` may take, at least as a helper."""
    own = set(groups)
    return {group for group in SKILL_GROUPS if group in own or own & set(FALLBACK[group])}


@dataclass(frozen=True)
class Floor:
    """Who is there right now."""

    online: frozenset[str] = frozenset()
    """Ids of agents whose status is online."""
    covered: frozenset[str] = field(default=frozenset())
    """Skill groups with at least one agent online."""
    overflow_s: float = OVERFLOW_AFTER_S
    """The wait after which other groups help out."""
    strict: bool = False
    """Only who is offered a customer may accept them, while the offer stands."""


def why_not(handoff: Handoff, staff: Staff, floor: Floor, moment: datetime) -> str | None:
    """Why ``staff`` may not take a waiting handoff, in Chinese; None when they may."""
    if "supervisor" in staff.roles:
        return None
    if handoff.desk != desk_of(staff):
        return "这个会话由其他客服系统接待，您不用接入。"
    if handoff.desk != "own":
        return None  # How its people share the work is that desk's business.
    if staff.id in (handoff.reserved_for, _offered_to(handoff)):
        return None
    if floor.strict and handoff.state == State.OFFERED:
        return "这个会话已派给其他同事，请等他应答；没有应答会重新分派。"
    waited = (moment - handoff.waiting_since).total_seconds()
    if waited < -SKEW_S:
        waited = math.inf  # A clock set back makes a wait unknown; that counts as a long one.
    if handoff.reserved_for and waited < RESERVED_S and handoff.reserved_for in floor.online:
        return "这个会话已转给指定的同事，请先由他接入。"
    if handoff.skill_group in staff.skill_groups:
        return None
    return _no_skill(handoff, staff, floor, waited)


def desk_of(staff: Staff) -> str:
    """Whose people this is: ours, or the outside desk that their id begins with."""
    return staff.id.split(":", 1)[0] if "integration" in staff.roles else "own"


def _offered_to(handoff: Handoff) -> str | None:
    return handoff.agent_id if handoff.state == State.OFFERED else None


def _no_skill(handoff: Handoff, staff: Staff, floor: Floor, waited: float) -> str | None:
    words = GROUP_WORDS[handoff.skill_group]
    if not set(FALLBACK[handoff.skill_group]) & set(staff.skill_groups):
        return f"这个会话需要“{words}”技能，您不在该技能组，不能接入。"
    if handoff.skill_group in floor.covered and waited < floor.overflow_s:
        return f"这个会话先由“{words}”组接入，等候较长时您可以协助。"
    return None
