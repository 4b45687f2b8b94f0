"""Broken and endangered promises over HTTP: what supervisors look at first, agents see their own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from core.staff import Staff
from handoff import tickets as tickets_room
from handoff.service import HandoffService
from handoff.states import OPEN

_LIMIT = 1000


def create_sla_router(service: HandoffService, at_work: Any) -> APIRouter:
    """Routes; ``at_work`` is the dependency that yields the staff member."""
    router = APIRouter(tags=["sla"])
    signed_in = Depends(at_work)

    @router.get("/sla")
    async def endangered(staff: Staff = signed_in) -> dict[str, Any]:
        """Handoffs and tickets whose clock is "soon" or "breached", the most overdue first.

        Rows are those of ``/handoffs`` and ``/tickets``; agents see what they may see there.
        """
        rows = await service.views.rows(staff, OPEN, limit=_LIMIT)
        groups = None if "supervisor" in staff.roles else staff.skill_groups
        found = await service.tickets.listed(groups=groups, owner=staff.id, limit=_LIMIT)
        tickets = [tickets_room.shown(ticket) for ticket in found]
        handoffs, late = _urgent(rows), _urgent(tickets)
        breached = sum(row["sla"]["state"] == "breached" for row in [*handoffs, *late])
        return {"handoffs": handoffs, "tickets": late, "breached": breached}

    return router


def _urgent(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    endangered = [row for row in rows if row["sla"]["state"] != "ok"]
    return sorted(endangered, key=lambda row: row["sla_left_s"])
