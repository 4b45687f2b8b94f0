"""Tickets over HTTP: from the chat, listed, advanced."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from core.staff import Staff
from handoff import tickets as tickets_room
from handoff.models import Grade, TicketKind, TicketState
from handoff.service import HandoffService


class TicketBody(BaseModel):
    kind: TicketKind = "other"
    grade: Grade = "normal"
    title: str
    text: str = ""
    skill_group: str | None = None


class TicketStepBody(BaseModel):
    state: TicketState
    text: str = Field(max_length=2000)
    reply: bool = False


def create_ticket_router(service: HandoffService, at_work: Any) -> APIRouter:
    """Routes for tickets; ``at_work`` is the dependency that yields the staff member."""
    router = APIRouter(tags=["tickets"])
    signed_in = Depends(at_work)

    @router.get("/tickets")
    async def listed(
        state: Literal["open", "processing", "resolved", "closed"] | None = None,
        staff: Staff = signed_in,
    ) -> dict[str, Any]:
        """Most urgent first; agents see their groups' and their own."""
        states = (state,) if state else ("open", "processing")
        groups = None if "supervisor" in staff.roles else staff.skill_groups
        found = await service.tickets.listed(states, groups, staff.id)
        return {"tickets": [tickets_room.shown(ticket) for ticket in found]}

    @router.post("/tickets/{ticket_id}/steps")
    async def advance(
        ticket_id: str, body: TicketStepBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        await service.tickets.check_sight(ticket_id, staff)
        ticket = await service.tickets.advance(
            ticket_id, body.state, staff.id, body.text, body.reply
        )
        return {"ticket": tickets_room.shown(ticket)}

    @router.post("/handoffs/{handoff_id}/tickets", status_code=201)
    async def ticket(handoff_id: str, body: TicketBody, staff: Staff = signed_in) -> dict[str, Any]:
        """A ticket from the chat, owned by the agent unless it names another group."""
        created = await service.ticket_from(handoff_id, staff, **body.model_dump())
        return {"ticket": tickets_room.shown(created), "card": tickets_room.card(created)}

    return router
