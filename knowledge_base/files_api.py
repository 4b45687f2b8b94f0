"""Routes of import and export files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from core.staff import Staff, StaffDirectory
from knowledge_base.entries_api import editor_of
from knowledge_base.exporting import MEDIA_TYPES, export_entries
from knowledge_base.reading import Format, detect
from knowledge_base.service import KnowledgeService
from knowledge_base.upload import receive

_BODY = {
    "requestBody": {
        "required": True,
        "description": "文件本身，或 multipart/form-data 里的 file；jsonl、csv、xlsx、yaml，最多 20 MB。",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def files_router(service: KnowledgeService, staff: StaffDirectory) -> APIRouter:
    """Routes /import and /export."""
    router = APIRouter()
    guard = Depends(staff.guard("editor"))

    @router.post("/import", openapi_extra=_BODY)
    async def import_file(
        request: Request,
        response: Response,
        person: Staff = guard,
        dry_run: bool = False,
        background: Annotated[bool, Query(description="立即返回任务，进度另查")] = False,
        format: Annotated[Format | None, Query()] = None,
    ) -> dict[str, Any]:
        """Creates and updates drafts from a file; ``dry_run`` only says what would happen.

        Bad rows are reported by number and kept in a file of failed rows; good rows go in. With
        ``background`` the answer is 202 and a job, whose progress ``/import/jobs/{id}`` tells.
        """
        upload = await receive(request)
        kind = format or detect(upload.name, upload.content_type, upload.data)
        if background:
            response.status_code = 202
            return await service.imports.start(
                upload.data, kind, editor_of(person), dry_run, upload.name
            )
        report = await service.importer.run(upload.data, kind, editor_of(person), dry_run)
        return report.to_dict()

    @router.get("/import/jobs/{job_id}", dependencies=[guard])
    async def job(job_id: str) -> dict[str, Any]:
        """An import's state, phase and progress; at its end the report, or the problem."""
        return service.imports.read(job_id)

    @router.get("/import/{name}/failed", dependencies=[guard])
    async def failed_rows(name: str, format: Format = "csv") -> Response:
        """The failed rows of an import, the reason beside each."""
        return _file(service.importer.failed_rows(name, format), f"failed-rows.{format}", format)

    @router.get("/export", dependencies=[guard])
    async def export(format: Format = "jsonl") -> Response:
        """Every entry as editors see it, drafts included; importing it again changes nothing."""
        views = await service.store.all_contents()
        return _file(export_entries(views, format), f"knowledge.{format}", format)

    return router


def _file(data: bytes, name: str, kind: Format) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=MEDIA_TYPES[kind], headers=headers)
