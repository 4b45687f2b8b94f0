"""What desks read: list rows, whole packages, what was missed. Who may see what is decided here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import NotAllowed, NotFound
from core.staff import Staff
from core.transcript import Conversation, Message, Transcript
from handoff import routing
from handoff.agents import Presence
from handoff.assistance import Assistance
from handoff.canned import values_for
from handoff.context import ContextPackage, masked
from handoff.guests import guests_of, is_guest_of
from handoff.models import Handoff, HandoffEvent, HandoffGuest, Rating
from handoff.offers import seconds_left
from handoff.package import PackageBuilder
from handoff.serving import DISPOSITIONS
from handoff.sla import ServicePromise, shown, unanswered
from handoff.states import IN_LINE, OPEN, STATE_WORDS, State
from handoff.summary import MOOD_WORDS, closing_summary

_PREVIEW = 80


class DeskViews:
    """Reads for one staff member: agents see what they own or may take, supervisors all."""

    def __init__(
        self,
        database: Database,
        transcript: Transcript,
        builder: PackageBuilder,
        presence: Presence,
        assistance: Assistance,
        promise: ServicePromise,
    ) -> None:
        self._database = database
        self._transcript = transcript
        self._builder = builder
        self._presence = presence
        self._assistance = assistance
        self._promise = promise

    async def rows(
        self,
        staff: Staff,
        states: Collection[str] = OPEN,
        skill_group: str | None = None,
        mine: bool = False,
        limit: int = 200,
    ) -> list[dict[str, Any]]:
        """List rows in the order of the line.

        Args:
            mine: only what this staff member serves or served, or is asked into.
        """
        query = select(Handoff).where(Handoff.state.in_(states))
        if skill_group:
            query = query.where(Handoff.skill_group == skill_group)
        if mine:
            served = and_(Handoff.agent_id == staff.id, Handoff.state != State.OFFERED)
            query = query.where(or_(served, is_guest_of(staff.id)))
        elif "integration" in staff.roles:
            query = query.where(Handoff.desk == routing.desk_of(staff))
        elif "supervisor" not in staff.roles:
            query = query.where(_within_sight(staff))
        query = query.order_by(Handoff.ranked_at, Handoff.id)
        # What is on offer to a colleague is listed too, even where nobody else may take it.
        floor, moment = replace(await self._presence.floor(), strict=False), now()
        async with self._database.reading() as session:
            found = list((await session.execute(query.limit(limit))).scalars())
            seen = [
                handoff
                for handoff in found
                if handoff.agent_id == staff.id
                or handoff.state not in IN_LINE
                or routing.why_not(handoff, staff, floor, moment) is None
            ]
            return await self._shown(session, seen, staff)

    async def detail(self, handoff_id: str, staff: Staff) -> dict[str, Any]:
        """The row, the whole context package, the events and what the closing form starts with.

        Raises:
            NotFound, NotAllowed
        """
        floor = await self._presence.floor()
        async with self._database.reading() as session:
            handoff = await _seen(session, handoff_id, staff, floor)
            row = (await self._shown(session, [handoff], staff))[0]
            package = await self._builder.whole(session, handoff)
            events = select(HandoffEvent).where(HandoffEvent.handoff_id == handoff_id)
            moves = (await session.execute(events.order_by(HandoffEvent.id))).scalars()
            history = [event.shown() for event in moves]
            rating = await session.get(Rating, handoff_id)
        package = await self._finished(package)
        options = [{"value": value, "title": title} for value, title in DISPOSITIONS.items()]
        return row | {
            "context": masked(package.model_dump(mode="json")),
            "placeholders": masked(values_for(package, staff)),
            "events": masked(history),
            "closing": {
                "summary": masked(handoff.summary or closing_summary(package)),
                "disposition": handoff.disposition,
                "dispositions": options,
            },
            "rating": {"score": rating.score, "comment": rating.comment} if rating else None,
        }

    async def package(self, handoff_id: str) -> ContextPackage:
        """The whole context package as of now, for a desk that is not on our pages. Raises NotFound."""
        async with self._database.reading() as session:
            handoff = await session.get(Handoff, handoff_id)
            if handoff is None:
                raise NotFound("没有找到这个人工会话。")
            package = await self._builder.whole(session, handoff)
        return await self._finished(package)

    async def _finished(self, package: ContextPackage) -> ContextPackage:
        package.suggested_replies = await self._assistance.finish(package.suggested_replies)
        return package

    async def check(self, handoff_id: str, staff: Staff) -> Handoff:
        """The handoff, if this staff member may see it; raises NotFound or NotAllowed."""
        floor = await self._presence.floor()
        async with self._database.reading() as session:
            return await _seen(session, handoff_id, staff, floor)

    async def last_seq(self, conversation_id: str) -> int:
        """Sequence number of the last message."""
        return (await self._transcript.conversation(conversation_id)).last_seq

    async def active(self, staff_id: str) -> list[dict[str, Any]]:
        """The conversations somebody serves or has joined: handoff, conversation, last sequence number,
        and whether they are "owner" or "guest"."""
        query = (
            select(Handoff.id, Handoff.conversation_id, Conversation.last_seq, Handoff.agent_id)
            .join(Conversation, Conversation.id == Handoff.conversation_id)
            .where(
                or_(
                    and_(Handoff.agent_id == staff_id, Handoff.state == State.ACTIVE),
                    is_guest_of(staff_id, ("joined",)),
                )
            )
        )
        async with self._database.reading() as session:
            rows = await session.execute(query)
            return [
                {
                    "handoff_id": row[0],
                    "conversation_id": row[1],
                    "last_seq": row[2],
                    "role": "owner" if row[3] == staff_id else "guest",
                }
                for row in rows
            ]

    async def missed(self, conversation_id: str, after: int) -> list[dict[str, Any]]:
        """Every message of a conversation after a sequence number, for staff."""
        found: list[dict[str, Any]] = []
        while page := await self._transcript.messages(conversation_id, after):
            found += [masked(message.staff()) for message in page]
            after = page[-1].seq
        return found

    async def _shown(
        self, session: AsyncSession, handoffs: Sequence[Handoff], staff: Staff
    ) -> list[dict[str, Any]]:
        ids = [handoff.conversation_id for handoff in handoffs]
        query = select(Conversation).where(Conversation.id.in_(ids))
        conversations = {row.id: row for row in (await session.execute(query)).scalars()}
        last = await _last_messages(session, ids)
        unread = await _unread(session, [handoff.id for handoff in handoffs])
        guests = await guests_of(session, handoffs)
        names = await self._presence.names()
        silent, moment = await unanswered(session, handoffs), now()
        return [
            _row(handoff, conversations[handoff.conversation_id], last, unread, names, staff)
            | _company(guests.get(handoff.id, ()), names, handoff, staff)
            | _answering(handoff, names, staff)
            | shown(self._promise.clocks(handoff, silent.get(handoff.conversation_id)), moment)
            for handoff in handoffs
        ]


def _within_sight(staff: Staff) -> ColumnElement[bool]:
    reach = routing.groups_within_reach(staff.skill_groups)
    takeable = or_(Handoff.skill_group.in_(reach), Handoff.reserved_for == staff.id)
    takeable = and_(takeable, Handoff.desk == "own")
    return or_(
        Handoff.agent_id == staff.id,
        and_(Handoff.state.in_(IN_LINE), takeable),
        is_guest_of(staff.id),
    )


async def _seen(
    session: AsyncSession, handoff_id: str, staff: Staff, floor: routing.Floor
) -> Handoff:
    handoff = await session.get(Handoff, handoff_id)
    if handoff is None:
        raise NotFound("没有找到这个人工会话。")
    if handoff.agent_id == staff.id or "supervisor" in staff.roles:
        return handoff
    if "integration" in staff.roles:
        if handoff.desk == routing.desk_of(staff):
            return handoff
        raise NotAllowed("这个会话不由贵方的客服系统接待。")
    here = (await guests_of(session, [handoff])).get(handoff_id, ())
    if staff.id in {guest.staff_id for guest in here}:
        return handoff
    if handoff.state not in IN_LINE:
        raise NotAllowed("这个会话由其他同事负责，您不能查看。")
    refusal = routing.why_not(handoff, staff, floor, now())
    if refusal:
        raise NotAllowed(refusal)
    return handoff


async def _last_messages(session: AsyncSession, ids: Sequence[str]) -> dict[str, Message]:
    query = (
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.conversation_id.in_(ids), Message.seq == Conversation.last_seq)
    )
    return {row.conversation_id: row for row in (await session.execute(query)).scalars()}


async def _unread(session: AsyncSession, handoff_ids: Sequence[str]) -> dict[str, int]:
    query = (
        select(Handoff.id, func.count(Message.id))
        .join(Message, Message.conversation_id == Handoff.conversation_id)
        .where(
            Handoff.id.in_(handoff_ids),
            Message.sender == "customer",
            Message.seq > Handoff.read_seq,
        )
        .group_by(Handoff.id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _row(
    handoff: Handoff,
    conversation: Conversation,
    last: Mapping[str, Message],
    unread: Mapping[str, int],
    names: Mapping[str, str],
    staff: Staff,
) -> dict[str, Any]:
    customer = handoff.context["customer"]
    row = {
        "handoff_id": handoff.id,
        "conversation_id": handoff.conversation_id,
        "channel": conversation.channel,
        "desk": handoff.desk,
        "state": handoff.state,
        "state_text": STATE_WORDS[State(handoff.state)],
        "skill_group": handoff.skill_group,
        "skill_group_text": routing.GROUP_WORDS[handoff.skill_group],
        "trigger": handoff.trigger,
        "reason": routing.TRIGGER_WORDS[handoff.trigger],
        "request": handoff.request,
        "complaint_grade": handoff.complaint_grade,
        "customer_name": customer["name"],
        "masked_phone": customer["masked_phone"],
        "tier": customer["tier"],
        "tier_text": routing.TIER_WORDS.get(customer["tier"], customer["tier"]),
        "elderly": customer["elderly"],
        "verification": customer["verification"],
        "mood": handoff.mood,
        "mood_text": MOOD_WORDS[handoff.mood],
        "priority": handoff.priority,
        "priority_reasons": handoff.priority_reasons,
        "agent_id": handoff.agent_id,
        "agent_name": names.get(handoff.agent_id or ""),
        "mine": handoff.agent_id == staff.id and handoff.state != State.OFFERED,
        "reserved_for": handoff.reserved_for,
        "preferred_agent": handoff.preferred_agent,
        "opened_at": handoff.opened_at.isoformat(),
        "waiting_since": handoff.waiting_since.isoformat(),
        "waiting_s": _waited(handoff),
        "accepted_at": _iso(handoff.accepted_at),
        "first_reply_at": _iso(handoff.first_reply_at),
        "ended_at": _iso(handoff.ended_at),
        "disposition": handoff.disposition,
        "unread": unread.get(handoff.id, 0),
        "last_seq": conversation.last_seq,
        "last_message": _preview(last.get(conversation.id)),
    }
    return {name: masked(value) for name, value in row.items()}


def _company(
    guests: Sequence[HandoffGuest], names: Mapping[str, str], handoff: Handoff, staff: Staff
) -> dict[str, Any]:
    # Who else is there, and what the reader is to this conversation.
    own = next((guest for guest in guests if guest.staff_id == staff.id), None)
    serves = handoff.agent_id == staff.id and handoff.state != State.OFFERED
    role = "owner" if serves else None
    if own is not None:
        role = "guest" if own.state == "joined" else "invited"
    return {
        "role": role,
        "guests": [
            {
                "id": guest.staff_id,
                "name": names.get(guest.staff_id, guest.staff_id),
                "state": guest.state,
                "by": names.get(guest.invited_by or ""),
                "note": guest.note if guest.state == "invited" else "",
            }
            for guest in guests
        ],
    }


def _answering(handoff: Handoff, names: Mapping[str, str], staff: Staff) -> dict[str, Any]:
    # Who answers for it until it is closed, and to whom it is on offer.
    offer = None
    if handoff.state == State.OFFERED:
        offer = {
            "agent_id": handoff.agent_id,
            "agent_name": names.get(handoff.agent_id or ""),
            "mine": handoff.agent_id == staff.id,
        }
    return {
        "owner": handoff.owner,
        "owner_name": names.get(handoff.owner or "")
        or f"{routing.GROUP_WORDS[handoff.skill_group]}组",
        "first_agent": handoff.first_agent,
        "offer": offer,
        "offer_left_s": seconds_left(handoff),
    }


def _preview(message: Message | None) -> dict[str, Any] | None:
    if message is None:
        return None
    at = message.created_at.isoformat()
    return {
        "sender": message.sender,
        "audience": message.audience,
        "agent_id": message.agent_id,
        "text": message.text[:_PREVIEW],
        "at": at,
    }


def _waited(handoff: Handoff) -> int:
    # The present wait, or how long the last one was.
    end = now()
    if handoff.state not in IN_LINE:
        end = handoff.accepted_at or handoff.ended_at or end
    return max(0, int((end - handoff.waiting_since).total_seconds()))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
