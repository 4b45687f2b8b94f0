"""Several people at one conversation, over HTTP: conference, whisper, take-over, the number, canned replies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from core.staff import Staff
from handoff.canned import PLACEHOLDERS
from handoff.context import masked
from handoff.models import HandoffGuest
from handoff.service import HandoffService


class InviteBody(BaseModel):
    staff_id: str = Field(max_length=40)
    note: str = ""


class WordBody(BaseModel):
    note: str = ""


class WhisperBody(BaseModel):
    text: str
    client_message_id: str | None = Field(None, max_length=64)


class RevealBody(BaseModel):
    reason: str


class CannedBody(BaseModel):
    name: str
    text: str
    shared: bool = False


def create_people_router(service: HandoffService, at_work: Any) -> APIRouter:
    """Routes; ``at_work`` is the dependency that yields the staff member."""
    router = APIRouter()
    router.include_router(_conference(service, at_work))
    router.include_router(_supervising(service, at_work))
    router.include_router(_canned(service, at_work))
    return router


def _conference(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/handoffs/{handoff_id}", tags=["conference"])
    signed_in = Depends(at_work)

    @router.post("/invite")
    async def invite(handoff_id: str, body: InviteBody, staff: Staff = signed_in) -> dict[str, Any]:
        """Asks a colleague or a supervisor into the conversation; the customer hears nothing yet."""
        guest = await service.conference.invite(handoff_id, staff, body.staff_id, body.note)
        return _guest(guest)

    @router.get("/invitable")
    async def invitable(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """Whom the owner may ask in now."""
        handoff = await service.views.check(handoff_id, staff)
        people = await service.conference.candidates(staff)
        return {"people": [person for person in people if person["id"] != handoff.agent_id]}

    @router.post("/join")
    async def join(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """Comes in, invited or as a supervisor; the customer sees who joined."""
        await service.conference.join(handoff_id, staff)
        return await service.views.detail(handoff_id, staff)

    @router.post("/decline")
    async def decline(
        handoff_id: str, body: WordBody | None = None, staff: Staff = signed_in
    ) -> dict[str, Any]:
        note = body.note if body else ""
        return _guest(await service.conference.decline(handoff_id, staff, note))

    @router.post("/leave")
    async def leave(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """A guest goes; the customer sees that, and the owner stays."""
        return _guest(await service.conference.leave(handoff_id, staff))

    @router.delete("/guests/{staff_id}")
    async def dismiss(handoff_id: str, staff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """The owner takes an invitation back, or sends a guest away."""
        return _guest(await service.conference.dismiss(handoff_id, staff, staff_id))

    return router


def _supervising(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(tags=["supervisors"])
    signed_in = Depends(at_work)

    @router.post("/handoffs/{handoff_id}/whisper")
    async def whisper(
        handoff_id: str, body: WhisperBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        """A line for the serving agent; the customer never sees it."""
        said = await service.supervising.whisper(
            handoff_id, staff, body.text, body.client_message_id
        )
        return {"message": masked(said.staff())}

    @router.post("/handoffs/{handoff_id}/take-over")
    async def take_over(
        handoff_id: str, body: WordBody | None = None, staff: Staff = signed_in
    ) -> dict[str, Any]:
        """The supervisor becomes the owner, whoever served or nobody yet."""
        await service.supervising.take_over(handoff_id, staff, body.note if body else "")
        return await service.views.detail(handoff_id, staff)

    @router.post("/handoffs/{handoff_id}/reveal")
    async def reveal(handoff_id: str, body: RevealBody, staff: Staff = signed_in) -> dict[str, Any]:
        """The whole number, shown for ``seconds``; who asked and why is in the log before it is."""
        return await service.supervising.reveal(handoff_id, staff, body.reason)

    @router.get("/reveals")
    async def reveals(
        before: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        staff: Staff = signed_in,
    ) -> dict[str, Any]:
        """Who saw whose number and why, newest first (supervisors)."""
        rows = await service.supervising.reveals(staff, before, limit)
        names = await service.presence.names()
        shown = [
            {
                "id": row.id,
                "handoff_id": row.handoff_id,
                "staff_id": row.staff_id,
                "staff_name": names.get(row.staff_id, row.staff_id),
                "masked_phone": row.masked_phone,
                "reason": masked(row.reason),
                "at": row.at.isoformat(),
            }
            for row in rows
        ]
        return {"reveals": shown}

    return router


def _canned(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/canned", tags=["canned replies"])
    signed_in = Depends(at_work)

    @router.get("")
    async def listed(staff: Staff = signed_in) -> dict[str, Any]:
        """One's own and everybody's, and the placeholders that texts may use."""
        return {"replies": await service.canned.listed(staff), "placeholders": list(PLACEHOLDERS)}

    @router.post("", status_code=201)
    async def add(body: CannedBody, staff: Staff = signed_in) -> dict[str, Any]:
        return {"reply": await service.canned.add(staff, body.name, body.text, body.shared)}

    @router.put("/{reply_id}")
    async def change(reply_id: str, body: CannedBody, staff: Staff = signed_in) -> dict[str, Any]:
        return {"reply": await service.canned.change(staff, reply_id, body.name, body.text)}

    @router.delete("/{reply_id}", status_code=204)
    async def remove(reply_id: str, staff: Staff = signed_in) -> None:
        await service.canned.remove(staff, reply_id)

    return router


def _guest(guest: HandoffGuest) -> dict[str, Any]:
    return {"handoff_id": guest.handoff_id, "staff_id": guest.staff_id, "state": guest.state}
