"""The waiting line: SQL is the truth, Redis the fast order, the referee of claims and the matchmaker of offers.

One ZSET per skill group and what is known of the agents, all under one hash tag. Every script first looks
for the epoch key: where it is missing, Redis was wiped, and the line is rebuilt from SQL before anything
else. While Redis is down every operation is answered from SQL, nothing is offered, and the line is rebuilt
once Redis is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.redis_keys import QUEUE_EPOCH, QUEUE_WAITING
from handoff import scripts
from handoff.models import Handoff
from handoff.routing import FALLBACK, OVERFLOW_AFTER_S, RESERVED_S, SKILL_GROUPS
from handoff.states import IN_LINE, State

log = structlog.get_logger(__name__)

CLAIM_MS = 10_000
"""A claim that SQL never confirmed (the process died) is void after this."""
PASSED_OVER_S = 60.0
"""Who refused a customer or let the offer lapse is not asked for the same one again for this long."""
_PAUSE_S = 1.0
"""After a failure Redis is left alone for this long, so that nobody waits for each failing call."""
_DEPTH = 20
"""How far down a group's line a match looks, when the first ones there suit nobody."""


class Claim(StrEnum):
    """What Redis says to an agent who wants a handoff."""

    WON = "won"
    LOST = "lost"
    UNSURE = "unsure"
    """Redis does not know; SQL decides."""


def ranked(priority: int, queued_at: datetime, point_s: float) -> datetime:
    """The place in the line as a moment, earlier goes first.

    A priority point is worth ``point_s`` seconds of waiting. So the order of two customers never changes
    while they wait, nothing is ever rescored, and whoever has waited longer than all points together are
    worth goes before every newcomer: nobody starves.
    """
    return queued_at - timedelta(seconds=priority * point_s)


def score(moment: datetime) -> int:
    """Order in the line, lower is earlier: microseconds, exact in a double until the year 2255."""
    return round(moment.timestamp() * 1_000_000)


def group_index(group: str) -> int:
    """A group as the scripts count them, from 1."""
    return SKILL_GROUPS.index(group) + 1


def waiting_key(group: str) -> str:
    """The ZSET of a group."""
    return QUEUE_WAITING + group


