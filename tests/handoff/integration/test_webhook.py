"""An operator's own desk: signed webhooks out, the desk's REST contract back, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib.util
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from redis.asyncio import Redis

from core.clock import now
from core.database import Database
from core.events import LiveBus
from core.settings import ROOT, Settings
from core.staff import StaffDirectory
from handoff.integration import notices
from handoff.integration.webhook import WebhookDesk
from handoff.models import Handoff
from tests.conftest import free_port
from tests.handoff.conftest import build_room, member
from tests.handoff.integration.conftest import (
    DESK_TOKEN,
    WEBHOOK_SECRET,
    Receiver,
    World,
    serving,
    world_of,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def world(
    settings: Settings,
    database: Database,
    redis: Redis,
    bus: LiveBus,
    directory: StaffDirectory,
    receiver: Receiver,
) -> AsyncIterator[World]:
    async with serving(receiver.app(), free_port()) as address:
        known = {
            "desk": "webhook",
            "desk_webhook_url": f"{address}/hook",
            "desk_webhook_secret": WEBHOOK_SECRET,
            "desk_token": DESK_TOKEN,
            "desk_timeout_s": 5.0,
        }
        ours = Settings(_env_file=None, **(settings.model_dump() | known))
        room = build_room(ours, database, redis, bus, directory)
        async with world_of(room, ours, directory) as world:
            yield world
            await room.service.settle()


def read(delivery: tuple[dict[str, str], bytes]) -> dict[str, Any]:
    """Checks the signature as the documentation says, and nothing else of ours."""
    headers, body = delivery
    moment, given = (part.split("=")[1] for part in headers["x-changda-signature"].split(","))
    expected = hmac.new(WEBHOOK_SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(expected.hexdigest(), given)
    assert abs(time.time() - int(moment)) < 60
    event: dict[str, Any] = orjson.loads(body)
    assert headers["x-changda-event"] == event["event"]
    assert headers["x-changda-delivery"] == event["event_id"]
    return event


def events(receiver: Receiver) -> list[str]:
    return [read(delivery)["event"] for delivery in receiver.got]


async def agent(world: World, number: str = "17", name: str = "李雷") -> httpx.AsyncClient:
    """The operator's desk acting for one of its people."""
    return await world.client(DESK_TOKEN, **{"X-Agent-Id": number, "X-Agent-Name": quote(name)})


async def test_a_whole_life(world: World, receiver: Receiver) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    asked = read(receiver.got[0])
    assert (asked["event"], asked["handoff_id"], asked["state"]) == (
        "handoff.requested",
        handoff.id,
        "waiting",
    )
    package = asked["package"]
    assert package["schema_version"] == 1
    assert package["customer"]["plan"] == "5G畅享129元"
    assert [line["text"] for line in package["transcript"]][:2] == ["话费怎么多了", "转人工"]
    assert "158.40元" in package["summary"]["text"]
    assert b"13800000001" not in receiver.got[0][1]

    desk = await agent(world)
    listed = (await desk.get("/handoffs", params={"state": "waiting"})).json()
    assert [row["handoff_id"] for row in listed["handoffs"]] == [handoff.id]
    path = f"/handoffs/{handoff.id}"
    taken = (await desk.post(f"{path}/accept")).json()
    assert (taken["state"], taken["mine"], taken["agent_name"]) == ("active", True, "李雷")
    said = {"text": "您好，10月多了20元流量费", "client_message_id": "m1"}
    assert (await desk.post(f"{path}/messages", json=said)).status_code == 200
    assert (await desk.post(f"{path}/messages", json=said)).status_code == 200
    assert (await desk.post(f"{path}/notes", json={"text": "客户情绪还好"})).status_code == 200
    assert (await desk.post(f"{path}/typing")).status_code == 204
    await world.says(handoff, "怎么避免")
    missed = (await desk.get(f"{path}/messages", params={"after": 0})).json()["messages"]
    assert missed[-1]["text"] == "怎么避免"
    assert (await desk.post(f"{path}/read", json={"seq": missed[-1]["seq"]})).status_code == 204
    closed = await desk.post(f"{path}/close", json={"disposition": "resolved", "summary": "已解释"})
    assert closed.json()["state"] == "closed"
    await world.room.service.rate(handoff.conversation_id, 4, "还行")
    await world.work()

    lines = await world.room.lines(handoff)
    assert lines.count("您好，10月多了20元流量费") == 1
    assert "客户情绪还好" not in lines
    assert events(receiver) == [
        "handoff.requested", "handoff.accepted", "message.created", "handoff.closed", "handoff.rated",
    ]  # fmt: skip
    accepted, message, ended, rated = (read(delivery) for delivery in receiver.got[1:])
    assert accepted["agent"] == {"id": "17", "name": "李雷"}
    assert message["message"]["text"] == "怎么避免"
    assert (ended["disposition"], ended["summary"]) == ("resolved", "已解释")
    assert (rated["score"], rated["comment"]) == (4, "还行")
    assert await world.room.owner(handoff) == "bot"


