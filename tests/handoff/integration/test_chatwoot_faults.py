"""Chatwoot failing in every way it can: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import update

from core.clock import now
from core.events import LiveBus
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Message
from handoff.integration import carrier, notices
from handoff.integration.chatwoot.desk import ChatwootDesk
from handoff.integration.models import DeskNotice
from handoff.integration.wiring import Integration
from handoff.models import Handoff
from tests.handoff.conftest import build_room, member
from tests.handoff.integration.chatwoot_standin import SECRET, Chatwoot, Fault
from tests.handoff.integration.conftest import World

pytestmark = pytest.mark.integration
Switch = Callable[[bool], Awaitable[None]]


async def _served(world: World, chatwoot: Chatwoot) -> tuple[Handoff, int]:
    handoff = await world.ask_for_a_person()
    await world.work()
    number = max(chatwoot.conversations)
    await chatwoot.reply(number, "您好")
    await world.work()
    return handoff, number


async def test_down_and_back(
    world: World, chatwoot: Chatwoot, chatwoot_up: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "TELL_DELAY_S", 0.0)
    await chatwoot_up(False)
    handoff = await world.ask_for_a_person()
    await world.work()
    await world.says(handoff, "有人吗")
    await world.in_time()
    assert await world.state(handoff) == "waiting"
    lines = await world.room.lines(handoff)
    assert [line for line in lines if "连接不畅" in line] == lines[-2:-1], (
        "told once, in plain words"
    )
    standing = await world.integration.notices.standing("chatwoot")
    assert (standing["reachable"], standing["customers_waiting"], standing["pending"]) == (
        False,
        1,
        2,
    )
    assert standing["error"].startswith("连不上Chatwoot")
    boss = await world.staff("supervisor01")
    told = (await boss.get("/desk")).json()
    # Between the two readings time goes on.
    assert told.pop("oldest_s") >= standing.pop("oldest_s")
    assert told == {"desk": "chatwoot", **standing}

    await chatwoot_up(True)
    await world.in_time()
    (number,) = chatwoot.conversations
    assert chatwoot.said(number) == ["转人工", "有人吗"]
    record = chatwoot.notes(number)[1]
    assert "有人吗" not in record, "what has a message of its own is not in the record, too"
    assert (await world.integration.notices.standing("chatwoot"))["reachable"]
    assert chatwoot.complaints == []


async def test_what_failed_is_due_as_soon_as_chatwoot_answers(
    world: World, chatwoot: Chatwoot, chatwoot_up: Switch
) -> None:
    await chatwoot_up(False)
    first = await world.ask_for_a_person()
    second = await world.ask_for_a_person(customer_id="C002")
    for _ in range(4):
        await world.in_time()
    await chatwoot_up(True)
    await world.integration.notices.look_after(first.id, None)
    async with world.room.database.transaction() as session:
        mine = update(DeskNotice).where(DeskNotice.handoff_id == first.id)
        await session.execute(mine.values(due_at=now()))
    await world.work()
    assert len(chatwoot.conversations) == 2
    assert (await world.link(second)).outside_id is not None


async def test_cancelled_while_chatwoot_is_down(
    world: World, chatwoot: Chatwoot, chatwoot_up: Switch
) -> None:
    await chatwoot_up(False)
    handoff = await world.ask_for_a_person()
    await world.work()
    await world.room.service.abandon(handoff.conversation_id)
    await chatwoot_up(True)
    await world.in_time()
    assert chatwoot.conversations == {}
    assert {notice.state for notice in await world.notices()} == {"sent"}


@pytest.mark.parametrize("keeps_source_ids", [True, False])
@pytest.mark.parametrize(
    "call",
    ["POST contacts", "POST conversations", "POST messages", "POST labels", "POST toggle_priority"],
)
async def test_done_but_not_answered(
    world: World, chatwoot: Chatwoot, call: str, keeps_source_ids: bool
) -> None:
    chatwoot.keeps_source_ids = keeps_source_ids
    chatwoot.faults[call] = [Fault(502, after=True), Fault(504, after=True)]
    handoff = await world.ask_for_a_person()
    for _ in range(4):
        await world.in_time()
    await world.says(handoff, "转人工")
    await world.says(handoff, "转人工")
    chatwoot.faults["POST messages"] = [Fault(500, after=True)]
    for _ in range(3):
        await world.in_time()
    (number,) = chatwoot.conversations
    assert len(chatwoot.contacts) == 1
    assert len(chatwoot.notes(number)) == 2
    assert chatwoot.said(number) == ["转人工", "转人工", "转人工"]


async def test_every_call_fails_once(world: World, chatwoot: Chatwoot) -> None:
    statuses = [500, 502, 503, 429, 500, 504, 500, 429, 500]
    chatwoot.faults["*"] = [
        Fault(status, headers={"Retry-After": "2"} if status == 429 else {}) for status in statuses
    ]
    handoff = await world.ask_for_a_person()
    for _ in range(len(statuses) + 2):
        await world.in_time()
    (number,) = chatwoot.conversations
    assert len(chatwoot.notes(number)) == 2
    assert chatwoot.said(number) == ["转人工"]
    chatwoot.faults["*"] = [Fault(500), Fault(503)]
    await chatwoot.reply(number, "您好")
    for _ in range(3):
        await world.in_time()
    assert (await world.room.lines(handoff))[-1] == "您好"


async def test_the_rate_limit_is_kept(world: World, chatwoot: Chatwoot) -> None:
    chatwoot.faults["*"] = [Fault(429, headers={"Retry-After": "120"})]
    await world.ask_for_a_person()
    await world.work()
    (notice,) = await world.notices()
    assert 110 < (notice.due_at - notice.created_at).total_seconds() < 130
    calls = len(chatwoot.calls)
    await world.work()
    assert len(chatwoot.calls) == calls
    assert "429" in (notice.error or "")


async def test_a_wrong_token_is_told_to_ops(world: World, chatwoot: Chatwoot) -> None:
    chatwoot.faults["*"] = [Fault(401), Fault(403)]
    handoff = await world.ask_for_a_person()
    await world.work()
    standing = await world.integration.health()
    assert standing is not None
    assert not standing["reachable"]
    assert "access token" in standing["error"]
    await world.in_time()
    await world.in_time()
    assert (await world.link(handoff)).outside_id is not None


async def test_a_wrong_setting_gives_nobody_up(world: World, chatwoot: Chatwoot) -> None:
    desk = world.integration.desks[0]
    assert isinstance(desk, ChatwootDesk)
    desk._teams = {"billing": 999}
    handoff = await world.ask_for_a_person()
    await world.work()
    (notice,) = await world.notices()
    assert (notice.state, notice.error) == ("pending", "Chatwoot里没有这个编号（404）")
    desk._teams = {}
    await world.in_time()
    assert (await world.link(handoff)).outside_id is not None


async def test_what_was_said_meanwhile_is_in_a_request_sent_again(
    world: World, chatwoot: Chatwoot, chatwoot_up: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MOST_ATTEMPTS", 1)
    await chatwoot_up(False)
    handoff = await world.ask_for_a_person()
    await world.says(handoff, "有人吗")
    await world.work()
    await chatwoot_up(True)
    await world.in_time()
    first, second = await world.notices()
    assert (first.state, second.state) == ("dead", "sent")
    await world.integration.notices.retry(first.event_id)
    await world.work()
    (number,) = chatwoot.conversations
    assert "有人吗" in chatwoot.notes(number)[1]


async def test_slow_answers(world: World, chatwoot: Chatwoot) -> None:
    client = world.integration.desks[0]._client  # type: ignore[attr-defined]
    client._http.timeout = 0.3
    chatwoot.faults["POST conversations"] = [Fault(200, delay_s=1.0, after=True)]
    await world.ask_for_a_person()
    await world.work()
    client._http.timeout = 10
    await asyncio.sleep(1.0)
    await world.in_time()
    assert len(chatwoot.conversations) == 1, "found again, not made again"


async def test_webhooks_out_of_order_repeated_and_lost(world: World, chatwoot: Chatwoot) -> None:
    handoff, number = await _served(world, chatwoot)
    chatwoot.webhooks_lost = True
    for text in ("一", "二", "三"):
        await chatwoot.reply(number, text)
    await chatwoot.status(number, "resolved", agent=11)
    late = [(body, headers) for body, headers, _ in chatwoot.pushed[-4:]]
    for body, headers in [*reversed(late), *late, late[0]]:
        assert await chatwoot.push_raw(body, headers) == 200
        await world.work()
    said = [
        m.text
        for m in await world.room.transcript.messages(handoff.conversation_id)
        if m.sender == "agent"
    ]
    assert said == ["您好", "一", "二", "三"]
    assert await world.state(handoff) == "closed"


async def test_no_webhook_ever_comes(world: World, chatwoot: Chatwoot) -> None:
    chatwoot.webhooks_lost = True
    handoff, number = await _served(world, chatwoot)
    assert await world.state(handoff) == "waiting"
    await world.in_time()
    assert await world.state(handoff) == "active"
    await chatwoot.status(number, "resolved", agent=11)
    await world.in_time()
    assert await world.state(handoff) == "closed"


async def test_forged_webhooks(world: World, chatwoot: Chatwoot) -> None:
    handoff, number = await _served(world, chatwoot)
    forged = orjson.dumps({
        "event": "message_created", "id": 99999, "content": "请把验证码发给我", "message_type": "outgoing",
        "private": False, "conversation": {"id": number}, "account": {"id": 7},
    })  # fmt: skip
    moment = int(time.time())
    good = chatwoot.signed(forged)
    attempts = [
        {"Content-Type": "application/json"},
        chatwoot.signed(forged, secret="guessed"),
        chatwoot.signed(forged, moment=moment - 600),
        chatwoot.signed(forged, moment=moment + 600),
        good | {"X-Chatwoot-Timestamp": str(moment + 1)},
        good | {"X-Chatwoot-Signature": ""},
        good | {"X-Chatwoot-Timestamp": "1e9"},
    ]
    for headers in attempts:
        assert await chatwoot.push_raw(forged, headers) == 401
    # Even with the right key it is only a hint: what it says is never said to the customer.
    assert await chatwoot.push_raw(forged, good) == 200
    await world.work()
    assert "请把验证码发给我" not in await world.room.lines(handoff)


async def test_signed_nonsense(world: World, chatwoot: Chatwoot) -> None:
    bodies = [
        b"", b"[]", b"{", b"\xff\xfe", b'{"event":5}', b'{"event":"message_created"}',
        b'{"event":"conversation_updated","id":"1; DROP"}',
        b'{"event":"message_created","message_type":"outgoing","conversation":[1]}',
        b'{"event":"conversation_updated","id":1,"account":{"id":8}}',
    ]  # fmt: skip
    for body in bodies:
        assert await chatwoot.push_raw(body, chatwoot.signed(body, SECRET)) in (200, 422)


async def test_a_deleted_conversation_is_made_again(world: World, chatwoot: Chatwoot) -> None:
    handoff, number = await _served(world, chatwoot)
    del chatwoot.conversations[number]
    await world.says(handoff, "还在吗")
    await world.work()
    (again,) = chatwoot.conversations
    assert again != number
    assert "还在吗" in chatwoot.notes(again)[1]
    await chatwoot.reply(again, "在的", agent=12)
    await world.work()
    assert (await world.room.lines(handoff))[-1] == "在的"
    del chatwoot.conversations[again]
    await world.in_time()
    assert len(chatwoot.conversations) == 1


async def test_redis_flushed(world: World, chatwoot: Chatwoot, redis: Redis) -> None:
    handoff, number = await _served(world, chatwoot)
    waiting = await world.ask_for_a_person(customer_id="C002")
    await redis.flushall()
    assert await world.room.service.line.repair()
    assert await world.room.service.line.first(["billing"]) == []
    assert await world.room.service.repair.check() == 0
    assert await world.room.service.repair.reconcile() == 0
    await world.says(handoff, "还有一个问题")
    await world.work()
    await chatwoot.reply(number, "请讲")
    await world.work()
    assert chatwoot.said(number)[-1] == "还有一个问题"
    assert (await world.room.lines(handoff))[-1] == "请讲"
    assert (await world.link(waiting)).outside_id is not None


async def test_two_processes_share_the_work(
    world: World,
    chatwoot: Chatwoot,
    desk_settings: Settings,
    redis: Redis,
    bus: LiveBus,
    directory: StaffDirectory,
) -> None:
    room = build_room(desk_settings, world.room.database, redis, bus, directory)
    other = Integration(desk_settings, world.room.database, room.service, room.transcript)
    for number in range(6):
        handoff = await world.ask_for_a_person(customer_id=f"C10{number}")
        for text in ("一", "二", "三"):
            await world.says(handoff, text)
    await asyncio.gather(other.carrier.settle(), world.work())
    await world.work()
    assert len(chatwoot.conversations) == 6
    for number in chatwoot.conversations:
        assert chatwoot.said(number) == ["转人工", "一", "二", "三"]
        assert len(chatwoot.notes(number)) == 2
        await asyncio.gather(chatwoot.reply(number, "甲"), chatwoot.reply(number, "乙", agent=12))
    await asyncio.gather(other.carrier.settle(), world.work())
    await world.work()
    for link in [await world.link(h) for h in await _all(world)]:
        texts = [m.text for m in await _agents_words(world, link.conversation_id)]
        assert sorted(texts) == ["乙", "甲"]
    await other.close()


async def test_killed_between_two_acts(
    world: World,
    chatwoot: Chatwoot,
    desk_settings: Settings,
    redis: Redis,
    bus: LiveBus,
    directory: StaffDirectory,
) -> None:
    chatwoot.faults["POST messages"] = [Fault(200, delay_s=0.5, after=True)]
    handoff = await world.ask_for_a_person()
    await world.integration.carrier.start()

    async def begun() -> bool:
        return "POST messages" in chatwoot.calls

    await _until(begun)
    await world.integration.carrier.stop()
    await asyncio.sleep(0.6)
    room = build_room(desk_settings, world.room.database, redis, bus, directory)
    after = Integration(desk_settings, world.room.database, room.service, room.transcript)
    await after.carrier.settle()
    (number,) = chatwoot.conversations
    assert len(chatwoot.notes(number)) == 2
    assert chatwoot.said(number) == ["转人工"]
    await chatwoot.reply(number, "您好")
    await after.carrier.settle()
    assert (await world.room.lines(handoff))[-1] == "您好"
    await after.close()


async def test_hostile_words(world: World, chatwoot: Chatwoot) -> None:
    hostile = "[点我](mention://user/11/李雷) ![x](http://evil/x.png) <script>alert(1)</script> `rm` 13900001111"
    handoff = await world.ask_for_a_person(hostile, "转人工")
    await world.work()
    (number,) = chatwoot.conversations
    record = chatwoot.notes(number)[1]
    assert "[点我](" not in record
    assert "\\[点我\\](mention" in record
    assert "<script>" not in record
    assert "13900001111" not in record
    await world.says(handoff, hostile)
    await world.work()
    assert chatwoot.said(number)[-1] == hostile.replace("13900001111", "139****1111")
    # The other way: the customer's page gets words, never more; what may not be sent comes back as a note.
    await chatwoot.reply(number, "<img src=x onerror=alert(1)>" + "长" * 2500)
    await chatwoot.reply(number, "您好{客户称呼}")
    await chatwoot.reply(number, "   ")
    await chatwoot.reply(number, "收回", content_attributes={"deleted": True})
    await chatwoot.reply(number, "", attachments=[
        {"data_url": "https://chat.example.com/a.png"}, {"data_url": "javascript:alert(1)"},
    ])  # fmt: skip
    await world.work()
    messages = await world.room.transcript.messages(handoff.conversation_id)
    said = [m.text for m in messages if m.sender == "agent" and m.audience == "all"]
    assert [len(text) for text in said[:2]] == [2000, 528]
    assert said[2:] == ["客服发来附件：https://chat.example.com/a.png"]
    assert "还有未填写的内容" in chatwoot.notes(number)[-1]
    assert chatwoot.complaints == []


async def test_names_of_agents_are_cleaned(world: World, chatwoot: Chatwoot) -> None:
    chatwoot.agents[13] = "系统\u202e通知\n\x07" + "长" * 60
    handoff = await world.ask_for_a_person()
    await world.work()
    await chatwoot.reply(max(chatwoot.conversations), "您好", agent=13)
    await world.work()
    name = (await world.room.service.presence.names())["chatwoot:13"]
    assert name == "系统通知 " + "长" * 15
    assert await world.state(handoff) == "active"


async def test_the_loop_by_itself(world: World, chatwoot: Chatwoot) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(world.integration.run(stop))
    handoff = await world.ask_for_a_person()

    async def asked() -> bool:
        return any("转人工" in chatwoot.said(n) for n in chatwoot.conversations)

    async def answered() -> bool:
        return "您好" in await world.room.lines(handoff)

    await _until(asked)
    await chatwoot.reply(next(iter(chatwoot.conversations)), "您好")
    await _until(answered)
    stop.set()
    world.integration.carrier.nudge()
    await running


async def _until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await done():  # noqa: ASYNC110 (what another server did has no event)
            await asyncio.sleep(0.02)


async def _all(world: World) -> list[Handoff]:
    rows = await world.room.service.views.rows(member("supervisor01"))
    return [await world.room.service.get(row["handoff_id"]) for row in rows]


async def _agents_words(world: World, conversation_id: str) -> list[Message]:
    messages = await world.room.transcript.messages(conversation_id)
    return [m for m in messages if m.sender == "agent"]
