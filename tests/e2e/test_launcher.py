"""The commands of the README: start, start again, a taken port, stop."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.settings import ROOT
from tests.system import System, borrow_builds, environment_for, launch, start_system

pytestmark = pytest.mark.e2e


def test_starting_twice_says_so(system: System) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "bot.launcher", "run"],
        cwd=ROOT, env=system.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert again.returncode == 0
    assert "running already" in again.stdout


def test_secrets_are_private_and_shown_nowhere_else(system: System) -> None:
    env = system.folder / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    secrets = dict(line.split("=", 1) for line in env.read_text().splitlines())
    for log in (system.folder / "var" / "logs").glob("*.log"):
        text = log.read_text(errors="replace")
        assert secrets["CHANGDA_TOKEN_KEY"] not in text
        assert secrets["CHANGDA_RASA_TOKEN"] not in text


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    borrow_builds(tmp_path)
    environment = environment_for(tmp_path, CHANGDA_SEED_KNOWLEDGE="off")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["CHANGDA_ACTIONS_PORT"])))
        taken.listen()
        system = launch(tmp_path, environment)
        assert system.launcher.wait(120) == 1
    said = system.output.read_text()
    assert "CHANGDA_ACTIONS_PORT" in said
    assert "Traceback" not in said


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    system = launch(tmp_path, environment_for(tmp_path) | {"CHANGDA_APP_PORT": "99999"})
    assert system.launcher.wait(60) == 1
    assert "app_port" in system.output.read_text()


def test_stopping_leaves_nothing_and_later_starts_are_quick(tmp_path: Path) -> None:
    first = start_system(tmp_path, CHANGDA_SEED_KNOWLEDGE="off")
    children = psutil.Process(first.launcher.pid).children(recursive=True)
    assert first.stop() == 0
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert len(gone) >= 5

    begun = time.monotonic()
    second = launch(tmp_path, first.environment)
    while "Ctrl-C stops" not in second.output.read_text():
        assert second.launcher.poll() is None, second.output.read_text()
        assert time.monotonic() - begun < 120
        time.sleep(0.1)
    said = second.output.read_text()
    assert said.count("up to date") == 5
    second.launcher.kill()
    second.launcher.wait(10)
    deadline = time.monotonic() + 15
    ports = [int(v) for k, v in first.environment.items() if k.endswith("_PORT")]
    while any(_listens(port) for port in ports) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [port for port in ports if _listens(port)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
