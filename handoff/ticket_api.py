"""Tickets over HTTP: from the chat, listed, advanced."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from core.staff import Staff
from handoff import tickets as tickets_room
from handoff.casework import Call, Work
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
    call: Call | None = None
    """Whether a call reached the customer; "reached" counts as a reply."""
    again_at: AwareDatetime | None = None
    """When the customer will be called again."""


class AssignBody(BaseModel):
    owner: str | None = Field(None, max_length=40)
    """Staff id; without it the group owns the case."""
    skill_group: str | None = None
    note: str = ""


class ReasonBody(BaseModel):
    reason: str


def create_ticket_router(service: HandoffService, at_work: Any) -> APIRouter:
    """Routes for tickets; ``at_work`` is the dependency that yields the staff member."""
    router = APIRouter(tags=["tickets"])
    signed_in = Depends(at_work)

    @router.get("/tickets")
    async def listed(
        state: Literal["open", "processing", "resolved", "closed", "done"] | None = None,
        staff: Staff = signed_in,
    ) -> dict[str, Any]:
        """Open ones unless told otherwise, the one due first on top; agents see their groups' and their
        own. ``done`` is resolved and closed, newest first."""
        states = (state,) if state and state != "done" else tickets_room.OPEN
        states = tickets_room.DONE if state == "done" else states
        return {"tickets": await service.casework.listed(staff, states)}

    @router.get("/tickets/{ticket_id}")
    async def detail(ticket_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """With the whole context package of its conversation, as of now."""
        return {"ticket": await service.casework.detail(ticket_id, staff)}

    @router.post("/tickets/{ticket_id}/steps")
    async def advance(
        ticket_id: str, body: TicketStepBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        """What was done. The customer reads in their conversation that a call missed them, and how the
        case ended."""
        await service.casework.work(ticket_id, staff, Work(**body.model_dump()))
        return {"ticket": await service.casework.detail(ticket_id, staff)}

    @router.post("/tickets/{ticket_id}/assign")
    async def assign(ticket_id: str, body: AssignBody, staff: Staff = signed_in) -> dict[str, Any]:
        """To oneself, a colleague or a group; only the owner or a supervisor gives away what is owned."""
        ticket = await service.casework.assign(
            ticket_id, staff, body.owner, body.skill_group, body.note
        )
        return {"ticket_id": ticket.id, "owner": ticket.owner, "skill_group": ticket.skill_group}

    @router.post("/tickets/{ticket_id}/reveal")
    async def reveal(ticket_id: str, body: ReasonBody, staff: Staff = signed_in) -> dict[str, Any]:
        """The whole numbers, shown for ``seconds``; who asked and why is in the log before they are."""
        return await service.reveal_for_ticket(ticket_id, staff, body.reason)

    @router.post("/handoffs/{handoff_id}/tickets", status_code=201)
    async def ticket(handoff_id: str, body: TicketBody, staff: Staff = signed_in) -> dict[str, Any]:
        """A ticket from the chat, owned by the agent unless it names another group."""
        created = await service.ticket_from(handoff_id, staff, **body.model_dump())
        return {"ticket": tickets_room.shown(created), "card": tickets_room.card(created)}

    return router