class WaitingLine:
    """Who waits, in which order, and which agent has room for whom.

    Args:
        overflow_s: the wait after which other groups help out.
    """

    def __init__(
        self, redis: Redis, database: Database, overflow_s: float = OVERFLOW_AFTER_S
    ) -> None:
        self.redis = redis
        self._database = database
        self._overflow_s = overflow_s
        self._rebuild: Callable[[], Awaitable[None]] | None = None
        self._scripts: dict[str, Any] = {}
        # Set when an operation could not reach Redis: what Redis holds may be out of date.
        self._suspect = False
        self._try_again_at = 0.0
        self._repairing = asyncio.Lock()

    def rebuild_with(self, rebuild: Callable[[], Awaitable[None]]) -> None:
        """Names what brings everything that SQL knows into an empty Redis."""
        self._rebuild = rebuild

    async def place(self, handoff: Handoff) -> None:
        """Puts a handoff where it belongs by its state in SQL; again is harmless."""
        if handoff.desk != "own":
            await self.drop(handoff.id)
        elif handoff.state == State.WAITING:
            await self.put(handoff)
        elif handoff.state in (State.OFFERED, State.ACTIVE) and handoff.agent_id:
            await self.hold(handoff.id, handoff.agent_id, handoff.state == State.OFFERED)
        else:
            await self.drop(handoff.id)

    async def put(self, handoff: Handoff) -> None:
        """Puts a handoff that waits (in SQL) into the line; again is harmless."""
        place = [group_index(handoff.skill_group), score(handoff.ranked_at)]
        await self._number(scripts.PUT, handoff.id, *place, self.facts(handoff))

    async def claim(self, handoff_id: str, agent_id: str) -> Claim:
        """Takes a handoff out of the line for one agent: one winner among any number.

        The winner stores it in SQL and then calls ``hold``; who fails to store calls ``place``.
        """
        answer = await self._number(scripts.CLAIM, handoff_id, agent_id, CLAIM_MS)
        return {1: Claim.WON, 0: Claim.LOST}.get(-1 if answer is None else answer, Claim.UNSURE)

    async def hold(self, handoff_id: str, agent_id: str, offered: bool) -> None:
        """A handoff is offered to an agent, or served by them."""
        await self._number(scripts.HOLD, handoff_id, agent_id, int(offered))

    async def drop(self, handoff_id: str) -> None:
        """Forgets a handoff which neither waits nor is served."""
        await self._number(scripts.DROP, handoff_id)

    async def enter(self, agent_id: str, groups: Iterable[str], capacity: int) -> None:
        """An agent is online and may be offered customers."""
        await self.enter_as(agent_id, agent_card(groups, capacity))

    async def leave(self, agent_id: str) -> None:
        """An agent is not online any more; what they serve stays theirs."""
        await self.enter_as(agent_id, b"")

    async def enter_as(self, agent_id: str, card: bytes) -> None:
        """An agent with their card; an empty one means that they leave."""
        await self._number(scripts.ENTER, agent_id, card)

    async def match(self, most: int = 50) -> list[tuple[str, str]]:
        """Brings waiting handoffs and agents with room together: pairs of handoff and agent.

        Each handoff of a pair is out of the line and claimed for its agent: the caller stores the offer
        and calls ``hold``, or ``place`` and ``free`` when it cannot.
        """
        args = [most, _DEPTH, int(PASSED_OVER_S * 1000)]
        answer = await self._run(scripts.MATCH, *args)
        found = [_text(item) for item in answer or ()]
        return list(zip(found[::2], found[1::2], strict=True))

    async def free(self, handoff_id: str, agent_id: str) -> None:
        """An offer of ``match`` came to nothing."""
        await self._number(scripts.FREE, handoff_id, agent_id)

    async def position(self, handoff: Handoff) -> int:
        """Place in its group's line, from 1."""
        async with self._database.reading() as session:
            return await position_in(session, handoff)

    async def first(self, groups: Iterable[str], count: int = 20) -> list[str]:
        """The ids that are next over several groups, best first."""
        wanted = [group for group in SKILL_GROUPS if group in set(groups)]
        try:
            await self.repair()
            pipe = self.redis.pipeline(transaction=False)
            for group in wanted:
                pipe.zrange(waiting_key(group), 0, count - 1, withscores=True)
            lines = await pipe.execute()
        except (RedisError, OSError) as error:
            self._note(error)
            return await self._first_from_sql(wanted, count)
        ranks = sorted((place, _text(member)) for line in lines for member, place in line)
        return [member for _, member in ranks[:count]]

    async def repair(self) -> bool:
        """Rebuilds the line when Redis was wiped or out of reach; cheap when all is well.

        Returns whether anything had to be rebuilt.
        """
        if not self._suspect and await self.redis.exists(QUEUE_EPOCH):
            return False
        async with self._repairing:
            if self._suspect or not await self.redis.exists(QUEUE_EPOCH):
                if self._rebuild is not None:
                    await self._rebuild()
                await self.redis.set(QUEUE_EPOCH, 1)
                self._suspect = False
        return True

    def facts(self, handoff: Handoff) -> bytes:
        """What the matchmaker must know of a waiting handoff (or a row with its columns); times in ms."""
        known: dict[str, Any] = {
            "s": _ms(handoff.waiting_since),
            "o": int(self._overflow_s * 1000),
            "k": int(RESERVED_S * 1000),
            "b": [group_index(group) for group in FALLBACK[handoff.skill_group]],
            "p": handoff.preferred_agent,
            "r": handoff.reserved_for,
            "x": {agent: _ms(datetime.fromisoformat(at)) for agent, at in passed_over(handoff)},
        }
        return orjson.dumps({name: value for name, value in known.items() if value is not None})

    async def evaluate(self, script: str, *args: Any) -> Any:
        """Runs a script as it is; raises RedisError."""
        run = self._scripts.get(script) or self.redis.register_script(script)
        self._scripts[script] = run
        return await run(keys=scripts.KEYS, args=args)

    async def _number(self, script: str, *args: Any) -> int | None:
        answer = await self._run(script, *args)
        return None if answer is None else int(answer)

    async def _run(self, script: str, *args: Any) -> Any:
        """The script's answer; None when Redis is out of reach."""
        if self._suspect and time.monotonic() < self._try_again_at:
            return None
        try:
            if self._suspect:
                await self.repair()
            answer = await self.evaluate(script, *args)
            if answer in (-1, [-1]):
                await self.repair()
                answer = await self.evaluate(script, *args)
        except (RedisError, OSError) as error:
            self._note(error)
            return None
        return None if answer in (-1, [-1]) else answer

    async def _first_from_sql(self, groups: list[str], count: int) -> list[str]:
        query = (
            select(Handoff.id)
            .where(
                Handoff.state == State.WAITING,
                Handoff.skill_group.in_(groups),
                Handoff.desk == "own",
            )
            .order_by(Handoff.ranked_at, Handoff.id)
            .limit(count)
        )
        async with self._database.reading() as session:
            return list((await session.execute(query)).scalars())

    def _note(self, error: Exception) -> None:
        if not self._suspect:
            log.warning("waiting_line_without_redis", error=str(error))
        self._suspect = True
        self._try_again_at = time.monotonic() + _PAUSE_S


def agent_card(groups: Iterable[str], capacity: int) -> bytes:
    """What the matchmaker must know of an agent."""
    known = [group_index(group) for group in groups if group in SKILL_GROUPS]
    return orjson.dumps({"g": known, "c": capacity})


def passed_over(handoff: Handoff) -> Sequence[tuple[str, str]]:
    """Who refused it or let it lapse, and when (ISO)."""
    return list((handoff.passed_over or {}).items())


async def position_in(session: AsyncSession, handoff: Handoff) -> int:
    """Place in the group's line by SQL, from 1; the handoff itself need not be stored yet.

    Whoever is being offered to an agent still has a place: the offer may come to nothing.
    """
    earlier = or_(
        Handoff.ranked_at < handoff.ranked_at,
        and_(Handoff.ranked_at == handoff.ranked_at, Handoff.id < handoff.id),
    )
    query = select(func.count()).where(
        Handoff.state.in_(IN_LINE),
        Handoff.skill_group == handoff.skill_group,
        Handoff.desk == handoff.desk,
        earlier,
    )
    return int((await session.execute(query)).scalar_one()) + 1


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
