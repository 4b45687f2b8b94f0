"""The action server: rasa-sdk's application, with our actions and nothing else."""

from __future__ import annotations

from typing import Any

import structlog
from rasa_sdk import Action
from rasa_sdk.endpoint import create_app as create_sdk_app
from rasa_sdk.executor import ActionExecutor
from redis.asyncio import Redis
from sanic import Sanic

from actions import (
    billing,
    complaints,
    conversation,
    faults,
    handoff,
    knowledge,
    lifecycle,
    packages,
    runtime,
    services,
    usage,
)
from actions.tasks import form
from core.limits import AttemptLimiter
from core.settings import get_settings

MODULES = (
    billing, complaints, conversation, faults, handoff, knowledge, lifecycle, packages, services,
    usage, form,
)  # fmt: skip
log = structlog.get_logger(__name__)


class Executor(ActionExecutor):
    """Runs without the domain: our Rasa does not send it (``selective_domain``)."""

    def update_and_return_domain(
        self, payload: dict[str, Any], action_name: str
    ) -> dict[str, Any] | None:
        return payload.get("domain") or {}


def action_classes() -> list[type[Action]]:
    """Every action defined in the business modules."""
    return [
        found
        for module in MODULES
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Action)
        and found.__module__ == module.__name__
        and not getattr(found, "__abstractmethods__", None)
        and (hasattr(found, "action") or found is conversation.SessionStart)
    ]


def executor() -> Executor:
    """An executor that knows our actions."""
    made = Executor()
    for found in action_classes():
        made.register_action(found)
    return made


def create_app() -> Sanic:
    """The Sanic application: ``/webhook``, ``/actions``, ``/health``."""
    app = create_sdk_app(executor(), cors_origins=[])
    app.config.KEEP_ALIVE_TIMEOUT = 120
    app.config.ACCESS_LOG = False

    # Connects at its first use, inside the server's own loop.
    redis = Redis.from_url(get_settings().redis, socket_timeout=1.0, socket_connect_timeout=0.5)

    async def warm(_: Sanic) -> None:
        # The catalogue and the connection are ready before the first customer.
        runtime.count_with(AttemptLimiter(redis))
        if not await runtime.operator().healthy():
            log.warning("operator_systems_unreachable_at_start")

    async def stop(_: Sanic) -> None:
        await runtime.close()
        await redis.aclose()

    app.register_listener(warm, "after_server_start")
    app.register_listener(stop, "after_server_stop")
    return app
