"""5,000 open pages that say nothing, and 50 messages a second between them, on one app process.

The dialogue answers at once (``standin_dialogue``): what is measured is the app, with its SQLite and Redis.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from bot.migrations import tables
from core.database import Base, Database
from core.settings import ROOT
from tests.conftest import free_port

pytestmark = pytest.mark.bench
IDLE = 5000
TALKING = 50
SECONDS = 30
OPENING = 40
KB_PER_CONNECTION = 100
P95_MS = 1000


@contextmanager
def process(*command: str, **environment: str) -> Iterator[psutil.Process]:
    started = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(20)


async def ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(600):
            try:
                if (await http.get(url)).status_code < 500:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} did not answer")


@pytest.fixture
async def app(
    tmp_path: Path, redis_url: str, encoder_dir: Path
) -> AsyncIterator[tuple[str, psutil.Process]]:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "encoder").symlink_to(encoder_dir)
    tables.load()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'changda.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await database.close()
    rasa, port = free_port(), free_port()
    settings = {
        "CHANGDA_ENV_FILE": str(tmp_path / "none"), "CHANGDA_VAR_DIR": str(tmp_path),
        "CHANGDA_REDIS_URL": redis_url, "CHANGDA_RASA_PORT": str(rasa),
        "CHANGDA_APP_PORT": str(port), "CHANGDA_APP_HOST": "127.0.0.1",
        "CHANGDA_TOKEN_KEY": "k" * 40, "CHANGDA_RASA_TOKEN": "r" * 40, "CHANGDA_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    served = "tests.bench.standin_dialogue:app"
    dialogue = ("uvicorn", served, "--port", str(rasa), "--log-level", "error")
    with process(*dialogue), process("bot.gateway", **settings) as gateway:
        await ready(f"http://127.0.0.1:{port}/healthz")
        yield f"127.0.0.1:{port}", gateway


async def follow(http: httpx.AsyncClient, host: str) -> ClientConnection:
    """One page: a session, its socket, everything up to ``ready``."""
    opened = (await http.post(f"http://{host}/api/v1/sessions", json={})).json()
    socket = await connect(
        f"ws://{host}/api/v1/conversations/{opened['conversation_id']}/ws",
        compression=None, ping_interval=None, max_queue=4,
    )  # fmt: skip
    await socket.send(orjson.dumps({"type": "auth", "token": opened["access_token"]}).decode())
    while orjson.loads(await socket.recv())["type"] != "ready":
        pass
    return socket


async def talk(socket: ClientConnection, name: int, until: float) -> list[float]:
    """Says something every second; milliseconds until each answer is on the page."""
    waits: list[float] = []
    await asyncio.sleep(name / TALKING)
    count = 0
    while (started := time.perf_counter()) < until:
        key = f"{name}-{(count := count + 1)}"
        frame: dict[str, Any] = {"type": "message", "text": "你好", "client_message_id": key}
        await socket.send(orjson.dumps(frame).decode())
        while True:
            heard = orjson.loads(await asyncio.wait_for(socket.recv(), 30))
            if heard["type"] == "message" and heard["message"]["sender"] == "bot":
                break
        waits.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - started)))
    return waits


async def test_5000_idle_pages_and_50_messages_a_second(app: tuple[str, psutil.Process]) -> None:
    host, gateway = app
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        warm = [await follow(http, host) for _ in range(20)]
        before = gateway.memory_info().rss
        room = asyncio.Semaphore(OPENING)

        async def one() -> ClientConnection:
            async with room:
                return await follow(http, host)

        began = time.perf_counter()
        idle = await asyncio.gather(*(one() for _ in range(IDLE)))
        opening = time.perf_counter() - began
        each = (gateway.memory_info().rss - before) / IDLE / 1024
        talking = [await follow(http, host) for _ in range(TALKING)]
        gateway.cpu_percent()
        until = time.perf_counter() + SECONDS
        began = time.perf_counter()
        heard = await asyncio.gather(*(talk(s, n, until) for n, s in enumerate(talking)))
        waits = [wait for each_page in heard for wait in each_page]
        seconds = time.perf_counter() - began
        busy = gateway.cpu_percent()
        alive = sum(socket.close_code is None for socket in idle)
        for socket in (*warm, *idle, *talking):
            await socket.close()
    p50, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[18]
    print(
        f"\n{IDLE} idle sockets: opened in {opening:.0f} s, {each:.1f} KB each, {alive} alive at the end; app "
        f"{gateway.memory_info().rss / 2**20:.0f} MB\n{len(waits) / seconds:.1f} messages/s for {seconds:.0f} s: "
        f"answered in p50 {p50:.0f} ms, p95 {p95:.0f} ms; app {busy:.0f} % of one processor"
    )  # fmt: skip
    assert alive == IDLE
    assert each < KB_PER_CONNECTION
    assert len(waits) / seconds > TALKING * 0.9
    assert p95 < P95_MS
