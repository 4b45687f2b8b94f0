"""Tickets (621), contact records (683) and known faults (656)."""

from __future__ import annotations

from typing import Any, Literal

from actions.bss import models, parsing
from actions.bss.transport import Transport
from core.clock import local_now

TICKETS = "/tmf-api/troubleTicket/v4/troubleTicket"
INTERACTIONS = "/tmf-api/partyInteraction/v4/partyInteraction"
PROBLEMS = "/tmf-api/serviceProblemManagement/v4/serviceProblem"

Severity = Literal["critical", "major", "minor"]


class Care:
    """All methods raise BssError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def open_ticket(
        self, kind: str, description: str, severity: Severity, key: str,
        customer_id: str | None = None, note: str | None = None,
    ) -> models.Ticket:  # fmt: skip
        """TMF621; ``kind``: fault, complaint, spam. ``key`` is our case's id."""
        body: dict[str, Any] = {
            "ticketType": kind,
            "description": description,
            "severity": severity,
            "externalId": key,
            "channel": {"name": "智能客服"},
            "relatedParty": [{"id": customer_id, "role": "customer"}] if customer_id else [],
            "note": [{"author": "智能客服", "text": note}] if note else [],
        }
        return parsing.ticket(await self._transport.post(TICKETS, body))

    async def tickets(self, customer_id: str) -> tuple[models.Ticket, ...]:
        """TMF621, newest first."""
        found = await self._transport.get(TICKETS, **{"relatedParty.id": customer_id})
        return tuple(parsing.ticket(shape) for shape in found)

    async def add_note(self, ticket_id: str, text: str) -> models.Ticket:
        body = {"note": [{"author": "智能客服", "text": text}]}
        return parsing.ticket(await self._transport.patch(f"{TICKETS}/{ticket_id}", body))

    async def outages(self, place: str) -> tuple[models.Outage, ...]:
        """TMF656: open faults around an address."""
        found = await self._transport.get(PROBLEMS, place=place)
        return tuple(parsing.outage(shape) for shape in found)

    async def record_contact(
        self, reason: str, description: str, key: str, customer_id: str | None = None,
        status: Literal["open", "inProgress", "completed"] = "open",
    ) -> str:  # fmt: skip
        """TMF683: one contact with a customer, e.g. a handoff; the record's id."""
        body = {
            "interactionDate": {"startDateTime": local_now().isoformat(timespec="seconds")},
            "reason": reason,
            "description": description,
            "status": status,
            "direction": "inbound",
            "channel": [{"name": "智能客服"}],
            "externalId": key,
            "relatedParty": [{"id": customer_id, "role": "customer"}] if customer_id else [],
        }
        created = await self._transport.post(INTERACTIONS, body)
        return str(created["id"])
