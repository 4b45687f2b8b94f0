"""A call back instead of a wait: outside the hours, when the line is full, or when the customer prefers it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.settings import Settings
from core.transcript import Conversation, Draft
from handoff import words
from handoff.hours import ServiceHours, day_words
from handoff.models import Ticket
from handoff.states import Move
from handoff.steps import CUSTOMER, SYSTEM, Step
from handoff.tickets import create_in


@dataclass(frozen=True)
class QueuePolicy:
    """When a line is full and what a place in it is worth.

    Args:
        most: waiting in one group; 0 = any number.
        longest_s: estimated wait; 0 = any.
        only_callback: a full line takes nobody in.
        point_s: seconds of waiting that a priority point is worth.
    """

    most: int = 0
    longest_s: float = 0
    only_callback: bool = False
    point_s: float = 0

    @classmethod
    def of(cls, settings: Settings) -> QueuePolicy:
        """As the settings say."""
        return cls(
            settings.queue_max,
            settings.queue_max_wait_s,
            settings.queue_full == "callback",
            settings.priority_point_s,
        )

    def full(self, position: int, wait_s: int | None) -> bool:
        """Whether a customer at this place had better be called back.

        Without anybody online there is no estimate; the number waiting decides alone.
        """
        crowded = bool(self.most) and position > self.most
        slow = bool(self.longest_s) and wait_s is not None and wait_s > self.longest_s
        return crowded or slow


class CallBack:
    """Turns a handoff into a call-back ticket, one per conversation while it is open."""

    def __init__(self, hours: ServiceHours) -> None:
        self._hours = hours

    async def instead(self, step: Step, why: str) -> Ticket:
        """Ends the wait with a ticket and tells the customer.

        Args:
            why: the first sentence for the customer.

        Raises:
            IllegalMove: an agent serves already.
        """
        handoff, session = step.handoff, step.session
        conversation = await session.get_one(Conversation, handoff.conversation_id)
        asked = why == words.CALLED_BACK
        step.move(Move.LEAVE_MESSAGE, CUSTOMER if asked else SYSTEM)
        handoff.disposition = "left_message"
        handoff.agent_id = handoff.offer_until = None
        ticket = await _open_callback(session, conversation.id)
        if ticket is not None:
            await step.say(Draft("system", why + words.message_already_left(ticket.id)))
            return ticket
        ticket = await create_in(
            session,
            kind="callback",
            title=f"回访：{handoff.request}"[:100],
            text=handoff.request,
            skill_group=handoff.skill_group,
            conversation=conversation,
            handoff_id=handoff.id,
            grade=handoff.complaint_grade or "normal",
            hours=self._hours,
        )
        line = words.left_message(
            ticket.id, day_words(ticket.first_reply_due), bool(conversation.phone)
        )
        await step.say(Draft("system", why + line))
        return ticket


async def _open_callback(session: AsyncSession, conversation_id: str) -> Ticket | None:
    query = select(Ticket).where(
        Ticket.conversation_id == conversation_id,
        Ticket.kind == "callback",
        Ticket.state.in_(["open", "processing"]),
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()