async def test_transfers_and_endings(world: World, receiver: Receiver) -> None:
    first, second = await agent(world), await agent(world, "18", "韩梅梅")
    moved = await world.ask_for_a_person()
    path = f"/handoffs/{moved.id}"
    await first.post(f"{path}/accept")
    colleague = {"agent_id": "18", "agent_name": "韩梅梅", "note": "客户要发票"}
    assert (await first.post(f"{path}/transfer", json=colleague)).json()["state"] == "active"
    assert (await first.post(f"{path}/messages", json={"text": "x"})).status_code == 403
    group = {"skill_group": "technical", "note": "看光猫"}
    assert (await second.post(f"{path}/transfer", json=group)).json() == {
        "handoff_id": moved.id,
        "state": "waiting",
    }
    assert (await first.post(f"{path}/accept")).status_code == 200
    assert (await first.post(f"{path}/return", json={"note": "已处理"})).json()[
        "state"
    ] == "returned"
    cancelled = await world.ask_for_a_person(customer_id="C002")
    await world.room.service.abandon(cancelled.conversation_id)
    fetched = await world.ask_for_a_person(customer_id="C003")
    await world.room.service.accept(fetched.id, member("supervisor01"))
    await world.work()
    told = [read(delivery) for delivery in receiver.got]

    def of(handoff: Handoff) -> list[str]:
        return [event["event"] for event in told if event["handoff_id"] == handoff.id]

    assert of(moved) == [
        "handoff.requested", "handoff.accepted", "handoff.transferred", "handoff.transferred", "handoff.accepted",
        "handoff.returned",
    ]  # fmt: skip
    assert of(cancelled) == ["handoff.requested", "handoff.cancelled"]
    assert of(fetched) == ["handoff.requested", "handoff.withdrawn"]
    lines = await world.room.lines(moved)
    assert "客服韩梅梅已接手您的问题，之前的沟通都看到了，您不用重复说明。" in lines


