"""The supervisor with real processes: ready, restarted, stopped, and nothing left."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from bot.launcher.supervisor import Process, Supervisor, accepts
from bot.launcher.words import LauncherError
from tests.conftest import free_port

pytestmark = pytest.mark.integration


def _server(name: str, port: int, *after: str) -> Process:
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    return Process(name, command, accepts(port), port, f"CHANGDA_{name.upper()}_PORT", after)


def _supervisor(folder: Path, *processes: Process) -> Supervisor:
    return Supervisor(list(processes), dict(os.environ), folder)


async def test_what_dies_is_restarted_and_all_stops(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    supervisor = _supervisor(tmp_path, _server("a", first), _server("b", second, "a"))
    await supervisor.start()
    try:
        assert set(supervisor.memory()) == {"a", "b"}
        victim = supervisor._running["a"]
        psutil.Process(victim.pid).kill()
        for _ in range(100):
            await asyncio.sleep(0.1)
            if supervisor._running["a"].pid != victim.pid and await accepts(first)():
                break
        assert await accepts(first)()
    finally:
        await supervisor.stop()
    assert not await accepts(first)()
    assert not await accepts(second)()


async def test_a_process_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", "print('no such thing', flush=True); raise SystemExit(2)"]
    supervisor = _supervisor(tmp_path, Process("x", command, accepts(port), port, "X"))
    with pytest.raises(LauncherError, match="no such thing"):
        await supervisor.start()
    await supervisor.stop()


def test_taken_ports_are_named(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LauncherError, match="CHANGDA_A_PORT"):
            _supervisor(tmp_path, _server("a", port)).check_ports()
