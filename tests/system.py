"""The whole system for end-to-end tests: the launcher itself, in a folder and on ports of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from core.settings import ROOT
from tests.conftest import free_port

PASSWORD = "correct-horse-battery-7"
START_S = 240
BUILT = ("encoder", "phrasings", "train")
"""Steps whose results are borrowed from the developer's own ``var``."""


@dataclass
class System:
    """A running system. ``url`` is the app's; ``processes`` maps names to process ids."""

    folder: Path
    environment: dict[str, str]
    url: str
    launcher: subprocess.Popen[bytes]
    output: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.Client:
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)
        self.clients.append(client)
        return client

    def processes(self) -> dict[str, psutil.Process]:
        """Our processes by what they run."""
        names = {
            "redis-server": "redis",
            "actions.bss.sandbox": "sandbox",
            "bot.dialogue.server": "rasa",
            "bot.gateway": "app",
        }
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.launcher.pid).children():
            with suppress(psutil.Error):
                line = " ".join(child.cmdline())
                name = next((n for sign, n in names.items() if sign in line), "actions")
                found[name] = child
        return found

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        with self.client() as client:
            while time.monotonic() < deadline:
                with suppress(httpx.HTTPError):
                    if client.get("/readyz").is_success:
                        return
                time.sleep(0.2)
        raise AssertionError(f"not ready:\n{self.output.read_text()[-3000:]}")

    def stop(self) -> int:
        """Ctrl-C; the launcher's exit status."""
        for client in self.clients:
            client.close()
        if self.launcher.poll() is None:
            self.launcher.send_signal(signal.SIGINT)
        return self.launcher.wait(30)


def environment_for(folder: Path, **extra: str) -> dict[str, str]:
    """Environment of a system that lives in ``folder`` on free ports."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHANGDA_")}
    ports = {
        f"CHANGDA_{name}_PORT": str(free_port())
        for name in ("APP", "RASA", "ACTIONS", "SANDBOX", "REDIS")
    }
    ours = {
        "CHANGDA_VAR_DIR": str(folder / "var"),
        "CHANGDA_ENV_FILE": str(folder / ".env"),
        "CHANGDA_DEMO_PASSWORD": PASSWORD,
        "CHANGDA_APP_HOST": "127.0.0.1",
    }
    return kept | ports | ours | extra


def borrow_builds(folder: Path) -> None:
    """Takes encoder and model from the developer's ``var``, so that they need not be built twice."""
    var = folder / "var"
    (var / "build").mkdir(parents=True, exist_ok=True)
    if not (var / "models").exists():
        shutil.copytree(ROOT / "var" / "models", var / "models")
    for step in BUILT:
        record = ROOT / "var" / "build" / f"{step}.digest"
        if record.exists():
            shutil.copy(record, var / "build")


def launch(folder: Path, environment: dict[str, str]) -> System:
    """Starts the launcher; does not wait."""
    output = folder / "launcher.log"
    with output.open("wb") as out:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "bot.launcher", "run"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{environment['CHANGDA_APP_PORT']}"
    return System(folder, environment, url, launcher, output)


def start_system(folder: Path, **extra: str) -> System:
    """A running, ready system."""
    borrow_builds(folder)
    system = launch(folder, environment_for(folder, **extra))
    deadline = time.monotonic() + START_S
    while "Ctrl-C stops" not in system.output.read_text():
        if system.launcher.poll() is not None or time.monotonic() > deadline:
            system.stop()
            raise AssertionError(f"the system did not start:\n{system.output.read_text()[-4000:]}")
        time.sleep(0.2)
    system.wait_until_ready()
    return system


class Customer:
    """A customer at the REST contract."""

    def __init__(self, system: System, channel: str = "web") -> None:
        self.http = system.client()
        opened = self.http.post("/api/v1/sessions", json={"channel": channel})
        assert opened.status_code == 201, opened.text
        self.id: str = opened.json()["conversation_id"]
        self.token: str = opened.json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.count = 0

    def send(self, text: str, client_message_id: str | None = None) -> dict[str, Any]:
        self.count += 1
        key = client_message_id or f"{self.id}-{self.count}"
        response = self.http.post(
            f"/api/v1/conversations/{self.id}/messages",
            json={"text": text, "client_message_id": key},
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def say(self, text: str) -> str:
        """The texts of all replies, joined."""
        return "\n".join(reply["text"] for reply in self.send(text)["replies"])

    def verify(self, phone: str, code: str = "246810") -> str:
        """Goes through the SMS check; the last reply."""
        self.say(phone)
        return self.say(code)

    def transcript(self) -> list[dict[str, Any]]:
        response = self.http.get(f"/api/v1/conversations/{self.id}/messages")
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages


class StaffMember:
    """A signed-in member of staff at the REST contract."""

    def __init__(self, system: System, username: str) -> None:
        self.http = system.client()
        answer = self.http.post(
            "/api/v1/auth/login", json={"username": username, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **params: Any) -> Any:
        response = self.http.get(f"/api/v1{path}", params=params)
        assert response.is_success, response.text
        return response.json()

    def post(self, path: str, body: Any = None) -> Any:
        response = self.http.post(f"/api/v1{path}", json=body if body is not None else {})
        assert response.is_success, response.text
        return response.json() if response.content else None

    def put(self, path: str, body: Any) -> Any:
        response = self.http.put(f"/api/v1{path}", json=body)
        assert response.is_success, response.text
        return response.json()
