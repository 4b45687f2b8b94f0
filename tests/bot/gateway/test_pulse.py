"""A blocked event loop shows in the pulse, and is forgotten."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Scope

from bot.gateway.pulse import Arrival, Pulse, since_arrival_s


async def test_lateness_shows() -> None:
    pulse, stop = Pulse(), asyncio.Event()
    assert pulse.lag_s(8) == 0
    beating = asyncio.create_task(pulse.run(stop))
    await asyncio.sleep(0.15)
    time.sleep(0.4)  # noqa: ASYNC251 (blocks on purpose)
    await asyncio.sleep(0.15)
    assert 0.2 < pulse.lag_s(0) < pulse.lag_s(8) < 9
    stop.set()
    await beating


async def test_the_time_since_arrival() -> None:
    passed: list[float] = []

    async def app(scope: Scope, *_: object) -> None:
        await asyncio.sleep(0.05)
        passed.append(since_arrival_s(scope))

    async def nothing(*_: Message) -> Message:
        return {}

    await Arrival(app)({"type": "http"}, nothing, nothing)  # type: ignore[arg-type]
    assert 0.04 < passed[0] < 5
    assert since_arrival_s({"type": "http"}) == 0
