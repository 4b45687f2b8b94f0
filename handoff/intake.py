"""How a handoff begins, and how it ends when nobody serves: opening, leaving a message, cancelling the wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import new_id, now
from core.database import Database
from core.errors import NotFound
from core.events import QUEUE_POSITION, LiveBus
from core.redis_keys import conversation_channel
from core.transcript import Conversation, Draft, Message
from handoff import routing, words
from handoff.callback import CallBack, QueuePolicy
from handoff.context import MAX_REQUEST, ContextPackage, HandoffRequest
from handoff.estimate import WaitEstimator
from handoff.hours import ServiceHours
from handoff.models import DeskName, Handoff
from handoff.package import PackageBuilder, customer_of
from handoff.queue import position_in, ranked
from handoff.sla import ServicePromise
from handoff.states import Move, State
from handoff.steps import CUSTOMER, SYSTEM, Step, Steps
from handoff.suggestions import asks_for_a_person, requests_of
from handoff.summary import mood_of, mood_point

log = structlog.get_logger(__name__)


class Intake:
    """Takes customers into the line and out of it again."""

    def __init__(
        self,
        database: Database,
        bus: LiveBus,
        steps: Steps,
        builder: PackageBuilder,
        estimator: WaitEstimator,
        hours: ServiceHours,
        callback: CallBack,
        policy: QueuePolicy,
        promise: ServicePromise,
        desk: DeskName = "own",
    ) -> None:
        self._database = database
        self._bus = bus
        self._steps = steps
        self._builder = builder
        self._estimator = estimator
        self._hours = hours
        self._callback = callback
        self._policy = policy
        self._promise = promise
        self._desk = desk
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, conversation_id: str, request: HandoffRequest) -> Handoff:
        """Opens a handoff, or returns the one that is open already.

        Outside service hours the handoff is born closed, with a call-back ticket that carries it on
        (disposition ``left_message``), and the bot keeps the conversation.

        Raises:
            NotFound: no such conversation.
        """
        existing = await self.current(conversation_id)
        if existing is not None:
            return existing
        group = await self._group(conversation_id, request)
        outlook = await self._estimator.outlook(group)
        on_duty = self._hours.open_at(now())
        position, wait_s = 0, None
        async with self._database.transaction() as session:
            step = await self._open_in(session, conversation_id, request, group)
            if isinstance(step, Handoff):
                return step
            if not on_duty:
                await self._callback.instead(step, words.closed(self._hours.closed_words(now())))
            else:
                position = await position_in(session, step.handoff)
                wait_s = outlook.wait_s(position)
                position = await self._take_in(step, position, wait_s)
            await self._steps.record(step)
        await self._steps.announce(step)
        if position:
            await self.tell_place(conversation_id, position, wait_s)
        self.ask_facts(step.handoff)
        return step.handoff

    async def get(self, handoff_id: str) -> Handoff:
        """Raises NotFound."""
        async with self._database.reading() as session:
            found = await session.get(Handoff, handoff_id)
        if found is None:
            raise NotFound("没有找到这个人工会话。")
        return found

    async def current(self, conversation_id: str) -> Handoff | None:
        """The conversation's live handoff."""
        query = select(Handoff).where(Handoff.live_conversation == conversation_id)
        async with self._database.reading() as session:
            return (await session.execute(query)).scalar_one_or_none()

    async def abandon(self, conversation_id: str) -> Handoff:
        """The customer no longer wants to wait; the bot takes over.

        Raises:
            NotFound: nothing is open.
            IllegalMove: an agent serves already.
        """
        live = await self.current(conversation_id)
        if live is None:
            raise NotFound("您现在没有在排队等候人工客服。")
        async with self._steps.step(live.id) as step:
            step.move(Move.ABANDON, CUSTOMER)
            await step.say(Draft("system", words.abandoned()))
            await step.give_to("bot")
        return step.handoff

    async def call_back(self, conversation_id: str) -> Handoff:
        """The customer would rather be called than wait: a ticket takes over, the bot has them back.

        Raises:
            NotFound: nothing is open.
            IllegalMove: an agent serves already.
        """
        live = await self.current(conversation_id)
        if live is None:
            raise NotFound("您现在没有在排队等候人工客服。")
        async with self._steps.step(live.id) as step:
            await self._callback.instead(step, words.CALLED_BACK)
            await step.give_to("bot")
        return step.handoff

    async def felt(self, conversation_id: str, understanding: dict[str, Any]) -> None:
        """Keeps the mood of the customer's latest words, for the lists."""
        point = mood_point(0, understanding)
        if point is None:
            return
        change = update(Handoff).where(Handoff.live_conversation == conversation_id)
        async with self._database.transaction() as session:
            await session.execute(change.values(mood=mood_of([point]).label))

    async def tell_place(self, conversation_id: str, position: int, wait_s: int | None) -> None:
        """Publishes the customer's place to the conversation."""
        channel = conversation_channel(conversation_id)
        await self._bus.publish(channel, QUEUE_POSITION, position=position, wait_s=wait_s)

    async def settle(self) -> None:
        """Waits for what runs in the background (at shutdown and in tests)."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def ask_facts(self, handoff: Handoff) -> None:
        """Asks for the customer's facts in the background, unless they are known or being asked for."""
        known = handoff.context["customer"].get("facts_at")
        if known or handoff.id in {task.get_name() for task in self._tasks}:
            return
        task = asyncio.create_task(self._add_facts(handoff.id), name=handoff.id)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("handoff_facts_failed", error=repr(task.exception()))

    async def _group(self, conversation_id: str, request: HandoffRequest) -> str:
        async with self._database.reading() as session:
            conversation = await session.get(Conversation, conversation_id)
        if conversation is None:
            raise NotFound("没有找到这个会话。")
        return routing.choose_group(request.skill_group, customer_of(conversation).tier)

    async def _open_in(
        self, session: AsyncSession, conversation_id: str, request: HandoffRequest, group: str
    ) -> Step | Handoff:
        # Locking the conversation makes two openings at once one opening.
        conversation = await session.get_one(Conversation, conversation_id, with_for_update=True)
        live = await _find_live(session, conversation_id)
        if live is not None:
            return live
        said = await _customer_words(session, conversation_id)
        handoff = _new_handoff(conversation, request, group, said)
        handoff.desk = self._desk
        handoff.escalate_at = self._promise.first_look(handoff.opened_at)
        handoff.queued_at = await _arrival(session, handoff)
        handoff.ranked_at = ranked(handoff.priority, handoff.queued_at, self._policy.point_s)
        handoff.preferred_agent = await _last_agent(session, conversation)
        package = self._builder.first(handoff, conversation, request, said)
        handoff.mood = package.mood.label
        handoff.context = package.stored()
        step = Step(session, handoff)
        step.move(Move.OPEN, SYSTEM, trigger=request.trigger, skill_group=group)
        session.add(handoff)
        await session.flush()
        return step

    async def _take_in(self, step: Step, position: int, wait_s: int | None) -> int:
        """Puts the customer in the line, or tells them it is full; returns their place, 0 = none."""
        handoff = step.handoff
        if handoff.desk != "own":
            await step.say(
                Draft("system", words.requested(handoff.skill_group), [words.CANCEL_BUTTON])
            )
            await step.give_to("waiting")
            return 0
        full = self._policy.full(position, wait_s)
        if full and self._policy.only_callback:
            await self._callback.instead(step, words.FULL)
            return 0
        line = words.queued(handoff.skill_group, position, wait_s)
        buttons = [words.CANCEL_BUTTON]
        if full or wait_s is None:
            line += words.CALL_BACK_OFFER if full else words.CALL_BACK_CHOICE
            buttons = [words.CALL_BACK_BUTTON, *buttons]
        await step.say(Draft("system", line, buttons))
        await step.give_to("waiting")
        return position

    async def _add_facts(self, handoff_id: str) -> None:
        async with self._database.reading() as session:
            handoff = await session.get_one(Handoff, handoff_id)
            conversation = await session.get_one(Conversation, handoff.conversation_id)
        package = await self._builder.with_facts(
            ContextPackage.model_validate(handoff.context), conversation
        )
        if package is None or package.customer.facts_at is None:
            return
        async with self._database.transaction() as session:
            row = await session.get_one(Handoff, handoff_id, with_for_update=True)
            row.context = package.stored()
            if self._steps.outbound is not None:
                await self._steps.outbound.informed(session, row)
        await self._steps.tell_staff(row)


