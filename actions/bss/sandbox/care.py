"""621 troubleTicket, 683 partyInteraction, 656 serviceProblem (faults the operator knows of)."""

# ruff: noqa: N815 (TM Forum's own field names)

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from actions.bss.sandbox.accounts import Limit, Offset, Party, state
from actions.bss.sandbox.calendar import moment
from actions.bss.sandbox.errors import missing
from actions.bss.sandbox.orders import Ref
from actions.bss.sandbox.state import State
from actions.bss.sandbox.views import pick, stamp
from core.clock import local_now

router = APIRouter(prefix="/tmf-api")
_PREFIX = {"fault": "BX", "complaint": "TS", "spam": "JB"}


class Note(BaseModel):
    author: str = Field(max_length=60)
    text: str = Field(min_length=1, max_length=4000)


class NewTicket(BaseModel):
    description: str = Field(min_length=1, max_length=4000)
    severity: Literal["critical", "major", "minor"]
    ticketType: str = Field(min_length=1, max_length=40)
    name: str = Field("", max_length=100)
    priority: Literal["high", "medium", "low"] = "medium"
    externalId: str | None = None
    relatedParty: list[Ref] = []
    relatedEntity: list[dict[str, Any]] = []
    channel: dict[str, Any] = {}
    note: list[Note] = []


class TicketChange(BaseModel):
    status: (
        Literal["acknowledged", "pending", "held", "inProgress", "resolved", "closed", "cancelled"]
        | None
    ) = None
    note: list[Note] = []


def _dated(notes: list[Note]) -> list[dict[str, str]]:
    return [{"author": note.author, "date": moment(), "text": note.text} for note in notes]


@router.post("/troubleTicket/v4/troubleTicket", status_code=201)
async def open_ticket(request: Request, ticket: NewTicket) -> dict[str, Any]:
    here = state(request)

    def make() -> dict[str, Any]:
        shape = stamp(
            {
                **ticket.model_dump(exclude={"note"}),
                "id": here.number(_PREFIX.get(ticket.ticketType, "GD")),
                "status": "acknowledged",
                "statusChange": [{"status": "acknowledged", "changeDate": moment()}],
                "note": _dated(ticket.note),
            }
        )
        here.tickets[shape["id"]] = shape
        return shape

    return here.once("ticket", ticket.externalId, make)


@router.get("/troubleTicket/v4/troubleTicket")
async def tickets(
    request: Request, party: Party, status: str | None = None, offset: Offset = 0,
    limit: Limit = 20,
) -> list[Any]:  # fmt: skip
    found = [
        ticket
        for ticket in reversed(state(request).tickets.values())
        if any(ref["id"] == party for ref in ticket["relatedParty"])
        and (status is None or ticket["status"] in status.split(","))
    ]
    return pick(found, None, offset, limit)


def _ticket(here: State, ticket_id: str) -> dict[str, Any]:
    found = here.tickets.get(ticket_id)
    if found is None:
        raise missing("这张工单")
    return found


@router.get("/troubleTicket/v4/troubleTicket/{ticket_id}")
async def one_ticket(request: Request, ticket_id: str) -> dict[str, Any]:
    return _ticket(state(request), ticket_id)


@router.patch("/troubleTicket/v4/troubleTicket/{ticket_id}")
async def change_ticket(request: Request, ticket_id: str, change: TicketChange) -> dict[str, Any]:
    ticket = _ticket(state(request), ticket_id)
    if change.status and change.status != ticket["status"]:
        ticket["status"] = change.status
        ticket["statusChange"].append({"status": change.status, "changeDate": moment()})
    ticket["note"] += _dated(change.note)
    ticket["lastUpdate"] = moment()
    return ticket


class NewInteraction(BaseModel):
    interactionDate: dict[str, Any]
    reason: str = Field(min_length=1, max_length=400)
    status: Literal["open", "inProgress", "completed"]
    direction: Literal["inbound", "outbound"]
    channel: list[dict[str, Any]] = Field(min_length=1)
    description: str = Field("", max_length=4000)
    externalId: str | None = None
    relatedParty: list[Ref] = []
    interactionItem: list[dict[str, Any]] = []
    note: list[Note] = []


class InteractionChange(BaseModel):
    status: Literal["open", "inProgress", "completed"] | None = None
    interactionItem: list[dict[str, Any]] = []
    note: list[Note] = []


@router.post("/partyInteraction/v4/partyInteraction", status_code=201)
async def open_interaction(request: Request, interaction: NewInteraction) -> dict[str, Any]:
    here = state(request)

    def make() -> dict[str, Any]:
        base = {**interaction.model_dump(exclude={"note"}), "id": here.number("HF")}
        shape = stamp({**base, "note": _dated(interaction.note)})
        here.interactions[shape["id"]] = shape
        return shape

    return here.once("interaction", interaction.externalId, make)


@router.get("/partyInteraction/v4/partyInteraction")
async def interactions(
    request: Request, party: Party, offset: Offset = 0, limit: Limit = 20
) -> list[Any]:
    found = [
        item
        for item in reversed(state(request).interactions.values())
        if any(ref["id"] == party for ref in item["relatedParty"])
    ]
    return pick(found, None, offset, limit)


@router.patch("/partyInteraction/v4/partyInteraction/{interaction_id}")
async def change_interaction(
    request: Request, interaction_id: str, change: InteractionChange
) -> dict[str, Any]:
    found = state(request).interactions.get(interaction_id)
    if found is None:
        raise missing("这条接触记录")
    if change.status:
        found["status"] = change.status
    found["interactionItem"] += change.interactionItem
    found["note"] += _dated(change.note)
    found["lastUpdate"] = moment()
    return found


@router.get("/serviceProblemManagement/v4/serviceProblem")
async def problems(
    request: Request, place: Annotated[str, Query(min_length=1, max_length=200)]
) -> list[Any]:
    """Open faults whose area is named in ``place`` (an address)."""
    found = []
    for outage in state(request).seed.outages:
        if outage.area in place:
            started = local_now() - timedelta(hours=outage.started_hours_ago)
            found.append(
                {
                    "id": outage.id,
                    "description": outage.title,
                    "category": f"outage.{outage.service}",
                    "status": "inProgress",
                    "affectedLocation": [{"name": outage.area}],
                    "creationDate": started.isoformat(timespec="seconds"),
                    "estimatedResolutionDate": (
                        started + timedelta(hours=outage.expected_hours)
                    ).isoformat(timespec="seconds"),
                }
            )
    return found
