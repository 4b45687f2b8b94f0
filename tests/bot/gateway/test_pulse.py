"""A blocked event loop shows in the pulse, and is forgotten."""

from __future__ import annotations

import asyncio
import time

from bot.gateway.pulse import Pulse


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
