"""The real app with real Redis, SQLite and encoder; only the dialogue is a stand-in over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from bot.gateway.app import create_app
from bot.gateway.services import Services, build_services
from bot.migrations import tables
from core.database import Base
from core.settings import Settings

Answer = dict[str, Any]


@dataclass
class StandInDialogue:
    """Speaks the connector's contract; ``answer`` decides what it says."""

    answer: Callable[[str], Answer] = lambda text: {"replies": [{"text": f"答：{text}"}]}
    asked: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    down: bool = False

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path.endswith("/tracker/events"):
            self.forgotten.append(request.url.path.split("/")[2])
            return httpx.Response(200, json={})
        body = orjson.loads(request.content)
        if request.url.path.endswith("/model/parse"):
            return httpx.Response(200, json={"text": body["text"]})
        self.asked.append(body)
        shape: Answer = {"replies": [], "directives": [], "understanding": {"text": body["text"]}}
        return httpx.Response(200, json=shape | self.answer(body["text"]))


@pytest.fixture
def dialogue() -> StandInDialogue:
    return StandInDialogue()


@pytest.fixture
async def services(
    settings: Settings, redis: Any, redis_url: str, encoder_dir: Path, dialogue: StandInDialogue
) -> AsyncIterator[Services]:
    models = settings.var_dir / "models"
    models.mkdir(parents=True)
    (models / "encoder").symlink_to(encoder_dir)
    tables.load()
    parts = build_services(settings.model_copy(update={"redis_url": redis_url}))
    async with parts.database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await parts.dialogue.close()
    transport = httpx.MockTransport(dialogue.handle)
    parts.dialogue._http = httpx.AsyncClient(transport=transport, base_url="http://rasa")
    yield parts
    await parts.close()


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services=services)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client


@dataclass
class Guest:
    """A customer with an open conversation."""

    http: httpx.AsyncClient
    id: str
    token: str

    async def send(self, text: str, key: str | None = None) -> httpx.Response:
        return await self.http.post(
            f"/api/v1/conversations/{self.id}/messages",
            json={"text": text, "client_message_id": key},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    async def transcript(self) -> list[dict[str, Any]]:
        response = await self.http.get(
            f"/api/v1/conversations/{self.id}/messages",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages


@pytest.fixture
async def guest(http: httpx.AsyncClient) -> Guest:
    opened = (await http.post("/api/v1/sessions", json={"channel": "web"})).json()
    return Guest(http, opened["conversation_id"], opened["access_token"])
