"""The desk's HTTP contract. Operators' own desks use the very same endpoints."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, WebSocket
from pydantic import BaseModel, Field

from core.errors import InvalidInput
from core.staff import Staff, StaffDirectory
from handoff.context import masked
from handoff.integration.people import ServiceAccess, outside_agent
from handoff.people_api import create_people_router
from handoff.routing import GROUP_WORDS
from handoff.service import HandoffService
from handoff.sla_api import create_sla_router
from handoff.sockets import serve_desk
from handoff.states import OPEN, State
from handoff.ticket_api import create_ticket_router


class MessageBody(BaseModel):
    text: str
    client_message_id: str | None = Field(None, max_length=64)


class NoteBody(BaseModel):
    text: str
    client_message_id: str | None = Field(None, max_length=64)


class TransferBody(BaseModel):
    agent_id: str | None = None
    """A colleague; for people of an outside desk, that desk's own id of theirs."""
    agent_name: str | None = Field(None, max_length=40)
    """For people of an outside desk: the colleague's name, as the customer shall read it."""
    skill_group: str | None = None
    note: str = ""


class ReturnBody(BaseModel):
    note: str = ""


class RefuseBody(BaseModel):
    reason: str


class CapacityBody(BaseModel):
    capacity: int | None = Field(ge=1, le=500)


class CloseBody(BaseModel):
    disposition: str = "resolved"
    summary: str | None = None


class ReadBody(BaseModel):
    seq: int = Field(ge=0, le=2**31 - 1)


class StatusBody(BaseModel):
    status: str


def create_router(
    service: HandoffService, staff_directory: StaffDirectory, desk_token: str = ""
) -> APIRouter:
    """Routes under /api/v1 for handoffs, agents and tickets.

    Args:
        desk_token: with it an operator's own desk acts for its people (``X-Agent-Id``), on the handoffs
            it serves and nothing else.
    """
    router = APIRouter(prefix="/api/v1")
    guard = staff_directory.guard("agent", "supervisor")

    async def at_work(request: Request) -> Staff:
        staff = await guard(request)
        await service.presence.touch(staff.id)
        return staff

    serving = ServiceAccess(desk_token).beside(at_work)
    router.include_router(_handoffs(service, serving))
    router.include_router(_serving(service, serving))
    router.include_router(_ending(service, serving))
    router.include_router(_agents(service, at_work))
    router.include_router(create_ticket_router(service, at_work))
    router.include_router(create_sla_router(service, at_work))
    router.include_router(create_people_router(service, at_work))

    @router.websocket("/agents/ws")
    async def desk_socket(socket: WebSocket) -> None:
        await serve_desk(socket, service, staff_directory)

    return router


