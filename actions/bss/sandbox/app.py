"""Puts the demo operator together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from actions.bss.sandbox import accounts, care, catalogue, operator, orders
from actions.bss.sandbox.errors import body, install
from actions.bss.sandbox.seed import DEMO_DIR, load_seed
from actions.bss.sandbox.state import State


def create_app(folder: Path = DEMO_DIR, testing: bool = False) -> FastAPI:
    """The sandbox as an ASGI app; ``testing`` adds reset and fault injection."""
    app = FastAPI(title="Demo operator (TM Forum v4 shapes)", version="4.0")
    app.state.sandbox = State(load_seed(folder), testing)
    install(app)
    for part in (accounts, catalogue, orders, care, operator):
        app.include_router(part.router)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    if testing:
        app.include_router(operator.testing_router)
        _inject_faults(app)
    return app


def _inject_faults(app: FastAPI) -> None:
    @app.middleware("http")
    async def fail(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        for fault in app.state.sandbox.faults:
            if request.url.path.startswith(fault["prefix"]) and fault["times"] > 0:
                fault["times"] -= 1
                await asyncio.sleep(fault["delay_s"])
                return body(fault["status"], "injected", "演练：系统故障。")
        return await proceed(request)
