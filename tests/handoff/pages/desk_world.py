"""The real app for the desk's page tests: real Redis, SQLite and encoder; only the dialogue is scripted.

The app is built anew whenever the server under test starts, as a process is. The test talks to it as a
customer does, over the same HTTP contract.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from playwright.async_api import Page, expect

from actions.bss.sandbox.app import create_app as create_sandbox
from bot.dialogue.client import DialogueClient
from bot.gateway.app import create_app
from bot.gateway.assistant import DialogueAssistant
from bot.gateway.services import Services, build_services
from core.database import Database
from core.settings import Settings
from handoff.canned import seed_canned
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.seeding import seed_knowledge
from tests.browser import PageOpener, Server
from tests.handoff.conftest import PASSWORD

Serve = Callable[[Any], AbstractContextManager[Server]]
HANDOFF = {
    "name": "handoff", "trigger": "sentiment", "skill_group": "billing",
    "request": "质疑上月流量超出费20.00元", "intent": "explain_bill",
    "slots": {"filled": {"month": "2026-10"}, "missing": ["date"]}, "entities": [],
    "tried": [{
        "action": "action_explain_bill", "intent": "explain_bill", "at": "2026-11-20T08:00:00+08:00",
        "summary": "解释了上月账单多在哪里", "figures": {"上月合计": "158.40元", "前月合计": "134.00元"},
    }],
    "knowledge_shown": [], "complaint_grade": None,
    "hits": [{"entry_id": "k1", "question": "流量超出怎么收费", "answer": "超出部分每GB5元。", "score": 0.9}],
}  # fmt: skip
BILL = {
    "type": "bill", "title": "上月账单", "month": "2026-10", "total": "158.40",
    "items": [{"name": "流量超出", "amount": "20.00", "change": "+20.00"}],
    "compare": {"month": "2026-09", "total": "134.00"},
}  # fmt: skip
ZHANG = {
    "customer_id": "8600001", "phone": "13800000001", "customer_name": "张伟",
    "tier": "gold", "elderly": False,
}  # fmt: skip
INTENTS = {"余额": "query_balance", "宽带": "report_network_fault"}
CORPUS = """
category: 漫游
entries:
  - id: roaming-fee
    question: 国际漫游怎么收费？
    similar: [出国上网一天多少钱, 在国外用手机怎么算钱]
    answer: 国际漫游按目的地收费，出国前可订日包。
  - id: roaming-open
    question: 国际漫游怎么开通？
    similar: [出国前要办什么, 国外用手机要先开通吗]
    answer: 在App里搜索国际漫游，一步开通。
"""


def parsed(text: str) -> dict[str, Any]:
    """What the NLU makes of a text while a person serves."""
    intent = next((name for word, name in INTENTS.items() if word in text), "chitchat")
    hits = [
        {"entry_id": "k2", "question": "宽带断了怎么办", "answer": "请先重启光猫。", "score": 0.8}
    ]
    known = (
        {"decision": "answer", "hits": hits} if "宽带" in text else {"decision": "none", "hits": []}
    )
    return {
        "text": text, "intent": {"name": intent, "confidence": 0.95}, "entities": [],
        "sentiment": {"label": "calm", "score": 0.0, "flags": []}, "knowledge": known,
    }  # fmt: skip


class ScriptedDialogue:
    """Speaks the connector's contract. The words 查账单 and 人工 do what they say; all else is echoed."""

    def __init__(self) -> None:
        self.handoff: dict[str, Any] = dict(HANDOFF)
        self.customer: dict[str, Any] | None = dict(ZHANG)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/tracker/events"):
            return httpx.Response(200, json={})
        if request.url.path == "/model/parse":
            return httpx.Response(200, json=parsed(orjson.loads(request.content)["text"]))
        text = orjson.loads(request.content)["text"]
        angry = "人工" in text
        answer: dict[str, Any] = {"replies": [], "directives": []}
        mood = {
            "label": "angry" if angry else "neutral",
            "score": -0.9 if angry else 0.0,
            "flags": [],
        }
        answer["understanding"] = {"text": text, "sentiment": mood}
        if angry:
            who = [{"name": "verified", **self.customer}] if self.customer else []
            answer["directives"] = [*who, self.handoff]
        elif "查账单" in text:
            answer["replies"] = [{"text": "上月158.40元，比前月多24.40元。", "card": BILL}]
        else:
            answer["replies"] = [{"text": f"机器人收到：{text}"}]
        return httpx.Response(200, json=answer)


