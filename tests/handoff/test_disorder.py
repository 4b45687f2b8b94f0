"""Anybody does anything in any order while the clock jumps: every answer is a legal move or a refusal in Chinese,
and what is stored stays whole."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo

import pytest
from sqlalchemy import select

from core import clock
from core.errors import ChangdaError
from core.settings import Settings
from core.transcript import Conversation, Draft
from handoff.models import Handoff, HandoffEvent
from handoff.routing import SKILL_GROUPS
from handoff.states import LIVE, TRANSITIONS, Move, State
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration

STEPS = 300
LIMIT = 3
AGENTS = ("agent01", "agent02", "agent03", "agent05")
STAFF = (*AGENTS, "supervisor01")
OWNER = {State.WAITING: "waiting", State.OFFERED: "waiting", State.ACTIVE: "human"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"offer_mode": "both", "offer_s": 30.0, "agent_capacity": 2, "agent_limit": LIMIT}
    )


class JumpingClock:
    """What ``now`` reads: right, or hours off in either direction."""

    off = timedelta(0)

    @classmethod
    def now(cls, zone: tzinfo) -> datetime:
        return datetime.now(zone) + cls.off


class Crowd:
    """Staff and customers who do whatever comes to their minds."""

    def __init__(self, room: Room, dice: random.Random) -> None:
        self.room, self.dice = room, dice
        self.handoffs: list[Handoff] = []
        self.done = 0
        self.refusals: list[ChangdaError] = []

    async def act(self) -> None:
        """One deed, which works or is refused in words."""
        deed = self._deed() if self.handoffs else self.room.waiting
        try:
            opened = await deed()
        except ChangdaError as error:
            self.refusals.append(error)
            return
        self.done += 1
        if isinstance(opened, Handoff) and opened.id not in {h.id for h in self.handoffs}:
            self.handoffs.append(opened)

    def _deed(self) -> Callable[[], Awaitable[object]]:
        service, dice = self.room.service, self.dice
        handoff, staff = dice.choice(self.handoffs), member(dice.choice(STAFF))
        h, c = handoff.id, handoff.conversation_id
        other, group = dice.choice([*STAFF, None, "nobody"]), dice.choice([*SKILL_GROUPS, None])
        deeds: list[Callable[[], Awaitable[object]]] = [
            lambda: self.room.waiting(dice.choice(SKILL_GROUPS)),
            lambda: service.accept(h, staff),
            lambda: service.accept(h, staff),
            lambda: service.accept_next(staff),
            lambda: service.refuse(h, staff, dice.choice(["", "不熟悉"])),
            lambda: service.transfer(h, staff, other, group, dice.choice(["", "请看"])),
            lambda: service.give_back(h, staff),
            lambda: service.finish(h, staff),
            lambda: service.close(h, staff, dice.choice(["", "resolved"])),
            lambda: service.abandon(c),
            lambda: service.call_back(c),
            lambda: service.message(h, staff, dice.choice(["", "您好"])),
            lambda: service.note(h, staff, dice.choice(["", "备注", "字" * 34_000])),
            lambda: service.supervising.take_over(h, staff),
            lambda: service.conference.invite(h, staff, str(other)),
            lambda: service.conference.join(h, staff),
            lambda: service.conference.leave(h, staff),
            lambda: self.room.transcript.append(c, Draft("customer", "在吗")),
            service.sweep_offers,
            service.escalate,
            service.tell_places,
            lambda: service.presence.set_status(
                dice.choice(AGENTS), dice.choice(["online", "online", "busy", "offline"])
            ),
        ]
        return dice.choice(deeds)


async def _check(room: Room) -> None:
    """States, histories, owners and Redis agree with each other."""
    async with room.database.reading() as session:
        handoffs = list((await session.execute(select(Handoff))).scalars())
        events = list(
            (await session.execute(select(HandoffEvent).order_by(HandoffEvent.id))).scalars()
        )
        owners = {
            row.id: row.owner for row in (await session.execute(select(Conversation))).scalars()
        }
    for handoff in handoffs:
        moves = [e for e in events if e.handoff_id == handoff.id and e.to_state is not None]
        state = None
        for event in moves:
            assert event.from_state == state
            assert TRANSITIONS[State(state) if state else None, Move(event.kind)] == event.to_state
            state = event.to_state
        assert handoff.state == state
        assert (handoff.live_conversation is not None) == (handoff.state in LIVE)
        assert owners[handoff.conversation_id] == OWNER.get(State(handoff.state), "bot")
        if handoff.state in (State.OFFERED, State.ACTIVE):
            assert handoff.agent_id
        if handoff.state == State.WAITING:
            assert handoff.agent_id is None
        assert handoff.handling_s is None or handoff.handling_s >= 0
    for agent in AGENTS:
        served = [h for h in handoffs if (h.agent_id, h.state) == (agent, State.ACTIVE)]
        assert len(served) <= LIMIT
    assert await room.service.repair.reconcile() == 0


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_deeds_keeps_everything_whole(
    room: Room, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "datetime", JumpingClock)
    dice = random.Random(seed)
    for name in AGENTS:
        await room.service.presence.set_status(name, "online")
    crowd = Crowd(room, dice)
    for number in range(STEPS):
        JumpingClock.off = timedelta(hours=dice.choice([0, 0, 0, 3, -3, 24, -24]))
        await crowd.act()
        if number % 10 == 9:
            await room.service.settle()
            await _check(room)
    JumpingClock.off = timedelta(0)
    assert crowd.done >= 10, "the crowd got something done"
    assert len(crowd.refusals) >= 5, "and was refused something"
    assert all(re.search("[\u4e00-\u9fff]", error.detail) for error in crowd.refusals)
    for handoff in crowd.handoffs:
        detail = await room.service.views.detail(handoff.id, member("supervisor01"))
        assert detail["waiting_s"] >= 0
