"""Routes of publishing: publish, progress, snapshots and their roll-back, golden questions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from core.staff import Staff, StaffDirectory
from knowledge_base.entries_api import editor_of
from knowledge_base.listing import EntryFilter
from knowledge_base.publishing import PublishReport
from knowledge_base.schemas import GoldenBody, GoldenOut, PublishBody, SnapshotOut
from knowledge_base.service import FourEyes, KnowledgeService

MOST_PLANNED = 200


def publishing_router(service: KnowledgeService, staff: StaffDirectory) -> APIRouter:
    """Routes /publish, /snapshots and /golden."""
    router = APIRouter()
    _publish(router, service, staff)
    _golden(router, service, staff)
    return router


def _publish(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.post("/publish")
    async def publish(
        request: Request, body: PublishBody | None = None, person: Staff = guard
    ) -> dict[str, Any]:
        """Puts drafts and removals before customers.

        409 lists golden questions that fail, or what still needs a second person. People at the
        console publish what another editor approved, unless they say ``unreviewed`` or ``force``;
        programs (Bearer) bring their own approval. ``CHANGDA_KNOWLEDGE_FOUR_EYES=strict`` binds all.
        """
        wanted = body or PublishBody()
        reviewed = needs_review(service.four_eyes, request, wanted.force or wanted.unreviewed)
        report = await service.publisher.publish(
            editor_of(person), wanted.ids, wanted.force or wanted.ignore_golden, reviewed=reviewed
        )
        return _told(report)

    @router.get("/publish/plan", dependencies=[guard])
    async def plan(request: Request, golden: bool = True) -> dict[str, Any]:
        """What a publish would change: added, changed, removed, waiting for approval (200 entries
        of each), and golden questions it would break."""
        reviewed = needs_review(service.four_eyes, request, False)
        found = await service.publisher.preview(reviewed, golden)
        groups = {"added": found.added, "changed": found.changed, "removed": found.removed,
                  "waiting": found.waiting}  # fmt: skip
        shown = [entry_id for ids in groups.values() for entry_id in ids[:MOST_PLANNED]]
        lines = {line["id"]: line for line in await service.store.lines(shown)}
        return {
            **{name: [lines[i] for i in ids[:MOST_PLANNED]] for name, ids in groups.items()},
            "totals": {name: len(ids) for name, ids in groups.items()},
            "golden_asked": found.golden_asked,
            "golden_failures": [failure.to_dict() for failure in found.golden_failures],
            "four_eyes": service.four_eyes,
        }

    @router.get("/publish", dependencies=[guard])
    async def status() -> dict[str, Any]:
        """Whether a publish runs here and how far it is, and how much waits to be published and
        to be reviewed."""
        _, pending = await service.store.find(EntryFilter(pending=True, size=1))
        _, in_review = await service.store.find(EntryFilter(state="in_review", size=1))
        done, total = service.publisher.progress or (0, 0)
        return {
            "running": service.publisher.progress is not None,
            "done": done, "total": total, "pending": pending, "in_review": in_review,
            "four_eyes": service.four_eyes, "version": service.searcher.version,
            "problem": service.searcher.problem or service.searcher.trouble,
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
        "waiting": len(report.waiting),
    }


def needs_review(mode: FourEyes, request: Request, waived: bool) -> bool:
    """Whether a publish brings only what a second person approved."""
    if mode == "on":
        program = request.headers.get("authorization", "").lower().startswith("bearer ")
        return not (program or waived)
    return mode == "strict"


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
