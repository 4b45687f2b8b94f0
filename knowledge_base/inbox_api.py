"""Routes of the editors' inbox: misses, answers that did not help, colleagues' corrections."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from core.errors import InvalidInput
from core.staff import Staff, StaffDirectory
from knowledge_base.content import checked_text
from knowledge_base.entries_api import editor_of
from knowledge_base.models import FindingKind
from knowledge_base.schemas import (
    AssignBody,
    CorrectionBody,
    FindingOut,
    MissClusterOut,
    ResolveBody,
    WorkOut,
)
from knowledge_base.service import KnowledgeService


def inbox_router(service: KnowledgeService, staff: StaffDirectory) -> APIRouter:
    """Routes /misses, /inbox and /corrections."""
    router = APIRouter()
    _reading(router, service, staff)
    _working(router, service, staff)
    return router


def _reading(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.get("/misses", dependencies=[guard])
    async def misses() -> dict[str, list[MissClusterOut]]:
        """Open misses by meaning, the most frequent first."""
        clusters = [
            MissClusterOut(
                text=group.text, count=len(group.findings), last_at=group.findings[0].at,
                misses=[FindingOut.of(miss) for miss in group.findings[:50]],
            )
            for group in await service.work("miss")
        ]  # fmt: skip
        return {"clusters": clusters}

    @router.get("/inbox")
    async def inbox(
        kind: FindingKind = "miss", mine: bool = False, person: Staff = guard
    ) -> dict[str, Any]:
        """Open work of one kind, the largest pieces first, and how much there is of each kind.

        Misses come by meaning, unhelpful answers by entry, corrections one by one.
        """
        groups = await service.work(kind, person.id if mine else None)
        names = await service.store.questions([g.entry_id for g in groups if g.entry_id])
        return {
            "groups": [WorkOut.of(g, names.get(g.entry_id or "")) for g in groups],
            "counts": await service.inbox.counts(),
        }


def _working(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))
    colleague = Depends(staff.guard("agent", "supervisor", "editor"))

    @router.post("/misses/resolve", deprecated=True)
    @router.post("/inbox/done")
    async def done(body: ResolveBody, person: Staff = guard) -> dict[str, int]:
        """Takes findings off the list, saying which entry settles them now."""
        if body.entry_id is not None:
            await service.store.get(body.entry_id)
        count = await service.inbox.resolve(body.ids, editor_of(person), body.entry_id)
        if not count:
            raise InvalidInput("这些问题已经处理过了。")
        return {"resolved": count}

    @router.post("/inbox/assign")
    async def assign(body: AssignBody, person: Staff = guard) -> dict[str, int]:
        """Takes findings for oneself, or gives them back to everybody."""
        count = await service.inbox.assign(body.ids, editor_of(person) if body.mine else None)
        if not count:
            raise InvalidInput("这些问题已经处理过了。")
        return {"assigned": count}

    @router.post("/corrections", status_code=201)
    async def correct(body: CorrectionBody, person: Staff = colleague) -> FindingOut:
        """An agent says that an entry's answer is wrong, or how it should read."""
        if not body.note and not body.proposal:
            raise InvalidInput("请说明哪里不对，或写出更好的说法。")
        view = await service.store.get(body.entry_id)
        finding = await service.inbox.record_correction(
            view.entry.id, editor_of(person), checked_text(body.note, "说明"),
            checked_text(body.proposal, "建议的说法") if body.proposal else None,
            body.query, body.conversation_id,
        )  # fmt: skip
        return FindingOut.of(finding)
