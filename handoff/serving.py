"""What agents do: accept, talk, note, transfer, give back, finish, close."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from core.clock import now
from core.errors import (
    AlreadyClaimed,
    Conflict,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from core.staff import Staff
from core.transcript import Draft, Message
from handoff import routing, words
from handoff.agents import Presence
from handoff.checks import MAX_MESSAGE, MAX_NOTE, actor_of, check_active, check_owner, check_text
from handoff.context import ContextPackage
from handoff.intake import Intake
from handoff.models import Handoff
from handoff.queue import Claim, WaitingLine
from handoff.states import Move, State
from handoff.steps import Actor, Step, Steps
from handoff.summary import closing_summary

log = structlog.get_logger(__name__)

DISPOSITIONS = {
    "resolved": "已解决",
    "followup": "需后续跟进",
    "ticket": "已建工单",
    "no_reply": "客户未回应",
    "invalid": "无效会话",
}
"""Suggested outcomes; an operator's own words are accepted too."""
_MAX_DISPOSITION = 40


class Serving:
    """The agent's side of the state machine."""

    def __init__(self, steps: Steps, line: WaitingLine, presence: Presence, intake: Intake) -> None:
        self._steps = steps
        self._line = line
        self._presence = presence
        self._intake = intake

    async def accept(self, handoff_id: str, staff: Staff) -> Handoff:
        """Takes a waiting handoff; one winner. Accepting one's own again changes nothing.

        Raises:
            AlreadyClaimed: another agent was faster.
            NotAllowed: not within the agent's skills.
            IllegalMove: it no longer waits.
        """
        handoff = await self._intake.get(handoff_id)
        if handoff.state == State.ACTIVE and handoff.agent_id == staff.id:
            return handoff
        await self._may_take(handoff, staff)
        if await self._line.claim(handoff_id, handoff.skill_group, staff.id) is Claim.LOST:
            raise AlreadyClaimed
        try:
            accepted = await self._accept_in_sql(handoff_id, staff)
        except BaseException:
            await self._unclaim(handoff_id)
            raise
        if await self._presence.status(staff.id) == "offline":
            # Who takes a customer is at work.
            await self._presence.set_status(staff.id, "online")
        return accepted

    async def accept_next(self, staff: Staff) -> Handoff | None:
        """Takes what is best served next by this agent; None when nothing waits."""
        groups = routing.groups_within_reach(staff.skill_groups)
        for handoff_id in await self._line.first(groups):
            try:
                return await self.accept(handoff_id, staff)
            except (AlreadyClaimed, NotAllowed, IllegalMove, NotFound):
                continue
        return None

    async def message(
        self, handoff_id: str, staff: Staff, text: str, client_message_id: str | None = None
    ) -> Message:
        """The agent speaks. The same ``client_message_id`` again returns the first message.

        Raises:
            EmptyText, TextTooLong, NotAllowed, IllegalMove
        """
        check_text(text, MAX_MESSAGE, "消息")
        async with self._steps.step(handoff_id) as step:
            check_owner(step.handoff, staff, supervisors=False)
            known = await _already_said(step, client_message_id)
            if known is not None:
                return known
            check_active(step.handoff)
            draft = Draft(
                "agent", text, agent_id=staff.id, client_message_id=client_message_id or None
            )
            message = await step.say(draft)
            step.handoff.first_reply_at = step.handoff.first_reply_at or message.created_at
            step.handoff.read_seq = message.seq
        return message

    async def note(self, handoff_id: str, staff: Staff, text: str) -> Message:
        """A private note: stored with the handoff and shown to staff in the transcript."""
        check_text(text, MAX_NOTE, "备注")
        async with self._steps.step(handoff_id) as step:
            check_owner(step.handoff, staff)
            step.note(actor_of(staff), text=text)
            draft = Draft("agent", text, agent_id=staff.id, audience="staff")
            return await step.say(draft)

    async def read(self, handoff_id: str, staff: Staff, seq: int) -> None:
        """The serving agent has seen everything up to ``seq``."""
        async with self._steps.step(handoff_id) as step:
            if step.handoff.agent_id == staff.id:
                step.handoff.read_seq = max(step.handoff.read_seq, seq)

    async def give_back(self, handoff_id: str, staff: Staff, note: str = "") -> Handoff:
        """Gives the customer back to the bot."""
        if note:
            check_text(note, MAX_NOTE, "备注")
        async with self._steps.step(handoff_id) as step:
            check_owner(step.handoff, staff)
            _stop_clock(step.handoff)
            step.move(Move.RETURN, actor_of(staff), note=note)
            await step.say(Draft("system", words.returned()))
            await step.give_to("bot")
        return step.handoff

    async def finish(self, handoff_id: str, staff: Staff) -> Handoff:
        """Ends the talk: the customer may rate and has the bot again, the agent writes it up."""
        async with self._steps.step(handoff_id) as step:
            check_owner(step.handoff, staff)
            await self._finish(step, actor_of(staff))
        return step.handoff

    async def close(
        self,
        handoff_id: str,
        staff: Staff,
        disposition: str = "resolved",
        summary: str | None = None,
    ) -> Handoff:
        """Closes with an outcome; ends the talk first if it still goes on.

        Args:
            summary: the agent's; the prefilled one when not given.
        """
        outcome = disposition.strip()
        if not outcome or len(outcome) > _MAX_DISPOSITION:
            raise InvalidInput(f"请选择处理结果，不超过{_MAX_DISPOSITION}字。")
        if summary:
            check_text(summary, MAX_NOTE, "小结")
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            check_owner(handoff, staff)
            if handoff.state == State.ACTIVE:
                await self._finish(step, actor_of(staff))
            step.move(Move.CLOSE, actor_of(staff), disposition=outcome)
            handoff.disposition = outcome
            package = ContextPackage.model_validate(handoff.context)
            handoff.summary = summary or closing_summary(package)
        return step.handoff

    async def _finish(self, step: Step, actor: Actor) -> None:
        _stop_clock(step.handoff)
        step.move(Move.FINISH, actor)
        card = {"type": "rating", "handoff_id": step.handoff.id}
        await step.say(Draft("system", words.finished(), card=card))
        await step.give_to("bot")

    async def _may_take(self, handoff: Handoff, staff: Staff) -> None:
        if handoff.state not in (State.WAITING, State.OFFERED):
            return  # The table gives the better words.
        refusal = routing.why_not(handoff, staff, await self._presence.floor(), now())
        if refusal:
            raise NotAllowed(refusal)

    async def _accept_in_sql(self, handoff_id: str, staff: Staff) -> Handoff:
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            if handoff.state == State.ACTIVE and handoff.agent_id == staff.id:
                return handoff
            if handoff.state == State.ACTIVE:
                raise AlreadyClaimed
            step.move(Move.ACCEPT, actor_of(staff), waited_s=_seconds_since_wait(handoff))
            handoff.agent_id, handoff.reserved_for = staff.id, None
            handoff.accepted_at = now()
            await step.say(Draft("system", words.joined(staff.display_name), agent_id=staff.id))
            await step.give_to("human")
        return step.handoff

    async def _unclaim(self, handoff_id: str) -> None:
        handoff = await self._intake.get(handoff_id)
        if handoff.state == State.WAITING:
            await self._line.put(handoff)
        else:
            await self._line.drop(handoff_id, handoff.skill_group)


async def _already_said(step: Step, client_message_id: str | None) -> Message | None:
    if not client_message_id:
        return None
    query = select(Message).where(
        Message.conversation_id == step.handoff.conversation_id,
        Message.client_message_id == client_message_id,
    )
    known = (await step.session.execute(query)).scalar_one_or_none()
    if known is not None and known.sender != "agent":
        raise Conflict("消息编号已被使用，请刷新后重新发送。")
    return known


def _stop_clock(handoff: Handoff) -> None:
    if handoff.accepted_at is not None and handoff.state == State.ACTIVE:
        # A clock set back must not make a negative time.
        handoff.handling_s = max(0.0, (now() - handoff.accepted_at).total_seconds())


def _seconds_since_wait(handoff: Handoff) -> float:
    return max(0.0, round((now() - handoff.waiting_since).total_seconds(), 1))
