"""An honest wait: from measured handling times and the people who are online."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from core.clock import now
from core.database import Database
from handoff.agents import AgentState, Presence
from handoff.models import Handoff
from handoff.routing import FALLBACK

PRIOR_HANDLING_S = 300.0
"""A telecom chat takes about five minutes; it counts like this many measured ones."""
PRIOR_WEIGHT = 10
PICKUP_S = 20.0
"""From "your turn" to the agent's first look."""
_WINDOW = timedelta(days=7)
_CACHE_S = 60.0


def wait_seconds(position: int, handling_s: float, free: int, slots: int) -> int | None:
    """Seconds until the one at ``position`` is served.

    Args:
        position: place in the line, from 1.
        handling_s: mean time an agent spends on one conversation.
        free: conversations that agents online could take at once.
        slots: conversations they can serve at the same time in all; 0 = nobody is online.

    Returns:
        None when nobody is online: any number would be invented.
    """
    if slots <= 0:
        return None
    behind = max(0, position - free)
    # Customers leave one by one, on average one every handling_s / slots.
    return round(PICKUP_S + behind * handling_s / slots)


@dataclass(frozen=True)
class Outlook:
    """What the wait of one group depends on, at one moment."""

    handling_s: float
    free: int
    slots: int

    def wait_s(self, position: int) -> int | None:
        """Seconds for a place in the line; see ``wait_seconds``."""
        return wait_seconds(position, self.handling_s, self.free, self.slots)


class WaitEstimator:
    """Estimates per skill group; measured means are kept for a minute."""

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database = database
        self._presence = presence
        self._means: dict[str, tuple[float, float]] = {}

    async def outlook(self, group: str) -> Outlook:
        """How it stands with a group now."""
        free, slots = room(group, await self._presence.everyone())
        return Outlook(await self.handling_s(group), free, slots)

    async def handling_s(self, group: str) -> float:
        """Mean handling time of the last seven days, drawn towards the prior while data are few."""
        known = self._means.get(group)
        if known and time.monotonic() - known[0] < _CACHE_S:
            return known[1]
        query = select(func.count(), func.sum(Handoff.handling_s)).where(
            Handoff.skill_group == group,
            Handoff.ended_at > now() - _WINDOW,
            Handoff.handling_s.is_not(None),
        )
        async with self._database.reading() as session:
            count, total = (await session.execute(query)).one()
        prior = PRIOR_HANDLING_S * PRIOR_WEIGHT
        mean = (prior + float(total or 0)) / (PRIOR_WEIGHT + int(count))
        self._means[group] = (time.monotonic(), mean)
        return mean


def room(group: str, agents: Sequence[AgentState]) -> tuple[int, int]:
    """Free places and all places of the agents online for a group; its helpers count when it has none."""
    online = [agent for agent in agents if agent.status == "online"]
    team = [agent for agent in online if group in agent.skill_groups]
    if not team:
        helpers = set(FALLBACK[group])
        team = [agent for agent in online if helpers & set(agent.skill_groups)]
    free = sum(max(0, agent.capacity - agent.load) for agent in team)
    return free, sum(agent.capacity for agent in team)