class Customer:
    """One customer in one conversation, over the public API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._ids = itertools.count(1)
        self.path = ""
        self._headers: dict[str, str] = {}

    async def arrive(self) -> Customer:
        opened = (await self._http.post("/sessions", json={"channel": "web"})).json()
        self.path = f"/conversations/{opened['conversation_id']}"
        self._headers = {"Authorization": f"Bearer {opened['access_token']}"}
        return self

    async def say(self, *texts: str) -> None:
        for text in texts:
            body = {"text": text, "client_message_id": f"m{next(self._ids)}"}
            answer = await self._http.post(
                f"{self.path}/messages", json=body, headers=self._headers
            )
            answer.raise_for_status()

    async def seen(self) -> list[dict[str, Any]]:
        """Everything the customer may see."""
        answer = await self._http.get(f"{self.path}/messages", headers=self._headers)
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def texts(self, sender: str = "agent") -> list[str]:
        """What the customer saw of one sender, in order."""
        return [m["text"] for m in await self.seen() if m["sender"] == sender]


class World:
    """The running app and those around it."""

    def __init__(self, server: Server, dialogue: ScriptedDialogue, http: httpx.AsyncClient) -> None:
        self.server = server
        self.dialogue = dialogue
        self.http = http
        self.url = server.url

    async def customer(self, *texts: str) -> Customer:
        """A customer who said ``texts``."""
        customer = await Customer(self.http).arrive()
        await customer.say(*texts)
        return customer

    async def staff(self, username: str) -> dict[str, str]:
        """Headers of a signed-in staff member."""
        login = {"username": username, "password": PASSWORD}
        token = (await self.http.post("/auth/login", json=login)).json()["access_token"]
        self.http.cookies.clear()
        return {"Authorization": f"Bearer {token}"}

    async def handoffs(
        self, username: str = "supervisor01", state: str = "all"
    ) -> list[dict[str, Any]]:
        headers = await self.staff(username)
        answer = await self.http.get("/handoffs", params={"state": state}, headers=headers)
        rows: list[dict[str, Any]] = answer.json()["handoffs"]
        return rows


class _Reborn:
    """An ASGI app that is built when its server starts."""

    def __init__(self, build: Callable[[], FastAPI]) -> None:
        self._build = build
        self._app: FastAPI | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self._app = self._build()
        assert self._app is not None
        await self._app(scope, receive, send)


@pytest.fixture
def dialogue() -> ScriptedDialogue:
    return ScriptedDialogue()


@pytest.fixture
async def desk_settings(
    settings: Settings, database: Database, redis: Any, redis_url: str, directory: Any,
    encoder_dir: Path, tmp_path: Path, serve: Serve,
) -> AsyncIterator[Settings]:  # fmt: skip
    """Settings of an app with staff, an encoder, a small knowledge base and the demo operator."""
    models = settings.var_dir / "models"
    models.mkdir(parents=True)
    (models / "encoder").symlink_to(encoder_dir)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "roaming.yml").write_text(CORPUS, "utf-8")
    encoder = SentenceEncoder(encoder_dir)
    await seed_canned(database)
    await seed_knowledge(database, settings.knowledge_dir, encoder, lambda _: None, corpus)
    with serve(create_sandbox()) as operator:
        changed = {
            "database_url": str(database.engine.url), "redis_url": redis_url,
            "bss_url": operator.url, "rasa_url": "http://127.0.0.1:1", "agent_lost_s": 20.0,
        }  # fmt: skip
        yield settings.model_copy(update=changed)


@pytest.fixture
def desk_server(
    desk_settings: Settings, dialogue: ScriptedDialogue, serve: Serve
) -> Iterator[Server]:
    def build() -> FastAPI:
        services: Services = build_services(desk_settings)
        transport = httpx.MockTransport(dialogue.handle)
        scripted = httpx.AsyncClient(transport=transport, base_url="http://rasa")
        dialogue_client = DialogueClient(desk_settings, scripted)
        services.router._dialogue = dialogue_client
        helper = DialogueAssistant(dialogue_client, services.operator)
        services.handoffs._assistance._assistant = helper
        return create_app(services=services)

    with serve(_Reborn(build)) as server:
        yield server


@pytest.fixture
async def world(desk_server: Server, dialogue: ScriptedDialogue) -> AsyncIterator[World]:
    base = f"{desk_server.url}/api/v1"
    async with httpx.AsyncClient(base_url=base, timeout=20, trust_env=False) as http:
        yield World(desk_server, dialogue, http)


SignIn = Callable[..., Awaitable[Page]]


@pytest.fixture
async def sign_in(open_page: PageOpener, world: World) -> AsyncIterator[SignIn]:
    """Opens a staff page and logs in."""
    # Asking who is signed in is answered 401 before a login; the browser writes that to its console.
    open_page.allow("401")
    opened: list[Page] = []

    async def signing_in(username: str = "agent01", path: str = "/desk", **options: Any) -> Page:
        page = await open_page(world.url + path, **({"width": 1440, "height": 900} | options))
        opened.append(page)
        await page.bring_to_front()
        await page.get_by_label("工号").fill(username)
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        return page

    yield signing_in
    # Before the server goes: a desk left alone would complain of that.
    for page in opened:
        await page.context.close()


def queue_row(page: Page, text: str) -> Any:
    return page.locator(".row-waiting", has_text=text)


async def take(page: Page, text: str = "张伟") -> None:
    await queue_row(page, text).get_by_role("button", name="接入").click()
    await expect(page.get_by_role("textbox", name="回复客户")).to_be_visible()
