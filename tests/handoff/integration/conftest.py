"""Outside desks on real parts: SQLite, Redis, and both sides as servers over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from sqlalchemy import select, update

from bot.gateway import problems
from core.clock import now
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Draft
from handoff.api import create_router
from handoff.context import HandoffRequest
from handoff.integration.models import DeskLink, DeskNotice
from handoff.integration.wiring import Integration
from handoff.models import Handoff
from tests.conftest import free_port
from tests.handoff.conftest import PASSWORD, ZHANG, Room, build_room
from tests.handoff.integration.chatwoot_standin import ACCOUNT, INBOX, SECRET, TEAM, TOKEN, Chatwoot

DESK_TOKEN = "desk-service-token-" + "x" * 20
WEBHOOK_SECRET = "webhook-secret"


@asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[str]:
    """A real server on loopback; its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@dataclass
class World:
    """A room with an outside desk, and our app as a server."""

    room: Room
    integration: Integration
    address: str
    directory: StaffDirectory
    _stack: AsyncExitStack

    async def work(self) -> None:
        """Everything due is told and asked."""
        await self.integration.carrier.settle()

    async def in_time(self) -> None:
        """Every pause has passed."""
        past = now() - timedelta(seconds=1)
        async with self.room.database.transaction() as session:
            waits = update(DeskNotice).where(DeskNotice.state == "pending")
            await session.execute(waits.values(due_at=past))
            looks = update(DeskLink).where(DeskLink.look_at.is_not(None))
            await session.execute(looks.values(look_at=past, claimed_until=None))
        await self.work()

    async def ask_for_a_person(self, *said: str, **fields: Any) -> Handoff:
        """张伟 wants a person for his bill; the figures are there."""
        known = {"customer_id": "C001", "phone": "13800000001", "assurance": 2, "profile": ZHANG}
        conversation = await self.room.conversation(
            *(said or ("话费怎么多了", "转人工")), **(known | fields)
        )
        request = HandoffRequest(
            skill_group="billing",
            request="查上月话费为什么变多",
            intent="explain_bill",
            tried=[{
                "action": "action_bill", "summary": "已查2026年10月账单", "figures": {"账单合计": "158.40元"},
            }],
        )  # fmt: skip
        handoff = await self.room.service.open(conversation.id, request)
        await self.room.service.settle()
        return handoff

    async def says(self, handoff: Handoff, text: str) -> None:
        """The customer says something more."""
        await self.room.transcript.append(handoff.conversation_id, Draft("customer", text))

    async def state(self, handoff: Handoff) -> str:
        return str((await self.room.service.get(handoff.id)).state)

    async def link(self, handoff: Handoff) -> DeskLink:
        async with self.room.database.reading() as session:
            return await session.get_one(DeskLink, handoff.id)

    async def notices(self) -> list[DeskNotice]:
        """In the order of their making."""
        async with self.room.database.reading() as session:
            rows = await session.execute(select(DeskNotice).order_by(DeskNotice.id))
            return list(rows.scalars())

    async def client(self, token: str, **headers: str) -> httpx.AsyncClient:
        """Speaks to our app with a Bearer token."""
        client = httpx.AsyncClient(
            base_url=f"{self.address}/api/v1", trust_env=False,
            headers={"Authorization": f"Bearer {token}", **headers},
        )  # fmt: skip
        return await self._stack.enter_async_context(client)

    async def staff(self, username: str) -> httpx.AsyncClient:
        """Somebody of ours, signed in."""
        token, _ = await self.directory.login(username, PASSWORD)
        return await self.client(token)


@asynccontextmanager
async def world_of(
    room: Room, settings: Settings, directory: StaffDirectory
) -> AsyncIterator[World]:
    """Builds the integration of these settings around a room, and serves it."""
    integration = Integration(settings, room.database, room.service, room.transcript)
    app = FastAPI()
    problems.install(app)
    app.include_router(
        create_router(room.service, directory, settings.desk_token.get_secret_value())
    )
    integration.mount(app, directory)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(app, free_port()))
        yield World(room, integration, address, directory, stack)
        await integration.close()


@pytest.fixture
async def chatwoot() -> AsyncIterator[Chatwoot]:
    standin = Chatwoot()
    yield standin
    await standin.close()


@pytest.fixture
def chatwoot_port() -> int:
    return free_port()


@pytest.fixture
def desk_settings(settings: Settings, chatwoot_port: int) -> Settings:
    """Chatwoot serves."""
    known = {
        "desk": "chatwoot",
        "chatwoot_url": f"http://127.0.0.1:{chatwoot_port}/",
        "chatwoot_token": TOKEN,
        "chatwoot_account_id": ACCOUNT,
        "chatwoot_inbox_id": INBOX,
        "chatwoot_webhook_secret": SECRET,
        "chatwoot_teams": {"billing": TEAM},
        "desk_timeout_s": 10.0,
    }
    return Settings(_env_file=None, **(settings.model_dump() | known))


@pytest.fixture
async def chatwoot_up(
    chatwoot: Chatwoot, chatwoot_port: int
) -> AsyncIterator[Callable[[bool], Awaitable[None]]]:
    """Starts and stops the stand-in's server; what it knows stays. It is up at first."""
    running = AsyncExitStack()

    async def switch(up: bool) -> None:
        await running.aclose()
        if up:
            await running.enter_async_context(serving(chatwoot.app, chatwoot_port))

    await switch(True)
    yield switch
    await switch(False)


@pytest.fixture
async def world(
    desk_settings: Settings, database: Any, redis: Any, bus: Any, directory: StaffDirectory,
    chatwoot: Chatwoot, chatwoot_up: Any,
) -> AsyncIterator[World]:  # fmt: skip
    room = build_room(desk_settings, database, redis, bus, directory)
    async with world_of(room, desk_settings, directory) as world:
        chatwoot.webhook_url = f"{world.address}/api/v1/desk/chatwoot/webhook"
        yield world
        await room.service.settle()


@dataclass
class Receiver:
    """An operator's desk that takes webhooks: what came, and what it answers."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    delay_s: float = 0

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            status = self.answers.pop(0) if self.answers else 204
            self.got.append((dict(request.headers), await request.body()))
            await asyncio.sleep(self.delay_s)
            return Response(status_code=status)

        return app
