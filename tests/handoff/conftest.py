"""A whole handoff room on real parts: SQLite, the embedded Redis, the live bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from redis.asyncio import Redis

from bot.gateway import problems
from core.database import Database
from core.events import LiveBus
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import Staff, StaffDirectory
from core.transcript import Conversation, Draft, Transcript
from handoff.api import create_router
from handoff.context import HandoffRequest
from handoff.models import Handoff
from handoff.seeding import DEMO_STAFF, seed_staff
from handoff.service import HandoffService

PASSWORD = "correct-horse-7"
ZHANG = {"name": "张伟", "tier": "gold", "elderly": False}
ZHANG_FACTS = {
    "name": "张伟", "masked_phone": "138****0001", "tier": "gold", "tenure_months": 64,
    "plan": "5G畅享129元", "balance": "56.30", "arrears": "0.00", "contract_end": None,
    "open_tickets": [{"id": "TT-1", "title": "望京断网", "status": "处理中"}],
}  # fmt: skip


def member(username: str) -> Staff:
    """A demo staff member as their token says."""
    found = next(person for person in DEMO_STAFF if person.username == username)
    return Staff(found.username, found.display_name, tuple(found.roles), tuple(found.skill_groups))


@dataclass
class Operator:
    """The operator's systems: answers about customers, or does not."""

    facts: Mapping[str, Any] = field(default_factory=lambda: ZHANG_FACTS)
    down: bool = False
    asked: int = 0

    async def __call__(self, customer_id: str | None, phone: str | None) -> Mapping[str, Any]:
        self.asked += 1
        if self.down:
            raise ConnectionError("the operator does not answer")
        return self.facts


@dataclass
class Bot:
    """The dialogue: remembers which conversations it got back."""

    returned: list[str] = field(default_factory=list)
    down: bool = False

    async def __call__(self, conversation_id: str) -> None:
        if self.down:
            raise ConnectionError("the dialogue does not answer")
        self.returned.append(conversation_id)


@dataclass
class Room:
    """The service with everything around it."""

    service: HandoffService
    transcript: Transcript
    directory: StaffDirectory
    database: Database
    redis: Redis
    bus: LiveBus
    operator: Operator
    bot: Bot

    async def conversation(self, *words: str, **fields: Any) -> Conversation:
        """A conversation in which the customer said ``words``."""
        opened = await self.transcript.open(fields.pop("channel", "web"), **fields)
        if words:
            await self.transcript.append(opened.id, *(Draft("customer", text) for text in words))
        return opened

    async def waiting(self, group: str = "billing", **fields: Any) -> Handoff:
        """A handoff in the line of ``group``."""
        conversation = await self.conversation("我要人工", **fields)
        request = HandoffRequest(skill_group=group, request="查话费为什么变多")
        return await self.service.open(conversation.id, request)

    async def active(self, username: str = "agent01", group: str = "billing") -> Handoff:
        """A handoff which ``username`` serves."""
        handoff = await self.waiting(group)
        return await self.service.accept(handoff.id, member(username))

    async def owner(self, handoff: Handoff) -> str:
        """Who owns the conversation."""
        return (await self.transcript.conversation(handoff.conversation_id)).owner

    async def lines(self, handoff: Handoff, audience: Any = "all") -> list[str]:
        """The texts that customers (or staff) see."""
        messages = await self.transcript.messages(handoff.conversation_id, audience=audience)
        return [message.text for message in messages]


def build_room(
    settings: Settings, database: Database, redis: Redis, bus: LiveBus, directory: StaffDirectory
) -> Room:
    """Wires a room, e.g. a second process on the same database."""
    transcript, operator, bot = Transcript(database, bus), Operator(), Bot()
    service = HandoffService(database, bus, transcript, redis, operator, settings, bot)
    return Room(service, transcript, directory, database, redis, bus, operator, bot)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Agents take from the list, so that nothing moves by itself; tests of offers switch them on."""
    return settings.model_copy(update={"offer_mode": "pull"})


@pytest.fixture
async def directory(database: Database, settings: Settings) -> StaffDirectory:
    tokens = TokenIssuer(settings.token_key.get_secret_value())
    staff = StaffDirectory(database, tokens, 1)
    await seed_staff(staff, {person.username: PASSWORD for person in DEMO_STAFF})
    return staff


@pytest.fixture
async def room(
    settings: Settings, database: Database, redis: Redis, bus: LiveBus, directory: StaffDirectory
) -> AsyncIterator[Room]:
    room = build_room(settings, database, redis, bus, directory)
    yield room
    await room.service.settle()


@pytest.fixture
def app(room: Room) -> FastAPI:
    """The room's routes as the app serves them."""
    app = FastAPI()
    problems.install(app)
    app.include_router(create_router(room.service, room.directory))
    return app


@pytest.fixture
async def desk_of(
    app: FastAPI, room: Room
) -> AsyncIterator[Callable[[str], Awaitable[AsyncClient]]]:
    """Signed-in HTTP clients, by username."""
    async with AsyncExitStack() as stack:

        async def sign_in(username: str) -> AsyncClient:
            token, _ = await room.directory.login(username, PASSWORD)
            client = AsyncClient(
                transport=ASGITransport(app),
                base_url="http://desk/api/v1",
                headers={"authorization": f"Bearer {token}"},
            )
            return await stack.enter_async_context(client)

        yield sign_in
