"""Routes of entries: list, edit, review, history, near duplicates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from core.staff import Staff, StaffDirectory
from knowledge_base import listing
from knowledge_base.content import EntryContent
from knowledge_base.listing import Effect, EntryFilter, Sort
from knowledge_base.models import Editor, State
from knowledge_base.rendering import placeholders
from knowledge_base.schemas import (
    ActOut,
    CheckBody,
    EntryBody,
    EntryOut,
    EntryPage,
    ReviewBody,
    RevisionOut,
    RollbackBody,
)
from knowledge_base.service import KnowledgeService
from knowledge_base.text import normalize

Facts = Callable[[], Awaitable[Mapping[str, str]]]


def editor_of(staff: Staff) -> Editor:
    """The signed-in person as the store knows editors."""
    return Editor(staff.id, staff.display_name)


def entries_router(service: KnowledgeService, staff: StaffDirectory, facts: Facts) -> APIRouter:
    """Routes under /entries, and /categories."""
    router = APIRouter()
    _reading(router, service, staff)
    _writing(router, service, staff, facts)
    _history(router, service, staff)
    return router


def _reading(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.get("/entries", dependencies=[guard])
    async def list_entries(
        q: Annotated[str, Query(max_length=200)] = "",
        category: str | None = None,
        tag: str | None = None,
        state: State | None = None,
        effect: Effect | None = None,
        pending: bool = False,
        sort: Sort = "updated",
        order: Literal["asc", "desc"] | None = None,
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        size: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> EntryPage:
        """Entries with their usage, newest change first; retired ones only with ``state=retired``."""
        wanted = EntryFilter(
            q, category or None, state, pending, page, size, tag or None, effect, sort, order
        )
        views, total = await service.store.find(wanted)
        usage = await service.usage.of([view.entry.id for view in views])
        items = [EntryOut.of(view, usage=usage[view.entry.id]) for view in views]
        return EntryPage(items=items, total=total, page=page, size=size)

    @router.get("/entries/{entry_id}", dependencies=[guard])
    async def get_entry(entry_id: str, retired: bool = False) -> EntryOut:
        """One entry; a retired one only with ``retired=true``."""
        return EntryOut.of(await service.store.get(entry_id, retired))

    @router.get("/categories", dependencies=[guard])
    async def categories() -> dict[str, list[dict[str, Any]]]:
        """Categories in use and how many entries each has."""
        found = await listing.categories(service.store.database)
        return {"categories": [{"name": name, "entries": count} for name, count in found]}

    @router.get("/tags", dependencies=[guard])
    async def tags() -> dict[str, list[dict[str, Any]]]:
        """Tags in use and how many entries each has, the most used first."""
        found = await listing.tags(service.store.database)
        return {"tags": [{"name": name, "entries": count} for name, count in found]}

    @router.get("/entries/{entry_id}/usage", dependencies=[guard])
    async def usage(entry_id: str) -> dict[str, Any]:
        """How often customers asked for it in the last 30 days, and how it went, by day."""
        await service.store.get(entry_id, retired=True)
        return (await service.usage.by_day(entry_id)).to_dict()

    @router.post("/entries/check", dependencies=[guard])
    async def check(body: CheckBody) -> dict[str, list[dict[str, Any]]]:
        """Existing questions of (nearly) the same meaning, with scores, and where the answers
        contradict each other."""
        if not normalize(body.text):
            return {"neighbours": []}
        found = await service.duplicates.near(body.text, body.entry_id, body.answer)
        return {"neighbours": [item.to_dict() for item in found]}


def _writing(
    router: APIRouter, service: KnowledgeService, staff: StaffDirectory, facts: Facts
) -> None:
    guard = Depends(staff.guard("editor"))

    @router.post("/entries", status_code=201)
    async def create(body: EntryBody, person: Staff = guard) -> EntryOut:
        """A new entry as a draft."""
        content = body.content()
        view = await service.store.create(body.id, content, editor_of(person))
        return EntryOut.of(view, await _warnings(content, facts))

    @router.put("/entries/{entry_id}")
    async def save(entry_id: str, body: EntryBody, person: Staff = guard) -> EntryOut:
        """A new draft revision; 409 names the other editor when ``version`` is stale."""
        content = body.content()
        view = await service.store.save(entry_id, content, editor_of(person), body.version)
        return EntryOut.of(view, await _warnings(content, facts))

    @router.delete("/entries/{entry_id}", status_code=204)
    async def retire(entry_id: str, version: int | None = None, person: Staff = guard) -> Response:
        """Retires the entry; customers lose it at the next publish."""
        await service.store.retire(entry_id, editor_of(person), version)
        return Response(status_code=204)

    @router.post("/entries/{entry_id}/review")
    async def review(entry_id: str, body: ReviewBody, person: Staff = guard) -> EntryOut:
        """Hands a draft in for review, approves it (not one's own), or sends it back."""
        await service.review.act(
            entry_id, body.action, editor_of(person), body.comment, body.version
        )
        return EntryOut.of(await service.store.get(entry_id))


def _history(router: APIRouter, service: KnowledgeService, staff: StaffDirectory) -> None:
    guard = Depends(staff.guard("editor"))

    @router.get("/entries/{entry_id}/revisions", dependencies=[guard])
    async def revisions(entry_id: str) -> dict[str, Any]:
        """Every revision and every act of review, newest first, with who and when."""
        rows = await service.store.revisions(entry_id)
        acts = await service.review.acts(entry_id)
        return {
            "revisions": [RevisionOut.of(row) for row in rows],
            "acts": [ActOut.of(act) for act in acts],
        }

    @router.get("/entries/{entry_id}/diff", dependencies=[guard])
    async def diff(
        entry_id: str, left: Annotated[int, Query(ge=1)], right: Annotated[int, Query(ge=1)]
    ) -> dict[str, list[dict[str, Any]]]:
        """Fields that differ between two revisions."""
        return {"changes": await service.store.compare(entry_id, left, right)}

    @router.post("/entries/{entry_id}/rollback")
    async def roll_back(entry_id: str, body: RollbackBody, person: Staff = guard) -> EntryOut:
        """A new draft with an older revision's content."""
        view = await service.store.roll_back(
            entry_id, body.revision, editor_of(person), body.version
        )
        return EntryOut.of(view)


async def _warnings(content: EntryContent, facts: Facts) -> list[str]:
    """Placeholders the catalogue does not know; silent while the catalogue is out of reach."""
    named = placeholders(content.answer) + placeholders(content.rich or "")
    if not named:
        return []
    known = await facts()
    unknown = [name for name in dict.fromkeys(named) if known and name not in known]
    return [f"产品目录里没有 {name}，客户会看到「以办理页面显示为准」" for name in unknown]
