"""Taking a waiting customer: from the list, or whoever is next. One winner among any number."""

from __future__ import annotations

from core.clock import now
from core.errors import AlreadyClaimed, IllegalMove, NotAllowed, NotFound
from core.staff import Staff
from core.transcript import Draft
from handoff import routing, words
from handoff.agents import Presence
from handoff.checks import actor_of
from handoff.intake import Intake
from handoff.models import Handoff
from handoff.queue import Claim, WaitingLine
from handoff.states import Move, State
from handoff.steps import Steps


class Claims:
    """Gives waiting customers to agents who ask for them."""

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


def _seconds_since_wait(handoff: Handoff) -> float:
    return max(0.0, round((now() - handoff.waiting_since).total_seconds(), 1))