def _handoffs(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/handoffs", tags=["handoffs"])
    signed_in = Depends(at_work)

    @router.get("")
    async def listed(
        state: str = "",
        skill_group: str | None = None,
        mine: bool = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        staff: Staff = signed_in,
    ) -> dict[str, Any]:
        """Rows in the order of the line; ``state`` may hold several with commas, or ``all``.

        ``waiting`` includes who is on offer to somebody: nobody serves them yet.
        """
        if skill_group is not None and skill_group not in GROUP_WORDS:
            raise InvalidInput("没有这个技能组。")
        rows = await service.views.rows(staff, _states(state), skill_group, mine, limit)
        return {"handoffs": rows, "count": len(rows)}

    @router.post("/next")
    async def next_one(staff: Staff = signed_in) -> dict[str, Any]:
        """Takes what this agent serves best next; ``handoff`` is null when nobody waits."""
        staff.require("agent", "supervisor")
        taken = await service.accept_next(staff)
        return {"handoff": await service.views.detail(taken.id, staff) if taken else None}

    @router.get("/{handoff_id}")
    async def detail(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        found = await service.views.detail(handoff_id, staff)
        service.ask_facts(await service.get(handoff_id))
        return found

    @router.get("/{handoff_id}/messages")
    async def messages(handoff_id: str, after: int = 0, staff: Staff = signed_in) -> dict[str, Any]:
        """What was said after a sequence number."""
        handoff = await service.views.check(handoff_id, staff)
        return {"messages": await service.views.missed(handoff.conversation_id, after)}

    return router


def _serving(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/handoffs/{handoff_id}", tags=["handoffs"])
    signed_in = Depends(at_work)

    @router.post("/accept")
    async def accept(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        await service.accept(handoff_id, staff)
        return await service.views.detail(handoff_id, staff)

    @router.post("/refuse")
    async def refuse(handoff_id: str, body: RefuseBody, staff: Staff = signed_in) -> dict[str, Any]:
        """Declines an offer; the customer keeps their place and the next agent is asked."""
        moved = await service.refuse(handoff_id, staff, body.reason)
        return _moved(moved.id, moved.state)

    @router.post("/messages")
    async def message(
        handoff_id: str, body: MessageBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        said = await service.message(handoff_id, staff, body.text, body.client_message_id)
        return {"message": masked(said.staff())}

    @router.post("/notes")
    async def note(handoff_id: str, body: NoteBody, staff: Staff = signed_in) -> dict[str, Any]:
        written = await service.note(handoff_id, staff, body.text, body.client_message_id)
        return {"message": masked(written.staff())}

    @router.post("/read", status_code=204)
    async def read(handoff_id: str, body: ReadBody, staff: Staff = signed_in) -> None:
        await service.read_to(handoff_id, staff, body.seq)

    @router.post("/typing", status_code=204)
    async def typing(handoff_id: str, staff: Staff = signed_in) -> None:
        await service.agent_typing(handoff_id, staff)

    return router


def _ending(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/handoffs/{handoff_id}", tags=["handoffs"])
    signed_in = Depends(at_work)

    @router.post("/transfer")
    async def transfer(
        handoff_id: str, body: TransferBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        """To a colleague or a group. People of an outside desk name their colleague, who serves at once."""
        if body.agent_id and "integration" in staff.roles:
            colleague = outside_agent("webhook", body.agent_id, body.agent_name or "")
            moved = await service.relieve(handoff_id, staff, colleague)
            if body.note:
                await service.note(handoff_id, colleague, body.note)
            return _moved(moved.id, moved.state)
        moved = await service.transfer(
            handoff_id, staff, body.agent_id, body.skill_group, body.note
        )
        warning = await service.transfer_warning(moved)
        return _moved(moved.id, moved.state) | ({"warning": warning} if warning else {})

    @router.post("/return")
    async def give_back(
        handoff_id: str, body: ReturnBody | None = None, staff: Staff = signed_in
    ) -> dict[str, Any]:
        moved = await service.give_back(handoff_id, staff, body.note if body else "")
        return _moved(moved.id, moved.state)

    @router.post("/finish")
    async def finish(handoff_id: str, staff: Staff = signed_in) -> dict[str, Any]:
        """Ends the talk and leaves the write-up for ``close``."""
        moved = await service.finish(handoff_id, staff)
        return _moved(moved.id, moved.state)

    @router.post("/close")
    async def close(
        handoff_id: str, body: CloseBody | None = None, staff: Staff = signed_in
    ) -> dict[str, Any]:
        form = body or CloseBody()
        moved = await service.close(handoff_id, staff, form.disposition, form.summary)
        return _moved(moved.id, moved.state) | {"summary": masked(moved.summary)}

    return router


def _agents(service: HandoffService, at_work: Any) -> APIRouter:
    router = APIRouter(prefix="/agents", tags=["agents"])
    signed_in = Depends(at_work)

    @router.get("")
    async def agents(online: bool = False, staff: Staff = signed_in) -> dict[str, Any]:
        """Everybody with status, load and groups; ``online`` hides who is offline."""
        everyone = await service.presence.everyone()
        shown = [agent.shown() for agent in everyone if not online or agent.status != "offline"]
        groups = [{"id": group, "name": name} for group, name in GROUP_WORDS.items()]
        names = await service.presence.names()
        return {"agents": shown, "skill_groups": groups, "names": names}

    @router.get("/me")
    async def me(staff: Staff = signed_in) -> dict[str, Any]:
        status = await service.presence.status(staff.id)
        everyone = {agent.id: agent for agent in await service.presence.everyone()}
        own = everyone.get(staff.id)
        return {
            "id": staff.id,
            "display_name": staff.display_name,
            "status": status,
            "notice": own.notice if own else None,
            "load": own.load if own else 0,
            "capacity": own.capacity if own else None,
        }

    @router.put("/me/status")
    async def set_status(body: StatusBody, staff: Staff = signed_in) -> dict[str, Any]:
        staff.require("agent")
        status = await service.presence.set_status(staff.id, body.status)
        return {"agent_id": staff.id, "status": status}

    @router.put("/{agent_id}/capacity")
    async def set_capacity(
        agent_id: str, body: CapacityBody, staff: Staff = signed_in
    ) -> dict[str, Any]:
        """How many conversations an agent serves at once; null = as the settings say."""
        staff.require("supervisor")
        capacity = await service.presence.set_capacity(agent_id, body.capacity)
        return {"agent_id": agent_id, "capacity": capacity}

    return router


def _states(text: str) -> Collection[str]:
    if not text:
        return OPEN
    if text == "all":
        return tuple(State)
    wanted = tuple(part.strip() for part in text.split(",") if part.strip())
    if not set(wanted) <= set(State):
        raise InvalidInput(f"没有这种会话状态，可用：{'、'.join(State)}。")
    return (*wanted, State.OFFERED) if State.WAITING in wanted else wanted


def _moved(handoff_id: str, state: str) -> dict[str, Any]:
    return {"handoff_id": handoff_id, "state": state}
