"""The app: one FastAPI application on one port for customers, agents, editors and operations."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bot.gateway import auth_api, customer_api, customer_socket, health, pages, problems
from bot.gateway.pulse import Arrival
from bot.gateway.services import Services, build_services, run_background
from core.settings import Settings, get_settings
from handoff.api import create_router as handoff_router
from knowledge_base.api import create_router as knowledge_router


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """Builds the application.

    Args:
        settings: by default those of the process.
        services: ready-made parts, for tests.
    """
    parts = services or build_services(settings or get_settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        background = asyncio.create_task(run_background(parts, stop), name="housekeeping")
        yield
        stop.set()
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background
        await parts.close()

    app = FastAPI(
        title="Changda 畅答",
        description="Telecom customer service: bot, knowledge base and human handoff.",
        version="0.1.0",
        lifespan=lifespan,
        # The page itself is served by pages.py, from our own files.
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = parts
    problems.install(app)
    app.include_router(customer_api.router)
    app.include_router(customer_socket.router)
    app.include_router(auth_api.router)
    app.include_router(health.router)
    desk_token = parts.settings.desk_token.get_secret_value()
    app.include_router(handoff_router(parts.handoffs, parts.staff, desk_token))
    parts.integration.mount(app, parts.staff)
    app.include_router(
        knowledge_router(parts.knowledge, parts.staff, parts.operator.catalogue_facts)
    )
    parts.channels.mount(app, parts.staff)
    pages.install(app, parts.settings.embed_origins)
    app.add_middleware(Arrival)
    return app
