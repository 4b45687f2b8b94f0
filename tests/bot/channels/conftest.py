"""The real app and the stand-in for Tencent, talking HTTP over loopback in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from bot.channels.standin.app import Platform
from bot.channels.standin.app import create_app as create_platform
from bot.channels.standin.people import Clock
from bot.channels.standin.pushing import Pusher
from bot.channels.standin.sealing import MessageCrypt
from bot.channels.standin.wechat import OfficialAccount
from bot.channels.standin.wecom import Enterprise
from bot.gateway.app import create_app
from bot.gateway.services import Services
from core.settings import Settings
from tests.bot.gateway.conftest import StandInDialogue, dialogue, services  # noqa: F401
from tests.conftest import free_port

APP_ID, CORP_ID = "wx0123456789abcdef", "ww0123456789abcdef"
TOKEN, SECRET = "callback-token", "secret-of-the-account"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PATIENCE_S = 60.0
"""How long the stand-in waits for an answer; twelve times as long as the platform."""


@asynccontextmanager
async def listening(app: FastAPI, port: int) -> AsyncIterator[str]:
    """Serves an app in this loop, without its lifespan."""
    config = uvicorn.Config(
        app, "127.0.0.1", port, log_level="error", lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def encrypted() -> bool:
    """Whether the official account is in encrypted mode; tests override it."""
    return True


@pytest.fixture
async def platform(encrypted: bool) -> AsyncIterator[tuple[Platform, str]]:
    clock = Clock()
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        seal = MessageCrypt(AES_KEY, APP_ID) if encrypted else None
        wechat = OfficialAccount(APP_ID, SECRET, Pusher("", TOKEN, seal, http), clock)
        corp = Pusher("", TOKEN, MessageCrypt(AES_KEY, CORP_ID), http)
        both = Platform(wechat, Enterprise(CORP_ID, SECRET, corp, clock), clock)
        async with listening(create_platform(both), free_port()) as url:
            yield both, url


@pytest.fixture
def settings(settings: Settings, platform: tuple[Platform, str], encrypted: bool) -> Settings:
    url = platform[1]
    ours = {
        "wechat_app_id": APP_ID,
        "wechat_secret": SECRET,
        "wechat_token": TOKEN,
        "wechat_aes_key": AES_KEY if encrypted else "",
        "wechat_api_url": url,
        "wecom_corp_id": CORP_ID,
        "wecom_secret": SECRET,
        "wecom_token": TOKEN,
        "wecom_aes_key": AES_KEY,
        "wecom_api_url": url,
        "var_dir": settings.var_dir,
        "token_key": "k" * 40,
        "rasa_token": "r" * 40,
        "demo_password": "correct-horse-7",
    }
    return Settings(_env_file=None, **ours)


@dataclass
class World:
    """Everything a test touches."""

    wechat: OfficialAccount
    wecom: Enterprise
    clock: Clock
    services: Services
    dialogue: StandInDialogue
    url: str

    async def until(self, check: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits for something to be true; its value."""
        for _ in range(int(seconds / 0.02)):
            if found := check():
                return found
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen")

    async def transcript(self, channel: str, account: str) -> list[Any]:
        conversation = await self.services.identities.conversation_of(channel, account)
        return await self.services.transcript.messages(conversation.id)


@pytest.fixture
async def world(
    platform: tuple[Platform, str],
    services: Services,  # noqa: F811
    dialogue: StandInDialogue,  # noqa: F811
) -> AsyncIterator[World]:
    both, _ = platform
    stop = asyncio.Event()
    running = asyncio.create_task(services.channels.run(stop))
    async with listening(create_app(services=services), free_port()) as url:
        both.wechat.pusher.url = f"{url}/wechat/callback"
        both.wecom.pusher.url = f"{url}/wecom/callback"
        # Nothing here is about time unless a test says so, however busy the machine.
        both.wechat.pusher.patience_s = both.wecom.pusher.patience_s = PATIENCE_S
        services.channels.wechat.reply_s = PATIENCE_S / 2  # type: ignore[union-attr]
        yield World(both.wechat, both.wecom, both.clock, services, dialogue, url)
        await services.channels.settle()
    stop.set()
    running.cancel()


@pytest.fixture
def slowly(
    services: Services,  # noqa: F811
    dialogue: StandInDialogue,  # noqa: F811
) -> Callable[[float], None]:
    """Makes the dialogue think for so long before each answer."""

    def slow(seconds: float) -> None:
        async def wait(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(seconds)
            return await dialogue.handle(request)

        transport = httpx.MockTransport(wait)
        services.dialogue._http = httpx.AsyncClient(transport=transport, base_url="http://rasa")

    return slow