def _new_handoff(
    conversation: Conversation, request: HandoffRequest, group: str, said: Sequence[Message]
) -> Handoff:
    customer = customer_of(conversation)
    points, reasons = routing.priority(customer.tier, request.complaint_grade, customer.elderly)
    moment = now()
    return Handoff(
        id=new_id("h"),
        conversation_id=conversation.id,
        live_conversation=conversation.id,
        customer_id=conversation.customer_id,
        trigger=request.trigger,
        skill_group=group,
        request=_request_line(request, said),
        complaint_grade=request.complaint_grade,
        priority=points,
        priority_reasons=reasons,
        read_seq=0,
        opened_at=moment,
        queued_at=moment,
        ranked_at=moment,
        waiting_since=moment,
        passed_over={},
        escalations={},
        context={},
    )


def _request_line(request: HandoffRequest, said: Sequence[Message]) -> str:
    # Without the dialogue's own line, the customer's last words say best what is wanted.
    line = request.request.strip() or (said[-1].text.strip() if said else "")
    asked = requests_of(said, 1) if asks_for_a_person(line) else []
    line = asked[0].text.strip() if asked else line
    line = " ".join(line.split())
    return line if len(line) <= MAX_REQUEST else line[: MAX_REQUEST - 1] + "…"


async def _find_live(session: AsyncSession, conversation_id: str) -> Handoff | None:
    query = select(Handoff).where(Handoff.live_conversation == conversation_id)
    return (await session.execute(query)).scalar_one_or_none()


async def _customer_words(session: AsyncSession, conversation_id: str) -> list[Message]:
    query = select(Message).where(
        Message.conversation_id == conversation_id, Message.sender == "customer"
    )
    return list((await session.execute(query.order_by(Message.seq))).scalars())


async def _arrival(session: AsyncSession, handoff: Handoff) -> datetime:
    # A clock set back must not let newcomers overtake those who wait.
    query = select(func.max(Handoff.queued_at)).where(
        Handoff.state == State.WAITING, Handoff.skill_group == handoff.skill_group
    )
    last: datetime | None = (await session.execute(query)).scalar_one()
    return max(handoff.queued_at, last + timedelta(microseconds=1)) if last else handoff.queued_at


async def _last_agent(session: AsyncSession, conversation: Conversation) -> str | None:
    same = Handoff.conversation_id == conversation.id
    if conversation.customer_id:
        same = same | (Handoff.customer_id == conversation.customer_id)
    since = now() - timedelta(hours=routing.LAST_AGENT_H)
    query = select(Handoff.agent_id).where(same, Handoff.accepted_at > since)
    rows = await session.execute(query.order_by(Handoff.accepted_at.desc()).limit(1))
    return rows.scalar_one_or_none()
