"""Starts processes in order, waits until each is ready, restarts what dies, stops everything."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bot.launcher.words import LauncherError, say
from core.settings import ROOT

READY_WITHIN_S = 120
GRACE_S = 8
_PR_SET_PDEATHSIG = 1
BACK_OFF_S = (0.5, 1, 2, 5, 10)
STEADY_S = 30


@dataclass(frozen=True)
class Process:
    """A process to keep alive. ``ready`` tells whether it serves yet."""

    name: str
    command: list[str]
    ready: Callable[[], Awaitable[bool]]
    port: int
    setting: str
    """Name of the setting that moves its port."""
    after: tuple[str, ...] = field(default=())


def answers(url: str) -> Callable[[], Awaitable[bool]]:
    """A readiness check: the URL answers with a success."""

    async def check() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
                return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False

    return check


def accepts(port: int) -> Callable[[], Awaitable[bool]]:
    """A readiness check: something listens on the port."""

    async def check() -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1)
            writer.close()
            return True
        return False

    return check


def is_taken(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _die_with_parent() -> None:
    # Even a killed launcher leaves nothing running behind it (Linux; elsewhere Ctrl-C does).
    os.setpgid(0, 0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs the processes of one system.

    Args:
        processes: in starting order.
        environment: of all of them.
        logs: folder for one log file a process.
    """

    def __init__(self, processes: list[Process], environment: dict[str, str], logs: Path) -> None:
        self._processes = processes
        self._environment = environment
        self._logs = logs
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def check_ports(self) -> None:
        """Raises LauncherError naming each taken port and the setting that moves it."""
        taken = [p for p in self._processes if is_taken(p.port)]
        if taken:
            named = "\n".join(
                f"  port {p.port} ({p.name}): set {p.setting} to a free one" for p in taken
            )
            raise LauncherError(f"another program listens where we want to:\n{named}")

    async def start(self) -> None:
        """Starts all and returns when all are ready. Raises LauncherError."""
        self._logs.mkdir(parents=True, exist_ok=True)
        started = {p.name: asyncio.Event() for p in self._processes}
        await asyncio.gather(*(self._start(p, started) for p in self._processes))
        for process in self._processes:
            self._keepers.append(asyncio.create_task(self._keep(process)))

    async def _start(self, process: Process, started: dict[str, asyncio.Event]) -> None:
        for name in process.after:
            await started[name].wait()
        begun = time.monotonic()
        await self._spawn(process)
        while not await process.ready():
            if self._running[process.name].returncode is not None:
                raise LauncherError(f"{process.name} stopped at once:\n{self._tail(process.name)}")
            if time.monotonic() - begun > READY_WITHIN_S:
                raise LauncherError(f"{process.name} is not ready:\n{self._tail(process.name)}")
            await asyncio.sleep(0.15)
        say(f"  {process.name:<8} ready after {time.monotonic() - begun:4.1f} s")
        started[process.name].set()

    async def _spawn(self, process: Process) -> None:
        log = (self._logs / f"{process.name}.log").open("ab")
        try:
            self._running[process.name] = await asyncio.create_subprocess_exec(
                *process.command, cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=_die_with_parent,
            )  # fmt: skip
        finally:
            log.close()

    async def _keep(self, process: Process) -> None:
        failures = 0
        while not self._stopping:
            begun = time.monotonic()
            status = await self._running[process.name].wait()
            if self._stopping:
                return
            failures = 0 if time.monotonic() - begun > STEADY_S else failures + 1
            pause = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            say(f"! {process.name} ended ({status}); restarting in {pause} s")
            await asyncio.sleep(pause)
            await self._spawn(process)

    async def stop(self) -> None:
        """Ends all, the last started first; kills what does not end by itself."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        for process in reversed(self._processes):
            running = self._running.get(process.name)
            if running and running.returncode is None:
                _signal_group(running.pid, signal.SIGTERM)
        waits = [r.wait() for r in self._running.values() if r.returncode is None]
        if waits:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*waits), GRACE_S)
        for running in self._running.values():
            _signal_group(running.pid, signal.SIGKILL)

    def memory(self) -> dict[str, int]:
        """Resident bytes of each process with its children."""
        used: dict[str, int] = {}
        for name, running in self._running.items():
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(running.pid)
                family = [root, *root.children(recursive=True)]
                used[name] = sum(p.memory_info().rss for p in family)
        return used

    def _tail(self, name: str) -> str:
        path = self._logs / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-15:]) + f"\n(whole log: {path})"


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
