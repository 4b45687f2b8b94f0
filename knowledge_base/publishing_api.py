"""Routes of publishing: publish, progress, snapshots and their roll-back, golden questions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response

from core.staff import Staff, StaffDirectory
from knowledge_base.entries_api import editor_of
from knowledge_base.publishing import PublishReport
from knowledge_base.schemas import GoldenBody, GoldenOut, PublishBody, SnapshotOut
from knowledge_base.service import KnowledgeService
from knowledge_base.store import EntryFilter


def publishing_router(service: KnowledgeService, staff: StaffDirectory) -> APIRouter:
    """Routes /publish, /snapshots and /golden."""
    router = APIRouter()
    _publish(router, service, staff)
    _golden(router, service, staff)
    return router


def _publish(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.post("/publish")
    async def publish(body: PublishBody | None = None, person: Staff = guard) -> dict[str, Any]:
        """Puts drafts and removals before customers; 409 lists golden questions that fail."""
        wanted = body or PublishBody()
        report = await service.publisher.publish(editor_of(person), wanted.ids, wanted.force)
        return _told(report)

    @router.get("/publish", dependencies=[guard])
    async def status() -> dict[str, Any]:
        """Whether a publish runs here and how far it is, and how much waits to be published."""
        _, pending = await service.store.find(EntryFilter(pending=True, size=1))
        done, total = service.publisher.progress or (0, 0)
        return {
            "running": service.publisher.progress is not None,
            "done": done, "total": total, "pending": pending, "version": service.searcher.version,
            "problem": service.searcher.problem,
        }  # fmt: skip

    @router.get("/snapshots", dependencies=[guard])
    async def snapshots() -> dict[str, list[SnapshotOut]]:
        """Kept snapshots, newest first."""
        return {"snapshots": [SnapshotOut.of(row) for row in await service.publisher.snapshots()]}

    @router.post("/snapshots/{version}/rollback")
    async def roll_back(version: str, person: Staff = guard) -> dict[str, str]:
        """Makes a kept snapshot the one in force again."""
        await service.publisher.roll_back(version, editor_of(person))
        return {"version": version}


def _told(report: PublishReport) -> dict[str, Any]:
    return {
        "version": report.version,
        "published": len(report.published),
        "removed": len(report.removed),
        "ids": report.published[:500],
        "entries": report.entries,
        "forms": report.forms,
        "golden_failures": [failure.to_dict() for failure in report.golden_failures],
    }


def _golden(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.get("/golden", dependencies=[guard])
    async def golden() -> dict[str, list[GoldenOut]]:
        """Questions that must keep their answers."""
        return {"questions": [GoldenOut.of(row) for row in await service.golden_questions()]}

    @router.post("/golden", status_code=201)
    async def add(body: GoldenBody, person: Staff = guard) -> GoldenOut:
        """Adds one; ``entry_id`` null means the bot must not answer it."""
        row = await service.add_golden(body.query, body.entry_id, editor_of(person))
        return GoldenOut.of(row)

    @router.delete("/golden/{golden_id}", status_code=204, dependencies=[guard])
    async def remove(golden_id: str) -> Response:
        await service.remove_golden(golden_id)
        return Response(status_code=204)

    @router.post("/golden/run", dependencies=[guard])
    async def run() -> dict[str, Any]:
        """Asks them all of the base in force."""
        asked, failed = await service.run_golden()
        return {"asked": asked, "failures": [failure.to_dict() for failure in failed]}
