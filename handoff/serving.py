"""What agents do with a conversation they serve: talk, note, give back, finish, close."""

from __future__ import annotations

from sqlalchemy import select

from core.clock import now
from core.errors import Conflict, InvalidInput
from core.staff import Staff
from core.transcript import Audience, Draft, Message
from handoff import words
from handoff.canned import check_filled
from handoff.checks import MAX_MESSAGE, MAX_NOTE, actor_of, check_active, check_owner, check_text
from handoff.context import ContextPackage
from handoff.guests import check_speaker
from handoff.models import Handoff
from handoff.states import Move, State
from handoff.steps import Actor, Step, Steps
from handoff.summary import closing_summary

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

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def message(
        self, handoff_id: str, staff: Staff, text: str, client_message_id: str | None = None
    ) -> Message:
        """The agent speaks. The same ``client_message_id`` again returns the first message.

        Raises:
            EmptyText, TextTooLong, NotAllowed, IllegalMove
        """
        check_text(text, MAX_MESSAGE, "消息")
        check_filled(text)
        async with self._steps.step(handoff_id) as step:
            await check_speaker(step.session, step.handoff, staff)
            known = await already_said(step, staff, client_message_id, "all")
            if known is not None:
                return known
            check_active(step.handoff)
            message = await step.say(
                Draft(
                    "agent", text, agent_id=staff.id, agent_name=staff.display_name,
                    client_message_id=client_message_id or None,
                )
            )  # fmt: skip
            step.handoff.first_reply_at = step.handoff.first_reply_at or message.created_at
            if step.handoff.agent_id == staff.id:
                step.handoff.read_seq = message.seq
        return message

    async def note(
        self, handoff_id: str, staff: Staff, text: str, client_message_id: str | None = None
    ) -> Message:
        """A private note: stored with the handoff and shown to staff in the transcript. The same
        ``client_message_id`` again returns the first note."""
        check_text(text, MAX_NOTE, "备注")
        async with self._steps.step(handoff_id) as step:
            if "supervisor" not in staff.roles:
                await check_speaker(step.session, step.handoff, staff)
            known = await already_said(step, staff, client_message_id, "staff")
            if known is not None:
                return known
            step.note(actor_of(staff), text=text)
            return await step.say(
                Draft(
                    "agent", text, agent_id=staff.id, agent_name=staff.display_name,
                    audience="staff", client_message_id=client_message_id or None,
                )
            )  # fmt: skip

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


async def already_said(
    step: Step, staff: Staff, client_message_id: str | None, audience: Audience
) -> Message | None:
    """The line that was stored under this id before.

    Raises:
        Conflict: the id belongs to somebody else's line, or to one for other eyes.
    """
    if not client_message_id:
        return None
    query = select(Message).where(
        Message.conversation_id == step.handoff.conversation_id,
        Message.client_message_id == client_message_id,
    )
    known = (await step.session.execute(query)).scalar_one_or_none()
    ours = known is None or (known.agent_id, known.audience) == (staff.id, audience)
    if not ours:
        raise Conflict("消息编号已被使用，请刷新后重新发送。")
    return known


def _stop_clock(handoff: Handoff) -> None:
    if handoff.accepted_at is not None and handoff.state == State.ACTIVE:
        # A clock set back must not make a negative time.
        handoff.handling_s = max(0.0, (now() - handoff.accepted_at).total_seconds())
