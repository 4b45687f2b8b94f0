"""One token for everybody: fetched once, replaced once, kept while Redis is away, never written down."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bot.channels.base import TryLater
from bot.channels.calls import ask
from bot.channels.tokens import AccessTokens
from core.redis_keys import channel_token

pytestmark = pytest.mark.integration


class Platform:
    """Gives a new token each time it is asked."""

    def __init__(self, seconds: float = 7200) -> None:
        self.asked = 0
        self.seconds = seconds

    async def fetch(self) -> tuple[str, float]:
        self.asked += 1
        await asyncio.sleep(0.05)
        return f"token-{self.asked}", self.seconds


async def test_many_processes_fetch_once_and_replace_once(redis: Any) -> None:
    platform = Platform()
    processes = [AccessTokens(redis, "wechat:wx1", platform.fetch) for _ in range(3)]
    first = await asyncio.gather(*(p.get() for p in processes for _ in range(10)))
    assert (set(first), platform.asked) == ({"token-1"}, 1)
    again = await asyncio.gather(*(p.get(wrong="token-1") for p in processes for _ in range(10)))
    assert (set(again), platform.asked) == ({"token-2"}, 2)
    # Whoever comes late with the old one gets what is in force.
    assert await processes[0].get(wrong="token-1") == "token-2"


async def test_a_token_is_renewed_five_minutes_early(redis: Any) -> None:
    await AccessTokens(redis, "wechat:wx2", Platform().fetch).get()
    left = await redis.ttl(channel_token("wechat:wx2"))
    assert 7200 - 300 - 5 <= left <= 7200 - 300


async def test_without_redis_each_process_keeps_its_own() -> None:
    from redis.asyncio import Redis

    platform = Platform()
    gone = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    tokens = AccessTokens(gone, "wechat:wx3", platform.fetch)
    assert [await tokens.get() for _ in range(3)] == ["token-1"] * 3
    assert await tokens.get(wrong="token-1") == "token-2"
    await gone.aclose()


async def test_errors_do_not_name_the_token() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("at https://api/?access_token=geheim", request=request)

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(refuse), base_url="http://api"
    ) as http:
        with pytest.raises(TryLater) as told:
            await ask(http, "POST", "/x", {}, {"access_token": "geheim"})
    assert "geheim" not in f"{told.value!r} {told.value.__cause__!r} {told.value.reason}"
    assert told.value.__suppress_context__
