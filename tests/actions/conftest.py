"""The sandbox in process for quick tests, and as a real server for those over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI

from actions import runtime
from actions.bss.client import OperatorClient
from actions.bss.sandbox.app import create_app
from core.settings import ROOT
from tests.conftest import free_port


@pytest.fixture
def sandbox() -> FastAPI:
    """A fresh demo operator."""
    return create_app(testing=True)


@pytest.fixture
async def bss(sandbox: FastAPI) -> AsyncIterator[OperatorClient]:
    """The client on the in-process sandbox; the actions use it too."""
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://bss")
    client = OperatorClient("http://bss", http=http)
    runtime.use(client)
    yield client
    runtime.use(None)
    await client.close()


@contextmanager
def server(*command: str, health: str, **environment: str) -> Iterator[None]:
    """Runs a Python module as a process until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        for _ in range(300):
            try:
                if httpx.get(health, trust_env=False, timeout=1).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{command} did not start")
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    """A sandbox process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("actions.bss.sandbox", "--port", str(port), "--test")
    with server(*command, health=f"{url}/health"):
        yield url


@pytest.fixture(scope="module")
def actions_url(sandbox_url: str) -> Iterator[str]:
    """An action server process on that sandbox."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with server("actions", "--port", str(port), health=f"{url}/health",
                CHANGDA_BSS_URL=sandbox_url):  # fmt: skip
        yield url