async def test_only_the_work_of_the_desk(world: World) -> None:
    """Least privilege: the desk's own handoffs, and of those what serving needs."""
    own = await world.ask_for_a_person()
    async with world.room.database.transaction() as session:
        (await session.get_one(Handoff, own.id)).desk = "own"
    theirs = await world.ask_for_a_person(customer_id="C002")
    desk = await agent(world)
    for method, path, body in (
        ("GET", f"/handoffs/{own.id}", None),
        ("GET", f"/handoffs/{own.id}/messages", None),
        ("POST", f"/handoffs/{own.id}/accept", None),
        ("POST", f"/handoffs/{own.id}/messages", {"text": "x"}),
        ("POST", f"/handoffs/{own.id}/notes", {"text": "x"}),
        ("POST", f"/handoffs/{own.id}/close", {}),
        ("POST", f"/handoffs/{own.id}/transfer", {"agent_id": "9"}),
        ("POST", f"/handoffs/{theirs.id}/refuse", {"reason": "忙"}),
        ("POST", "/handoffs/next", None),
    ):
        answer = await desk.request(method, path, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (
            403,
            "application/problem+json",
        ), path
    for method, path in (
        ("POST", f"/handoffs/{theirs.id}/reveal"), ("POST", f"/handoffs/{theirs.id}/whisper"),
        ("POST", f"/handoffs/{theirs.id}/take-over"), ("POST", f"/handoffs/{theirs.id}/invite"),
        ("POST", f"/handoffs/{theirs.id}/tickets"), ("GET", "/agents"), ("GET", "/tickets"), ("GET", "/sla"),
        ("PUT", "/agents/me/status"), ("GET", "/canned"), ("GET", "/reveals"),
    ):  # fmt: skip
        answer = await desk.request(
            method, path, json={"reason": "看号码", "text": "x", "staff_id": "agent01"}
        )
        assert answer.status_code in (401, 404, 405), (path, answer.status_code)


async def test_who_may_act(world: World) -> None:
    handoff = await world.ask_for_a_person()
    path = f"/handoffs/{handoff.id}/accept"
    assert (
        await (await world.client("guessed-token", **{"X-Agent-Id": "1"})).post(path)
    ).status_code == 401
    nobody = await (await world.client(DESK_TOKEN)).post(path)
    assert (nobody.status_code, nobody.json()["detail"]) == (
        422,
        "请在 X-Agent-Id 里写明是哪位坐席在操作。",
    )
    for bad in ("", "a b", "../x", "x" * 31, "webhook:1"):
        client = await world.client(DESK_TOKEN, **{"X-Agent-Id": bad})
        assert (await client.post(path)).status_code == 422, bad
    answers = await asyncio.gather(
        *[(await agent(world, str(number), f"坐席{number}")).post(path) for number in range(4)]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    late = next(answer for answer in answers if answer.status_code == 409)
    assert late.json()["code"] == "already_claimed"
    assert late.json()["detail"].startswith("这个会话已由坐席")
    # Our own agents are refused in clear words; the token is nobody's at the other doors.
    ours = await world.staff("agent01")
    assert (await ours.post(path)).status_code in (403, 409)
    assert (await (await world.client(DESK_TOKEN)).get("/auth/me")).status_code in (401, 404)


async def test_tried_again_in_order(world: World, receiver: Receiver) -> None:
    handoff = await world.ask_for_a_person()
    for text in ("一", "二", "三"):
        await world.says(handoff, text)
    receiver.answers = [500, 302, 404, 429, 200, 503]
    for _ in range(8):
        await world.in_time()
    got = [read(delivery) for delivery in receiver.got]
    first = [event["event_id"] for event in got][:5]
    assert len(set(first)) == 1, "the same event, the same id"
    seen: dict[str, dict[str, Any]] = {event["event_id"]: event for event in got}
    assert [e["event"] if e["event"] != "message.created" else e["message"]["text"] for e in seen.values()] == [
        "handoff.requested", "一", "二", "三",
    ]  # fmt: skip
    assert {notice.state for notice in await world.notices()} == {"sent"}


async def test_growing_pauses(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = [500] * 9
    await world.ask_for_a_person()
    moment = now() + timedelta(days=1)
    monkeypatch.setattr(notices, "now", lambda: moment)
    pauses = []
    for _ in range(5):
        await world.in_time()
        (notice,) = await world.notices()
        pauses.append((notice.due_at - moment).total_seconds())
    assert pauses == list(notices.DELAYS_S[:5])
    assert pauses == sorted(set(pauses))
    await world.work()
    assert len(receiver.got) == 5, "not before its time"


async def test_dead_letters_are_seen_and_sent_again(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MOST_ATTEMPTS", 2)
    receiver.answers = [500, 500, 410]
    handoff = await world.ask_for_a_person()
    await world.says(handoff, "有人吗")
    for _ in range(3):
        await world.in_time()
    boss, desk = await world.staff("supervisor01"), await world.client(DESK_TOKEN)
    standing = (await boss.get("/desk")).json()
    assert (standing["dead"], standing["pending"]) == (2, 0)
    dead = (await desk.get("/desk/events", params={"state": "dead"})).json()["events"]
    assert [(event["event"], event["error"]) for event in dead] == [
        ("message.created", "贵方客服系统不再接收这条通知（410）"),
        ("handoff.requested", "贵方客服系统应答500"),
    ]
    assert "有人吗" not in orjson.dumps(dead).decode()
    for event in reversed(dead):
        path = f"/desk/events/{event['event_id']}/retry"
        assert (await boss.post(path)).json()["event"]["state"] == "pending"
        assert (await boss.post(path)).status_code == 409
    await world.work()
    assert events(receiver)[-2:] == ["handoff.requested", "message.created"]
    assert (await boss.get("/desk")).json()["dead"] == 0
    assert (await boss.post("/desk/events/e_unknown/retry")).status_code == 404
    agent01 = await world.staff("agent01")
    assert (await agent01.get("/desk")).status_code == 403
    assert await world.state(handoff) == "waiting"


async def test_a_slow_desk(world: World, receiver: Receiver) -> None:
    (desk,) = world.integration.desks
    assert isinstance(desk, WebhookDesk)
    desk._http.timeout = 0.2
    receiver.delay_s = 0.6
    await world.ask_for_a_person()
    await world.work()
    (notice,) = await world.notices()
    assert (notice.state, notice.error) == ("pending", "连不上贵方客服系统（ReadTimeout）")
    receiver.delay_s, desk._http.timeout = 0, 5
    await asyncio.sleep(0.6)
    await world.in_time()
    assert events(receiver) == ["handoff.requested", "handoff.requested"], "known by its id"
    assert len({read(delivery)["event_id"] for delivery in receiver.got}) == 1


async def test_a_process_that_died_loses_nothing(world: World, receiver: Receiver) -> None:
    """What was said is in the transcript; the next round notes it, whoever runs it."""
    handoff = await world.ask_for_a_person()
    world.room.transcript.watchers.clear()
    await world.says(handoff, "一")
    await world.integration.notices.collect()
    await world.integration.notices.collect()
    await world.work()
    assert events(receiver) == ["handoff.requested", "message.created"]


async def test_the_own_desk_hears_nothing(
    settings: Settings, database: Database, redis: Redis, bus: LiveBus, directory: StaffDirectory
) -> None:
    room = build_room(settings, database, redis, bus, directory)
    async with world_of(room, settings, directory) as world:
        handoff = await world.ask_for_a_person()
        await world.says(handoff, "有人吗")
        await world.work()
        assert await world.notices() == []
        assert await world.integration.health() is None
        nobody = await world.client("nobody")
        assert (await nobody.get("/desk")).status_code == 401
        assert (await nobody.post("/desk/chatwoot/webhook", content=b"{}")).status_code in (
            404,
            405,
        )
        await room.service.settle()


async def test_the_example_is_a_desk(
    settings: Settings, database: Database, redis: Redis, bus: LiveBus, directory: StaffDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """docs/desk/desk.py does what it says."""
    spec = importlib.util.spec_from_file_location("desk_example", ROOT / "docs/desk/desk.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    async with serving(example.app, free_port()) as address:
        known = {
            "desk": "webhook", "desk_webhook_url": f"{address}/changda", "desk_webhook_secret": WEBHOOK_SECRET,
            "desk_token": DESK_TOKEN,
        }  # fmt: skip
        ours = Settings(_env_file=None, **(settings.model_dump() | known))
        room = build_room(ours, database, redis, bus, directory)
        async with world_of(room, ours, directory) as world:
            named = {"CHANGDA": world.address, "SECRET": WEBHOOK_SECRET, "TOKEN": DESK_TOKEN}
            for name, value in named.items():
                monkeypatch.setenv(name, value)
            handoff = await world.ask_for_a_person()
            await world.work()
            case = example.cases[handoff.id]
            assert "158.40元" in case["summary"]
            agent = ("17", "李雷")
            await example.act(agent, handoff.id, "accept")
            await world.says(handoff, "怎么避免")
            await example.act(
                agent, handoff.id, "messages", text="可以加流量包", client_message_id="m1"
            )
            await example.act(agent, handoff.id, "close", disposition="resolved")
            with pytest.raises(RuntimeError, match="已结束"):
                await example.act(agent, handoff.id, "close")
            await world.room.service.rate(handoff.conversation_id, 5)
            await world.work()
            assert (case["lines"], case["state"], case["score"]) == (["怎么避免"], "closed", 5)
            async with httpx.AsyncClient(trust_env=False) as stranger:
                forged = {"x-changda-signature": f"t={int(time.time())},v1={'0' * 64}"}
                answer = await stranger.post(f"{address}/changda", content=b"{}", headers=forged)
            assert answer.status_code == 401
            await room.service.settle()


@pytest.mark.parametrize(
    "given",
    [
        {"desk": "webhook"},
        {"desk": "webhook", "desk_webhook_url": "http://x", "desk_webhook_secret": "s"},
        {"desk_webhook_url": "http://x"},
        {"desk_token": "short"},
        {"desk": "chatwoot", "chatwoot_url": "http://x", "chatwoot_token": "t"},
        {"desk": "elsewhere"},
    ],
)
def test_half_a_configuration_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"CHANGDA_|desk"):
        Settings(_env_file=None, **given)
