"""Safe on Redis Cluster: every script touches one slot, and a real server in cluster mode agrees."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as redis_sync
from redis.asyncio import Redis
from redis.crc import key_slot

from core import redis_keys
from core.database import Database
from core.events import LiveBus
from core.settings import Settings
from core.staff import StaffDirectory
from handoff import scripts
from handoff.states import State
from tests.conftest import free_port, redis_server_binary
from tests.handoff.conftest import Room, build_room, member


def crc16_slot(key: str) -> int:
    """The slot by the published rule: CRC16 (XModem) of what is between the first braces, mod 16384."""
    start = key.find("{")
    end = key.find("}", start + 1)
    part = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    crc = 0
    for byte in part.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
    return crc % 16384


def test_the_rule_of_slots() -> None:
    assert crc16_slot("123456789") == 0x31C3
    for key in ("foo", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap"):
        assert crc16_slot(key) == key_slot(key.encode())


def test_all_keys_of_the_line_live_on_one_slot() -> None:
    assert len({crc16_slot(key) for key in scripts.KEYS}) == 1
    assert len(scripts.KEYS) == len(set(scripts.KEYS))
    names = [name for name in vars(redis_keys) if name.startswith("QUEUE_")]
    tagged = {crc16_slot(getattr(redis_keys, name)) for name in names}
    assert tagged == {crc16_slot(scripts.KEYS[0])}


def test_scripts_name_no_key_of_their_own() -> None:
    # A key that is built inside a script could live on another node.
    texts = [
        text for name, text in vars(scripts).items() if name.isupper() and isinstance(text, str)
    ]
    assert len(texts) >= 8
    assert not any("'cd:" in text or '"cd:' in text for text in texts)


@pytest.fixture
def cluster_port(tmp_path: Path) -> Iterator[int]:
    """A server in cluster mode that owns every slot: it refuses whatever a cluster would."""
    port = free_port()
    while port > 55_000:  # The cluster bus listens 10,000 above.
        port = free_port()
    process = subprocess.Popen(
        [redis_server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path),
         "--save", "", "--appendonly", "no", "--cluster-enabled", "yes"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with redis_sync.Redis(port=port) as client:
        for _ in range(100):
            try:
                client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
                break
            except redis_sync.ConnectionError:
                time.sleep(0.05)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
async def clustered(
    cluster_port: int, settings: Settings, database: Database, directory: StaffDirectory
) -> AsyncIterator[Room]:
    redis = Redis(port=cluster_port)
    bus = LiveBus(redis)
    rules = settings.model_copy(update={"offer_mode": "both"})
    room = build_room(rules, database, redis, bus, directory)
    yield room
    await room.service.settle()
    await bus.close()
    await redis.aclose()


@pytest.mark.integration
async def test_the_whole_life_of_a_customer_on_a_cluster(clustered: Room) -> None:
    service = clustered.service
    with pytest.raises(redis_sync.ResponseError, match="same slot"):
        await clustered.redis.eval("return 1", 2, "a", "b")
    await service.presence.set_status("agent02", "online")
    first, second = await clustered.waiting(), await clustered.waiting()
    await service.settle()
    assert (await service.get(first.id)).state == State.OFFERED
    await service.refuse(first.id, member("agent02"), "不熟悉")
    await service.settle()
    assert (await service.get(second.id)).agent_id == "agent02"
    await service.accept(first.id, member("agent05"))
    await service.transfer(first.id, member("agent05"), skill_group="technical")
    assert await service.line.first(["technical"]) == [first.id]
    await service.presence.set_status("agent02", "busy")
    await service.abandon(second.conversation_id)
    await clustered.redis.flushall()
    await service.repair.check()
    assert await service.repair.reconcile() == 0
    assert await service.line.first(["technical"]) == [first.id]
