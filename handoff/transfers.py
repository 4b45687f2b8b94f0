"""Handing a customer on to a colleague or a group, with everything, without a new wait from scratch."""

from __future__ import annotations

from sqlalchemy import select

from core.clock import now
from core.database import Database
from core.errors import Conflict, IllegalMove, InvalidInput
from core.staff import Staff, StaffAccount
from core.transcript import Draft
from handoff import routing, words
from handoff.agents import Presence
from handoff.checks import MAX_NOTE, actor_of, check_owner, check_text
from handoff.estimate import WaitEstimator
from handoff.intake import Intake
from handoff.models import Handoff
from handoff.queue import position_in
from handoff.states import IN_LINE, Move
from handoff.steps import SYSTEM, Actor, Step, Steps


class Transfers:
    """Hands customers on."""

    def __init__(
        self,
        database: Database,
        steps: Steps,
        presence: Presence,
        estimator: WaitEstimator,
        intake: Intake,
    ) -> None:
        self._database = database
        self._steps = steps
        self._presence = presence
        self._estimator = estimator
        self._intake = intake

    async def transfer(
        self,
        handoff_id: str,
        staff: Staff,
        agent_id: str | None = None,
        skill_group: str | None = None,
        note: str = "",
    ) -> Handoff:
        """Hands the customer on, with everything, to a colleague or a group; they keep their place.

        Supervisors may also change whom a waiting customer waits for.

        Raises:
            InvalidInput: to nobody, to oneself, to somebody without the skill.
        """
        if note:
            check_text(note, MAX_NOTE, "备注")
        if not agent_id and not skill_group:
            raise InvalidInput("请选择要转接的同事或技能组。")
        if skill_group and skill_group not in routing.GROUP_WORDS:
            raise InvalidInput("没有这个技能组，请重新选择。")
        handoff = await self._intake.get(handoff_id)
        group = skill_group or handoff.skill_group
        colleague = await self._colleague(agent_id, staff, group) if agent_id else None
        name = f"客服{colleague.display_name}" if colleague else f"{routing.GROUP_WORDS[group]}客服"
        outlook = await self._estimator.outlook(group)
        async with self._steps.step(handoff_id) as step:
            check_owner(step.handoff, staff)
            self._hand_on(step, actor_of(staff), group, agent_id, note)
            if note:
                text = f"转接备注：{note}"
                await step.say(Draft("agent", text, agent_id=staff.id, audience="staff"))
            await step.session.flush()
            position = await position_in(step.session, step.handoff)
            wait_s, ours = outlook.wait_s(position), step.handoff.desk == "own"
            line = words.transferred(name, position, wait_s)
            line = line if ours else words.transferred_outside(name)
            await step.say(Draft("system", line, [words.CANCEL_BUTTON]))
            await step.give_to("waiting")
        if ours:
            await self._intake.tell_place(step.handoff.conversation_id, position, wait_s)
        return step.handoff

    async def warning(self, handoff: Handoff) -> str | None:
        """What the sender should know of a transfer that is done: the goal may not answer soon."""
        if handoff.desk != "own":
            return None
        group = routing.GROUP_WORDS[handoff.skill_group]
        if handoff.reserved_for is None:
            outlook = await self._estimator.outlook(handoff.skill_group)
            away = f"“{group}”组和可以协助的同事现在都不在线，客户会继续排队，也可以选择回电。"
            return None if outlook.slots else away
        everyone = {agent.id: agent for agent in await self._presence.everyone()}
        colleague = everyone.get(handoff.reserved_for)
        if colleague is None or (
            colleague.status == "online" and colleague.load < colleague.capacity
        ):
            return None
        why = "正忙" if colleague.status == "busy" else "手上的会话已满"
        minutes = round(routing.RESERVED_S / 60)
        return f"{colleague.display_name}现在{why}，{minutes}分钟内没有接入会转给“{group}”组的其他同事。"

    def _hand_on(
        self, step: Step, actor: Actor, group: str, agent_id: str | None, note: str
    ) -> None:
        handoff = step.handoff
        data = {
            "from_agent": handoff.agent_id, "from_group": handoff.skill_group,
            "to_agent": agent_id, "to_group": group, "note": note,
        }  # fmt: skip
        if handoff.state in IN_LINE:
            if actor.kind != "supervisor":
                raise IllegalMove("这个会话还在排队，请先接入再转接。")
            step.move(Move.REASSIGN, actor, **data)
        else:
            step.move(Move.TRANSFER, actor, **data)
            step.move(Move.QUEUE, SYSTEM)
        handoff.skill_group, handoff.reserved_for = group, agent_id
        if agent_id:
            handoff.desk = "own"  # Colleagues named here are ours.
        # Who hands a customer on is not offered them again at once.
        handoff.passed_over = {handoff.agent_id: now().isoformat()} if handoff.agent_id else {}
        handoff.agent_id = handoff.preferred_agent = handoff.offer_until = None

    async def _colleague(self, agent_id: str, staff: Staff, group: str) -> StaffAccount:
        if agent_id == staff.id:
            raise InvalidInput("不能转接给自己。")
        query = select(StaffAccount).where(StaffAccount.id == agent_id, StaffAccount.active)
        async with self._database.reading() as session:
            found = (await session.execute(query)).scalar_one_or_none()
        if found is None or "agent" not in found.roles:
            raise InvalidInput("没有找到这位同事，请重新选择。")
        if group not in found.skill_groups:
            skill = routing.GROUP_WORDS[group]
            raise InvalidInput(f"{found.display_name}没有“{skill}”技能，请换一位同事或转给技能组。")
        if await self._presence.status(agent_id) == "offline":
            raise Conflict(f"{found.display_name}现在不在线，请换一位同事或转给技能组。")
        return found
