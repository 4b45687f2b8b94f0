"""The live bus survives what Redis does."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from core.events import LiveBus

pytestmark = pytest.mark.integration


async def test_each_listener_gets_its_channels_only(bus: LiveBus) -> None:
    async with bus.listen("a") as first, bus.listen("a", "b") as second:
        await bus.publish("a", "message", n=1)
        await bus.publish("b", "message", n=2)
        assert (await asyncio.wait_for(first.get(), 3))["n"] == 1
        assert {(await asyncio.wait_for(second.get(), 3))["n"] for _ in range(2)} == {1, 2}
        assert first.empty()


async def test_listening_goes_on_after_the_connection_was_cut(bus: LiveBus, redis: Redis) -> None:
    async with bus.listen("a") as events:
        await bus.publish("a", "message", n=1)
        await asyncio.wait_for(events.get(), 3)
        await redis.client_kill_filter(_type="pubsub")
        for _ in range(50):
            await bus.publish("a", "message", n=2)
            await asyncio.sleep(0.1)
            if not events.empty():
                break
        assert (await asyncio.wait_for(events.get(), 3))["n"] == 2


async def test_publishing_without_redis_is_not_an_error() -> None:
    lonely = LiveBus(Redis.from_url("redis://127.0.0.1:1/0"))
    await lonely.publish("a", "message", n=1)
    await lonely.close()
