"""What supervisors do besides watching: a word in the agent's ear, taking over, seeing who saw a number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import select

from core.clock import now
from core.database import Database
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.events import WHISPER, LiveBus
from core.redis_keys import agent_channel
from core.security import mask
from core.staff import Staff
from core.transcript import Conversation, Draft, Message
from handoff import words
from handoff.checks import MAX_NOTE, actor_of, check_active, check_text
from handoff.guests import who
from handoff.models import Handoff, HandoffGuest, NumberReveal
from handoff.serving import already_said
from handoff.states import IN_LINE, Move, State
from handoff.steps import Steps

MIN_REASON, MAX_REASON = 2, 200
REVEAL_S = 30
"""For so long a desk shows the number."""


Accept = Callable[[str, Staff], Awaitable[Handoff]]
"""Takes a waiting handoff."""


class Supervising:
    """Acts on conversations that somebody else owns."""

    def __init__(self, database: Database, steps: Steps, accept: Accept, bus: LiveBus) -> None:
        self._database = database
        self._steps = steps
        self._accept = accept
        self._bus = bus

    async def whisper(
        self, handoff_id: str, staff: Staff, text: str, client_message_id: str | None = None
    ) -> Message:
        """A line for the serving agent which the customer never sees.

        Raises:
            NotAllowed: not a supervisor.
            IllegalMove: nobody serves.
        """
        staff.require("supervisor")
        check_text(text, MAX_NOTE, "提示")
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            known = await already_said(step, staff, client_message_id, "staff")
            if known is not None:
                return known
            check_active(handoff)
            if handoff.agent_id == staff.id:
                raise Conflict("这是您自己服务的会话，可以直接写备注。")
            card = {"type": "whisper", "to": handoff.agent_id}
            message = await step.say(
                Draft(
                    "agent", text, card=card, agent_id=staff.id, agent_name=staff.display_name,
                    audience="staff", client_message_id=client_message_id or None,
                )
            )  # fmt: skip
        marks = {"handoff_id": handoff_id, "conversation_id": handoff.conversation_id}
        await self._bus.publish(
            agent_channel(str(handoff.agent_id)), WHISPER, **marks,
            by=staff.id, by_name=staff.display_name, text=mask(text),
        )  # fmt: skip
        return message

    async def take_over(self, handoff_id: str, staff: Staff, note: str = "") -> Handoff:
        """Makes a supervisor the owner, of a served conversation or of a waiting one.

        Raises:
            NotAllowed: not a supervisor.
            IllegalMove: it is over.
        """
        staff.require("supervisor")
        if note:
            check_text(note, MAX_NOTE, "备注")
        async with self._database.reading() as session:
            found = await session.get(Handoff, handoff_id)
        if found is None:
            raise NotFound("没有找到这个人工会话。")
        if found.state in IN_LINE:
            return await self._accept(handoff_id, staff)
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            if handoff.state == State.ACTIVE and handoff.agent_id == staff.id:
                return handoff
            step.move(Move.TAKE_OVER, actor_of(staff), from_agent=handoff.agent_id, note=note)
            handoff.agent_id, handoff.desk = staff.id, "own"
            guest = await step.session.get(HandoffGuest, (handoff_id, staff.id))
            if guest is not None:
                await step.session.delete(guest)
            await step.say(Draft("system", words.taken_over(who(staff)), agent_id=staff.id))
            if note:
                text = f"接管备注：{note}"
                await step.say(
                    Draft(
                        "agent", text, agent_id=staff.id, agent_name=staff.display_name,
                        audience="staff",
                    )
                )  # fmt: skip
        return step.handoff

    async def reveal(self, handoff_id: str, staff: Staff, reason: str) -> dict[str, Any]:
        """The customer's whole number, once the log has the row that says who asked and why.

        Raises:
            InvalidInput: no real reason.
            NotAllowed: not the owner of a conversation in hand, nor a supervisor.
            NotFound: the customer left no number.
        """
        why = check_reason(reason)
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            in_hand = handoff.state in (State.ACTIVE, State.WRAP_UP)
            if "supervisor" not in staff.roles and not (handoff.agent_id == staff.id and in_hand):
                raise NotAllowed("只有正在服务这位客户的客服和主管可以查看完整号码。")
            conversation = await step.session.get_one(Conversation, handoff.conversation_id)
            if not conversation.phone:
                raise NotFound("这位客户没有留下手机号。")
            step.session.add(
                NumberReveal(
                    handoff_id=handoff_id, conversation_id=conversation.id, staff_id=staff.id,
                    masked_phone=mask(conversation.phone), reason=why, at=now(),
                )
            )  # fmt: skip
            step.happened("reveal", actor_of(staff), note=why)
        return {"phone": conversation.phone, "seconds": REVEAL_S}

    async def reveals(self, staff: Staff, before: int = 0, limit: int = 100) -> list[NumberReveal]:
        """The log, newest first; ``before`` an id for the page after it."""
        staff.require("supervisor")
        query = select(NumberReveal)
        if before:
            query = query.where(NumberReveal.id < before)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(NumberReveal.id.desc()).limit(limit))
            return list(rows.scalars())


def check_reason(reason: str) -> str:
    """The reason in one line; raises InvalidInput when it is none."""
    why = " ".join(reason.split())
    if not MIN_REASON <= len(why) <= MAX_REASON:
        raise InvalidInput(f"请写明查看原因，{MIN_REASON}到{MAX_REASON}字。")
    return why
