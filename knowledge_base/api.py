"""The knowledge routes under /api/v1/knowledge: search, entries, publishing, files, inbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query

from core.errors import ChangdaError, EmptyText, TextTooLong
from core.staff import StaffDirectory
from knowledge_base.entries_api import entries_router
from knowledge_base.files_api import files_router
from knowledge_base.inbox_api import inbox_router
from knowledge_base.publishing_api import publishing_router
from knowledge_base.rendering import render_or_hide
from knowledge_base.schemas import PreviewBody
from knowledge_base.search import Hit
from knowledge_base.service import KnowledgeService
from knowledge_base.text import normalize

log = structlog.get_logger(__name__)
Facts = Callable[[], Awaitable[Mapping[str, str]]]
MAX_QUERY = 2000


def create_router(
    service: KnowledgeService, staff_directory: StaffDirectory, render_facts: Facts
) -> APIRouter:
    """All knowledge routes.

    Args:
        render_facts: the catalogue's figures (``offer.<id>.<field>`` …); when it fails, figures
            are hidden politely instead of the answer.
    """
    router = APIRouter(prefix="/api/v1/knowledge", tags=["knowledge"])
    facts = _forgiving(render_facts)
    router.include_router(_search_router(service, staff_directory, facts))
    router.include_router(inbox_router(service, staff_directory))
    router.include_router(entries_router(service, staff_directory, facts))
    router.include_router(publishing_router(service, staff_directory))
    router.include_router(files_router(service, staff_directory))
    return router


def _forgiving(render_facts: Facts) -> Facts:
    async def facts() -> Mapping[str, str]:
        try:
            return await render_facts()
        except (ChangdaError, OSError) as error:
            log.warning("catalogue_figures_missing", error=str(error))
            return {}

    return facts


def _search_router(service: KnowledgeService, staff: StaffDirectory, facts: Facts) -> APIRouter:
    router = APIRouter()
    readers = Depends(staff.guard("editor", "agent", "supervisor"))

    @router.get("/search", dependencies=[readers])
    async def search(
        q: Annotated[str, Query(description="客户的话")] = "",
        k: Annotated[int, Query(ge=1, le=50)] = 5,
        explain: Annotated[bool, Query(description="带上门槛和各项得分")] = False,
    ) -> dict[str, Any]:
        """What the bot would answer now: hits with scores, matched question, decision, reason.

        With ``explain``: the probabilities behind the decision and the thresholds they met.
        """
        if len(q) > MAX_QUERY:
            raise TextTooLong
        if not normalize(q):
            raise EmptyText
        result = await service.search(q, k)
        figures = await facts()
        shown = {**result.to_dict(), "hits": [_shown(hit, figures) for hit in result.hits]}
        return {**shown, "explanation": await service.explain(q)} if explain else shown

    @router.post("/preview", dependencies=[readers])
    async def preview(body: PreviewBody) -> dict[str, str | None]:
        """Answer texts with today's figures filled in."""
        figures = await facts()
        rich = render_or_hide(body.rich, figures) if body.rich else None
        return {"answer": render_or_hide(body.answer, figures), "rich": rich}

    return router


def _shown(hit: Hit, figures: Mapping[str, str]) -> dict[str, Any]:
    rich = render_or_hide(hit.rich, figures) if hit.rich else None
    return {**hit.to_dict(), "answer": render_or_hide(hit.answer, figures), "rich": rich}
