"""Taking a waiting customer: an offer, one from the list, or whoever is next. One winner among any number."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import AlreadyClaimed, AtCapacity, IllegalMove, NotAllowed, NotFound
from core.staff import Staff, StaffAccount
from core.transcript import Draft
from handoff import routing, words
from handoff.agents import Presence
from handoff.checks import actor_of, check_owner
from handoff.intake import Intake
from handoff.models import AgentPresence, Handoff, OutsideAgent
from handoff.queue import Claim, WaitingLine
from handoff.states import IN_LINE, Move, State
from handoff.steps import Steps

_PATIENCE = 20
_PAUSE_S = 0.05


class Claims:
    """Gives waiting customers to agents who ask for them."""

    def __init__(
        self,
        database: Database,
        steps: Steps,
        line: WaitingLine,
        presence: Presence,
        intake: Intake,
    ) -> None:
        self._database = database
        self._steps = steps
        self._line = line
        self._presence = presence
        self._intake = intake

    async def accept(self, handoff_id: str, staff: Staff) -> Handoff:
        """Takes a waiting handoff; one winner. Accepting one's own again changes nothing.

        Raises:
            AlreadyClaimed: another agent was faster; names them.
            AtCapacity: the agent serves as many as they may.
            NotAllowed: not within the agent's skills, or on offer to somebody else.
            IllegalMove: it no longer waits.
        """
        handoff = await self._intake.get(handoff_id)
        if handoff.state == State.ACTIVE and handoff.agent_id == staff.id:
            return handoff
        await self._may_take(handoff, staff)
        if handoff.desk == "own":
            await self._claim(handoff_id, staff)
        try:
            accepted = await self._accept_in_sql(handoff_id, staff)
        except BaseException:
            await self._line.place(await self._intake.get(handoff_id))
            raise
        outside = "integration" in staff.roles
        if not outside and await self._presence.status(staff.id) == "offline":
            # Who takes a customer is at work.
            await self._presence.set_status(staff.id, "online")
        return accepted

    async def relieve(self, handoff_id: str, staff: Staff, colleague: Staff) -> Handoff:
        """A colleague of the same outside desk takes a served conversation over, with the customer told.

        Raises:
            NotAllowed: the conversation is not served by ``staff``, or is another desk's.
            IllegalMove: nobody serves it.
        """
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            if handoff.desk != routing.desk_of(colleague):
                raise NotAllowed("这个会话不由贵方的客服系统接待。")
            if handoff.state == State.ACTIVE and handoff.agent_id == colleague.id:
                return handoff
            check_owner(handoff, staff)
            step.move(Move.TAKE_OVER, actor_of(colleague), from_agent=handoff.agent_id)
            handoff.agent_id = colleague.id
            await self._introduce(step.session, colleague)
            called = words.called(colleague.display_name, supervisor=False)
            await step.say(Draft("system", words.taken_over(called), agent_id=colleague.id))
        return step.handoff

    async def accept_next(self, staff: Staff) -> Handoff | None:
        """Takes what is on offer to this agent, or what they serve best next; None when nothing waits.

        Raises:
            AtCapacity
        """
        groups = routing.groups_within_reach(staff.skill_groups)
        for handoff_id in [*await self._on_offer(staff.id), *await self._line.first(groups)]:
            try:
                return await self.accept(handoff_id, staff)
            except (AlreadyClaimed, NotAllowed, IllegalMove, NotFound):
                continue
        return None

    async def _may_take(self, handoff: Handoff, staff: Staff) -> None:
        if handoff.state not in IN_LINE:
            await self._line.place(handoff)  # Whatever still shows it as waiting is wrong.
        if handoff.state == State.ACTIVE:
            raise await self._claimed_by(handoff)
        if handoff.state not in IN_LINE:
            return  # The table gives the better words.
        refusal = routing.why_not(handoff, staff, await self._presence.floor(), now())
        if refusal:
            raise NotAllowed(refusal)
        async with self._database.reading() as session:
            await self._check_room(session, staff)

    async def _claim(self, handoff_id: str, staff: Staff) -> None:
        for _ in range(_PATIENCE):
            if await self._line.claim(handoff_id, staff.id) is not Claim.LOST:
                return
            # Somebody is storing it right now: an accept, which wins, or an offer, which may be taken.
            await asyncio.sleep(_PAUSE_S)
            handoff = await self._intake.get(handoff_id)
            if handoff.state == State.ACTIVE:
                raise await self._claimed_by(handoff)
            await self._may_take(handoff, staff)
        raise AlreadyClaimed

    async def _accept_in_sql(self, handoff_id: str, staff: Staff) -> Handoff:
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            if handoff.state == State.ACTIVE and handoff.agent_id == staff.id:
                return handoff
            if handoff.state == State.ACTIVE:
                raise await self._claimed_by(handoff)
            # Two accepts of one agent at once must not exceed their capacity together.
            await step.session.get(AgentPresence, staff.id, with_for_update=True)
            await self._check_room(step.session, staff)
            await self._presence.answered(step.session, staff.id)
            offered = handoff.state == State.OFFERED and handoff.agent_id == staff.id
            waited = max(0.0, round((now() - handoff.waiting_since).total_seconds(), 1))
            step.move(Move.ACCEPT, actor_of(staff), waited_s=waited, offered=offered)
            handoff.agent_id, handoff.reserved_for = staff.id, None
            if "integration" in staff.roles:
                await self._introduce(step.session, staff)
            else:
                handoff.desk = "own"  # A supervisor of ours fetched it back.
            handoff.accepted_at, handoff.offer_until, handoff.passed_over = now(), None, {}
            await step.say(Draft("system", words.joined(staff.display_name), agent_id=staff.id))
            await step.give_to("human")
        return step.handoff

    async def _check_room(self, session: AsyncSession, staff: Staff) -> None:
        if "agent" not in staff.roles:
            return
        account = await session.get(StaffAccount, staff.id)
        limit = self._presence.limit_of(account)
        serving = select(func.count()).where(
            Handoff.agent_id == staff.id, Handoff.state == State.ACTIVE
        )
        count = int((await session.execute(serving)).scalar_one())
        if count >= limit:
            raise AtCapacity(
                f"您正在服务{count}位客户，已达上限（{limit}位），请先结束一个会话再接入。",
                limit=limit,
            )

    async def _claimed_by(self, handoff: Handoff) -> AlreadyClaimed:
        name = (await self._presence.names()).get(handoff.agent_id or "")
        if name is None:
            return AlreadyClaimed()
        return AlreadyClaimed(
            f"这个会话已由{name}接入。", agent_id=handoff.agent_id, agent_name=name
        )

    async def _introduce(self, session: AsyncSession, staff: Staff) -> None:
        # Their names are known from what they do: nobody keeps their accounts here.
        await session.merge(OutsideAgent(id=staff.id, name=staff.display_name, seen_at=now()))
        self._presence.forget_names()

    async def _on_offer(self, agent_id: str) -> list[str]:
        query = select(Handoff.id).where(
            Handoff.agent_id == agent_id, Handoff.state == State.OFFERED
        )
        async with self._database.reading() as session:
            return list((await session.execute(query)).scalars())
