"""One step of a handoff: everything in one SQL transaction, then Redis, then the live events.

Whatever changes a handoff goes through ``Steps.step``; so no move can forget its event, its place in the
line, the conversation's owner, or the people who watch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import NotFound
from core.events import HANDOFF, STATE, LiveBus
from core.redis_keys import STAFF_CHANNEL, agent_channel, conversation_channel
from core.transcript import Conversation, Draft, Message, Owner, Transcript, append_in
from handoff.models import ActorKind, Handoff, HandoffEvent, Rating
from handoff.queue import WaitingLine
from handoff.states import ENDED, LIVE, Move, State, target

log = structlog.get_logger(__name__)

OnReturned = Callable[[str], Awaitable[None]]
"""Called with the conversation id once the bot owns it again."""


@dataclass(frozen=True)
class Actor:
    """Who does it."""

    kind: ActorKind
    id: str | None = None
    name: str = ""


class Outbound(Protocol):
    """Whoever must hear, outside, of what happens here. Called within the transaction that stores it, so
    that nothing stored is ever forgotten."""

    async def moved(self, step: Step) -> None:
        """A step that moved the handoff is about to be stored."""

    async def informed(self, session: AsyncSession, handoff: Handoff) -> None:
        """The customer's facts joined the context package."""

    async def rated(self, session: AsyncSession, handoff: Handoff, rating: Rating) -> None:
        """The customer gave their verdict."""


SYSTEM = Actor("system")
CUSTOMER = Actor("customer")


@dataclass
class Step:
    """The open transaction and what must be announced once it is stored."""

    session: AsyncSession
    handoff: Handoff
    said: list[Message] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    owner: Owner | None = None
    left_agent: str | None = None
    by: Actor | None = None
    """Who made the last move that the system did not make by itself."""

    def move(self, move: Move, actor: Actor, **data: Any) -> None:
        """Makes a legal move and stores its event.

        Raises:
            IllegalMove
        """
        handoff, before = self.handoff, self.handoff.state
        after = target(State(before) if before else None, move)
        handoff.state = after
        handoff.live_conversation = handoff.conversation_id if after in LIVE else None
        moment = now()
        if after is State.WAITING and before not in (State.WAITING, State.OFFERED):
            # An offer that nobody answered is no service: the customer waits on.
            handoff.waiting_since = moment
        if after in (State.WAITING, State.WRAP_UP) and before != after:
            handoff.escalate_at = None  # Another clock may run now.
        if (after in ENDED or after is State.WRAP_UP) and handoff.ended_at is None:
            handoff.ended_at = moment
        self._record(move.value, before, after, actor, data)
        self.moved.append(move)
        self.by = self.by if actor.kind == "system" else actor

    def note(self, actor: Actor, **data: Any) -> None:
        """Stores an event which is no move."""
        self._record("note", None, None, actor, data)

    def happened(self, kind: str, actor: Actor, **data: Any) -> None:
        """Stores any other event which is no move."""
        self._record(kind, None, None, actor, data)

    def escalated(self, **data: Any) -> None:
        """Stores that an overdue clock was escalated."""
        self._record("escalate", None, None, SYSTEM, data)

    async def say(self, draft: Draft) -> Message:
        """Appends a line to the transcript within the transaction."""
        message = await append_in(self.session, self.handoff.conversation_id, draft)
        self.said.append(message)
        return message

    async def give_to(self, owner: Owner) -> None:
        """Changes who owns the conversation."""
        change = update(Conversation).where(Conversation.id == self.handoff.conversation_id)
        await self.session.execute(change.values(owner=owner, updated_at=now()))
        self.owner = owner

    def _record(
        self, kind: str, before: str | None, after: str | None, actor: Actor, data: dict[str, Any]
    ) -> None:
        self.session.add(
            HandoffEvent(
                handoff_id=self.handoff.id,
                kind=kind,
                from_state=before,
                to_state=after,
                actor_kind=actor.kind,
                actor=actor.id,
                at=now(),
                data=data,
            )
        )


class Steps:
    """Runs steps and announces them."""

    def __init__(
        self,
        database: Database,
        bus: LiveBus,
        transcript: Transcript,
        line: WaitingLine,
        on_returned: OnReturned,
    ) -> None:
        self._database = database
        self._bus = bus
        self._transcript = transcript
        self._line = line
        self._on_returned = on_returned
        self.on_room: Callable[[], None] = lambda: None
        """Called when somebody entered the line or an agent may have room again."""
        self.outbound: Outbound | None = None

    @asynccontextmanager
    async def step(self, handoff_id: str) -> AsyncIterator[Step]:
        """Locks a handoff for one step; raises NotFound."""
        async with self._database.transaction() as session:
            handoff = await session.get(Handoff, handoff_id, with_for_update=True)
            if handoff is None:
                raise NotFound("没有找到这个人工会话。")
            step = Step(session, handoff, left_agent=handoff.agent_id)
            yield step
            _answer_for(handoff)
            await self.record(step)
        await self.announce(step)

    async def record(self, step: Step) -> None:
        """Notes the step for the outside, within its transaction."""
        if self.outbound is not None and step.moved:
            await step.session.flush()
            await self.outbound.moved(step)

    async def announce(self, step: Step) -> None:
        """What follows a stored step: the line, the events, the bot's reset."""
        handoff = step.handoff
        if step.moved:
            await self._line.place(handoff)
            self.on_room()
        await self._transcript.announce(step.said)
        if step.owner:
            await self._bus.publish(
                conversation_channel(handoff.conversation_id),
                STATE,
                state=step.owner,
                conversation_id=handoff.conversation_id,
                handoff_id=handoff.id,
            )
        if step.moved:
            await self.tell_staff(handoff, step.left_agent)
        if step.owner == "bot":
            await self._reset_bot(handoff.conversation_id)

    async def tell_staff(self, handoff: Handoff, also: str | None = None) -> None:
        """Publishes how a handoff stands: identifiers only, desks read the rest.

        Args:
            also: an agent it was taken from, who must hear of it too.
        """
        event = {
            "handoff_id": handoff.id,
            "conversation_id": handoff.conversation_id,
            "state": handoff.state,
            "skill_group": handoff.skill_group,
            "agent_id": handoff.agent_id,
            "reserved_for": handoff.reserved_for,
        }
        await self._bus.publish(STAFF_CHANNEL, HANDOFF, **event)
        if also and also != handoff.agent_id:
            await self._bus.publish(agent_channel(also), HANDOFF, **event)

    async def _reset_bot(self, conversation_id: str) -> None:
        try:
            await self._on_returned(conversation_id)
        except Exception:
            # The bot being down must not undo what is stored; it starts afresh on its own.
            log.exception("bot_not_reset", conversation_id=conversation_id)


def _answer_for(handoff: Handoff) -> None:
    # Whoever serves answers for it, and goes on answering on its way to the next one.
    if handoff.state == State.ACTIVE and handoff.agent_id:
        handoff.owner = handoff.agent_id
        handoff.first_agent = handoff.first_agent or handoff.agent_id
