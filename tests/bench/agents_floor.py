"""A thousand agents' screens in a process of their own: hears offers, answers, and says how long they took.

Times are of the machine's steady clock, which all its processes share. Run by the benchmarks:
``python -m tests.bench.agents_floor REDIS_URL HANDOFFS THINK_S SERVE_S AGENT...``; prints one JSON line.
"""

from __future__ import annotations

import asyncio
import sys
import time

import orjson
from redis.asyncio import Redis

from core.events import OFFER
from core.redis_keys import agent_channel

QUIET_S = 20.0
READY, ANSWERS = "bench:ready", "bench:answers"


async def serve(url: str, expected: int, think_s: float, serve_s: float, agents: list[str]) -> None:
    """Hears ``expected`` offers; accepts each after ``think_s`` and ends it ``serve_s`` later."""
    redis = Redis.from_url(url)
    pubsub = redis.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(*(agent_channel(agent) for agent in agents))
    await redis.rpush(READY, 1)
    took: list[float] = []
    tasks: set[asyncio.Task[None]] = set()

    async def answer(handoff_id: str, agent_id: str) -> None:
        await asyncio.sleep(think_s)
        await redis.rpush(ANSWERS, orjson.dumps(["accept", handoff_id, agent_id]))
        await asyncio.sleep(serve_s)
        await redis.rpush(ANSWERS, orjson.dumps(["close", handoff_id, agent_id]))

    quiet_since = time.monotonic()
    while len(took) < expected and time.monotonic() - quiet_since < QUIET_S:
        message = await pubsub.get_message(timeout=1.0)
        if message is None:
            continue  # A confirmed subscription, or silence.
        quiet_since = time.monotonic()
        event = orjson.loads(message["data"])
        if event["type"] != OFFER:
            continue
        took.append((time.monotonic_ns() - int(event["request"])) / 1e6)
        agent_id = message["channel"].decode().rsplit(":", 1)[-1]
        task = asyncio.create_task(answer(event["handoff_id"], agent_id))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    await redis.aclose()
    print(orjson.dumps(took).decode(), flush=True)


if __name__ == "__main__":
    _, where, count, think, talk, *names = sys.argv
    asyncio.run(serve(where, int(count), float(think), float(talk), names))
