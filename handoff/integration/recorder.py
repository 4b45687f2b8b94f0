"""Writes what an outside desk must hear, in the very transaction in which it happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import new_id, now
from core.transcript import Conversation, Message
from handoff.context import masked
from handoff.integration import desk as events
from handoff.integration.models import DeskLink, DeskNotice
from handoff.models import Handoff, OutsideAgent, Rating
from handoff.states import ENDED, LIVE, Move
from handoff.steps import Step

FACTS_PATIENCE = timedelta(seconds=2)
"""So long a request waits for the customer's figures to come along."""
_MOVES: dict[Move, str] = {
    Move.OPEN: events.REQUESTED,
    Move.ACCEPT: events.ACCEPTED,
    Move.TAKE_OVER: events.TRANSFERRED,
    Move.TRANSFER: events.TRANSFERRED,
    Move.REASSIGN: events.TRANSFERRED,
    Move.FINISH: events.FINISHED,
    Move.CLOSE: events.CLOSED,
    Move.RETURN: events.RETURNED,
    Move.ABANDON: events.CANCELLED,
    Move.LEAVE_MESSAGE: events.LEFT_MESSAGE,
}


class Recorder:
    """The handoff's ``Outbound``."""

    async def moved(self, step: Step) -> None:
        """Notes the moves of a handoff that is at an outside desk, or was until this step."""
        session, handoff = step.session, step.handoff
        if Move.OPEN in step.moved and handoff.desk != "own":
            await _link(session, handoff)
        elif handoff.desk == "own" and not {Move.ACCEPT, *_TAKING} & set(step.moved):
            return
        link = await session.get(DeskLink, handoff.id, with_for_update=True)
        if link is None or not link.live:
            return
        if handoff.state in LIVE or _LEAVING & set(step.moved):
            await gather(session, link, handoff)
        kinds = [_MOVES[move] for move in step.moved if move in _MOVES]
        if handoff.desk == "own":
            kinds = [events.WITHDRAWN]
        elif events.CLOSED in kinds and events.FINISHED in kinds:
            kinds.remove(events.FINISHED)
        by_desk = step.by is not None and (step.by.id or "").startswith(f"{link.desk}:")
        data = await _standing(session, handoff) | {"by_desk": by_desk, "said_to": link.heard_id}
        for kind in kinds:
            note(session, link, kind, data)
        link.live = handoff.state not in ENDED and handoff.desk != "own"
        link.look_at = link.look_at if link.live else None

    async def informed(self, session: AsyncSession, handoff: Handoff) -> None:
        """The figures are here: the request that waits for them may go, or they follow it."""
        link = await session.get(DeskLink, handoff.id, with_for_update=True)
        if link is None or not link.live:
            return
        waiting = update(DeskNotice).where(
            DeskNotice.handoff_id == handoff.id,
            DeskNotice.kind == events.REQUESTED,
            DeskNotice.state == "pending",
            DeskNotice.attempts == 0,
        )
        released = await session.execute(waiting.values(due_at=now()).returning(DeskNotice.id))
        if not released.scalars().all():
            note(session, link, events.UPDATED, await _standing(session, handoff))

    async def rated(self, session: AsyncSession, handoff: Handoff, rating: Rating) -> None:
        """The customer gave their verdict on somebody of an outside desk."""
        link = await session.get(DeskLink, handoff.id)
        if link is not None and handoff.desk == link.desk:
            verdict = {"score": rating.score, "comment": masked(rating.comment)}
            note(session, link, events.RATED, await _standing(session, handoff) | verdict)


_TAKING = {Move.TAKE_OVER, Move.TRANSFER, Move.REASSIGN}
_LEAVING = {Move.FINISH, Move.RETURN, Move.ABANDON, Move.LEAVE_MESSAGE}
"""After these, the customer's words are the bot's business."""


def note(session: AsyncSession, link: DeskLink, kind: str, data: dict[str, Any]) -> None:
    """Adds a notice to the caller's transaction."""
    moment = now()
    waits = kind == events.REQUESTED and data.get("facts") == "asked"
    session.add(
        DeskNotice(
            event_id=new_id("e"), handoff_id=link.handoff_id, desk=link.desk, kind=kind, data=data,
            due_at=moment + FACTS_PATIENCE if waits else moment, created_at=moment,
        )
    )  # fmt: skip


async def gather(session: AsyncSession, link: DeskLink, handoff: Handoff) -> int:
    """Notes what was said since the last time; returns how many lines. The caller holds the link."""
    count, link.conversation_id = 0, handoff.conversation_id
    for message in await _unheard(session, link, handoff):
        link.heard_seq, link.heard_id = message.seq, message.id
        ours = message.sender == "agent" and not (message.agent_id or "").startswith(link.desk)
        if message.audience == "all" and (message.sender == "customer" or ours):
            note(session, link, events.MESSAGE, {"message": masked(message.public())})
            count += 1
    return count


async def _unheard(session: AsyncSession, link: DeskLink, handoff: Handoff) -> Sequence[Message]:
    here = Message.conversation_id == handoff.conversation_id
    heard = await session.get(Message, link.heard_id) if link.heard_id else None
    if heard is None:
        later = here
    elif heard.conversation_id == handoff.conversation_id:
        later = here & (Message.seq > heard.seq)
    else:
        # The customer goes on in another conversation, to which that message did not move.
        later = here & (Message.created_at > heard.created_at)
    query = select(Message).where(later).order_by(Message.seq)
    return (await session.execute(query)).scalars().all()


async def _link(session: AsyncSession, handoff: Handoff) -> None:
    last = (
        select(Message)
        .where(Message.conversation_id == handoff.conversation_id)
        .order_by(Message.seq.desc())
        .limit(1)
    )
    heard = (await session.execute(last)).scalar_one_or_none()
    session.add(
        DeskLink(
            handoff_id=handoff.id, desk=handoff.desk, conversation_id=handoff.conversation_id,
            heard_seq=heard.seq if heard else 0, heard_id=heard.id if heard else None,
            progress={}, created_at=now(),
        )
    )  # fmt: skip
    await session.flush()


async def _standing(session: AsyncSession, handoff: Handoff) -> dict[str, Any]:
    """How the handoff stands, by value: it may stand otherwise when the desk hears of it."""
    agent = await session.get(OutsideAgent, handoff.agent_id) if handoff.agent_id else None
    conversation = await session.get_one(Conversation, handoff.conversation_id)
    known = conversation.customer_id or conversation.phone
    told = (handoff.context.get("customer") or {}).get("facts_at")
    return {
        "conversation_id": handoff.conversation_id,
        "channel": conversation.channel,
        "state": str(handoff.state),
        "skill_group": handoff.skill_group,
        "priority": handoff.priority,
        "request": masked(handoff.request),
        "agent": {"id": agent.id.split(":", 1)[1], "name": agent.name} if agent else None,
        "disposition": handoff.disposition,
        "summary": masked(handoff.summary),
        "facts": "asked" if known and not told else "known" if told else "none",
    }
