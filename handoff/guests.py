"""Three in a conversation: a colleague or a supervisor joins, writes and leaves; the owner stays one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.errors import Conflict, IllegalMove, InvalidInput, NotAllowed
from core.events import GUEST, LiveBus
from core.redis_keys import agent_channel, backstage_channel
from core.staff import Staff, StaffAccount
from core.transcript import Draft
from handoff import words
from handoff.agents import Presence
from handoff.checks import MAX_NOTE, actor_of, check_owner, check_text
from handoff.models import GuestState, Handoff, HandoffGuest
from handoff.states import State
from handoff.steps import Step, Steps

MAX_GUESTS = 4
_HERE: tuple[GuestState, ...] = ("invited", "joined")


def is_guest_of(staff_id: str, states: Sequence[GuestState] = _HERE) -> ColumnElement[bool]:
    """SQL: the handoff has this guest now (joined to ``Handoff``)."""
    here = select(HandoffGuest.handoff_id).where(
        HandoffGuest.handoff_id == Handoff.id,
        HandoffGuest.staff_id == staff_id,
        HandoffGuest.state.in_(states),
        HandoffGuest.stretch == Handoff.accepted_at,
    )
    return and_(Handoff.state == State.ACTIVE, here.exists())


async def guests_of(
    session: AsyncSession, handoffs: Iterable[Handoff]
) -> dict[str, list[HandoffGuest]]:
    """Who is invited or there now, by handoff, in the order of coming."""
    query = (
        select(HandoffGuest)
        .join(Handoff, Handoff.id == HandoffGuest.handoff_id)
        .where(
            HandoffGuest.handoff_id.in_([handoff.id for handoff in handoffs]),
            HandoffGuest.state.in_(_HERE),
            HandoffGuest.stretch == Handoff.accepted_at,
            Handoff.state == State.ACTIVE,
        )
        .order_by(HandoffGuest.changed_at)
    )
    found: dict[str, list[HandoffGuest]] = {}
    for guest in (await session.execute(query)).scalars():
        found.setdefault(guest.handoff_id, []).append(guest)
    return found


async def check_speaker(session: AsyncSession, handoff: Handoff, staff: Staff) -> None:
    """Raises NotAllowed unless they own the conversation or have joined it."""
    if handoff.agent_id == staff.id:
        return
    guest = await session.get(HandoffGuest, (handoff.id, staff.id))
    if not _here(guest, handoff, "joined"):
        check_owner(handoff, staff, supervisors=False)


class Conference:
    """Invites, joins, declines, leaves. Every change is stored, said to the customer where they must
    know, and told to the people concerned."""

    def __init__(self, steps: Steps, presence: Presence, bus: LiveBus) -> None:
        self._steps = steps
        self._presence = presence
        self._bus = bus

    async def invite(
        self, handoff_id: str, staff: Staff, guest_id: str, note: str = ""
    ) -> HandoffGuest:
        """Asks somebody in; once more changes nothing.

        Raises:
            InvalidInput: nobody such, or the owner.
            Conflict: away, or the conversation is full.
            IllegalMove: nobody serves.
        """
        if note:
            check_text(note, MAX_NOTE, "备注")
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            check_owner(handoff, staff)
            stretch = _served_since(handoff)
            if guest_id in (staff.id, handoff.agent_id):
                raise InvalidInput("不能邀请自己或正在服务的同事。")
            account = await self._colleague(step.session, guest_id)
            guest = await step.session.get(HandoffGuest, (handoff_id, guest_id))
            if guest is not None and _here(guest, handoff):
                return guest
            here = (await guests_of(step.session, [handoff])).get(handoff_id, [])
            if len(here) >= MAX_GUESTS:
                raise Conflict(f"一个会话最多邀请{MAX_GUESTS}位同事。")
            guest = await _put(step, guest_id, "invited", stretch, staff.id, note)
            step.happened("invite", actor_of(staff), guest=guest_id, note=note)
        await self._tell(step.handoff, guest, account.display_name, staff)
        return guest

    async def candidates(self, staff: Staff) -> list[dict[str, Any]]:
        """Whom one may ask in: supervisors first, then colleagues who are not offline."""
        found = [
            {"id": key, "name": name, "supervisor": True}
            for key, name in (await self._presence.supervisors()).items()
        ]
        found += [
            {
                "id": agent.id, "name": agent.display_name, "supervisor": False,
                "status": agent.status, "load": agent.load, "capacity": agent.capacity,
            }
            for agent in await self._presence.everyone()
            if agent.status != "offline"
        ]  # fmt: skip
        return [person for person in found if person["id"] != staff.id]

    async def join(self, handoff_id: str, staff: Staff) -> HandoffGuest:
        """Comes in: who was invited, or any supervisor.

        Raises:
            NotAllowed: not invited.
            Conflict: one's own conversation.
            IllegalMove: nobody serves.
        """
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            stretch = _served_since(handoff)
            if handoff.agent_id == staff.id:
                raise Conflict("这就是您自己的会话。")
            guest = await step.session.get(HandoffGuest, (handoff_id, staff.id))
            if guest is not None and _here(guest, handoff, "joined"):
                return guest
            invited = _here(guest, handoff, "invited")
            if not invited and "supervisor" not in staff.roles:
                raise NotAllowed("您没有被邀请加入这个会话。")
            by, note = (guest.invited_by, guest.note) if guest and invited else (None, "")
            guest = await _put(step, staff.id, "joined", stretch, by, note)
            step.happened("join", actor_of(staff))
            await step.say(Draft("system", words.guest_joined(who(staff)), agent_id=staff.id))
        await self._tell(step.handoff, guest, staff.display_name, staff)
        return guest

    async def decline(self, handoff_id: str, staff: Staff, note: str = "") -> HandoffGuest:
        """Says no to an invitation; the inviter hears why."""
        if note:
            check_text(note, MAX_NOTE, "备注")
        return await self._go(handoff_id, staff, staff.id, "declined", note)

    async def leave(self, handoff_id: str, staff: Staff) -> HandoffGuest:
        """Goes again; the owner stays."""
        return await self._go(handoff_id, staff, staff.id, "left")

    async def dismiss(self, handoff_id: str, staff: Staff, guest_id: str) -> HandoffGuest:
        """The owner (or a supervisor) sends a guest away or takes an invitation back."""
        return await self._go(handoff_id, staff, guest_id, "left")

    async def _go(
        self, handoff_id: str, staff: Staff, guest_id: str, state: GuestState, note: str = ""
    ) -> HandoffGuest:
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            if guest_id != staff.id:
                check_owner(handoff, staff)
            guest = await step.session.get(HandoffGuest, (handoff_id, guest_id))
            if guest is None or not _here(guest, handoff):
                raise Conflict("这位同事不在会话里。")
            account = await step.session.get_one(StaffAccount, guest_id)
            was_in = guest.state == "joined"
            if state == "declined" and was_in:
                raise Conflict("您已经加入会话，请直接离开。")
            guest.state, guest.changed_at = state, now()
            step.happened("leave" if was_in else state, actor_of(staff), guest=guest_id, note=note)
            if was_in:
                called = words.called(account.display_name, "agent" not in account.roles)
                await step.say(Draft("system", words.guest_left(called), agent_id=guest_id))
        await self._tell(step.handoff, guest, account.display_name, staff, note)
        return guest

    async def _colleague(self, session: AsyncSession, guest_id: str) -> StaffAccount:
        found = await session.get(StaffAccount, guest_id)
        if found is None or not found.active or not {"agent", "supervisor"} & set(found.roles):
            raise InvalidInput("没有找到这位同事，请重新选择。")
        # Supervisors have no status of their own: they are asked and may come.
        agent = "supervisor" not in found.roles
        if agent and await self._presence.status(guest_id) == "offline":
            raise Conflict(f"{found.display_name}现在不在线，请换一位同事。")
        return found

    async def _tell(
        self, handoff: Handoff, guest: HandoffGuest, name: str, by: Staff, note: str = ""
    ) -> None:
        event: dict[str, Any] = {
            "handoff_id": handoff.id,
            "conversation_id": handoff.conversation_id,
            "guest": guest.staff_id,
            "guest_name": name,
            "state": guest.state,
            "by": by.id,
            "by_name": by.display_name,
            "note": note or (guest.note if guest.state == "invited" else ""),
        }
        channels = [backstage_channel(handoff.conversation_id), agent_channel(guest.staff_id)]
        for channel in channels:
            await self._bus.publish(channel, GUEST, **event)
        await self._steps.tell_staff(handoff)


def who(staff: Staff) -> str:
    """How customers hear of a member of staff."""
    return words.called(staff.display_name, "agent" not in staff.roles)


def _here(
    guest: HandoffGuest | None, handoff: Handoff, *states: GuestState
) -> bool:  # ``states``: by default invited or joined.
    return (
        guest is not None
        and handoff.state == State.ACTIVE
        and guest.stretch == handoff.accepted_at
        and guest.state in (states or _HERE)
    )


def _served_since(handoff: Handoff) -> datetime:
    if handoff.state != State.ACTIVE or handoff.accepted_at is None:
        raise IllegalMove("现在没有客服在服务这个会话，不能加入或邀请。", state=handoff.state)
    return handoff.accepted_at


async def _put(
    step: Step, guest_id: str, state: GuestState, stretch: datetime, by: str | None, note: str
) -> HandoffGuest:
    guest = HandoffGuest(
        handoff_id=step.handoff.id, staff_id=guest_id, state=state, invited_by=by, note=note,
        stretch=stretch, changed_at=now(),
    )  # fmt: skip
    return await step.session.merge(guest)
