"""The desk's live line, over a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core.events import AGENT_STATUS, SIGNED_OUT
from core.redis_keys import STAFF_CHANNEL, agent_channel, conversation_channel
from core.staff import STAFF_COOKIE
from core.transcript import Draft
from handoff import sockets
from handoff.sockets import DeskSocket
from tests.conftest import free_port
from tests.handoff.conftest import PASSWORD, Room, member

pytestmark = pytest.mark.integration


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    """host:port of the app on a real socket."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    await task


class Line:
    """A desk's end of the socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def until(
        self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next event of a kind (others are passed over)."""
        async with asyncio.timeout(5):
            while True:
                event: dict[str, Any] = json.loads(await self.connection.recv())
                if event["type"] == kind and fits(event):
                    return event


async def dial(server: str, room: Room, username: str) -> Line:
    token, _ = await room.directory.login(username, PASSWORD)
    connection = await connect(
        f"ws://{server}/api/v1/agents/ws",
        additional_headers={"Cookie": f"{STAFF_COOKIE}={token}"},
        origin=f"http://{server}",  # type: ignore[arg-type]
    )
    return Line(connection)


async def test_a_talk_arrives_live_both_ways(room: Room, server: str) -> None:
    desk = await dial(server, room, "agent01")
    ready = await desk.until("ready")
    assert ready["active"] == []
    handoff = await room.waiting()
    event = await desk.until("handoff")
    assert (event["handoff_id"], event["state"]) == (handoff.id, "waiting")
    await room.service.accept(handoff.id, member("agent01"))
    following = await desk.until("following")
    assert following["conversation_id"] == handoff.conversation_id
    await room.transcript.append(handoff.conversation_id, Draft("customer", "号码13800000001"))
    message = await desk.until("message")
    assert message["message"]["text"] == "号码138****0001"
    assert message["handoff_id"] == handoff.id
    await room.service.customer_typing(handoff.conversation_id, "我还想问")
    typing = await desk.until("typing")
    assert (typing["sender"], typing["text"]) == ("customer", "我还想问")
    await room.service.note(handoff.id, member("agent01"), "内部备注")
    assert (await desk.until("message"))["message"]["audience"] == "staff"
    await room.service.close(handoff.id, member("agent01"))
    assert (await desk.until("handoff", lambda e: e["state"] == "closed"))[
        "handoff_id"
    ] == handoff.id
    await desk.connection.close()


async def test_customers_see_that_the_agent_types_but_never_their_own_preview(
    room: Room, server: str
) -> None:
    handoff = await room.active("agent01")
    desk = await dial(server, room, "agent01")
    await desk.until("following")
    async with room.bus.listen(conversation_channel(handoff.conversation_id)) as events:
        await asyncio.sleep(0.1)
        await room.service.customer_typing(handoff.conversation_id, "秘密")
        await desk.send(type="typing", handoff_id=handoff.id)
        event = await asyncio.wait_for(events.get(), 2)
        assert (event["sender"], event["agent_name"]) == ("agent", "林小雨")
        assert events.empty()
    await desk.connection.close()


async def test_resuming_misses_nothing(room: Room, server: str) -> None:
    handoff = await room.active("agent01")
    conversation_id = handoff.conversation_id
    desk = await dial(server, room, "agent01")
    seen = (await desk.until("following"))["last_seq"]
    await desk.connection.close()
    texts = [f"断线期间第{i}句" for i in range(30)]
    await room.transcript.append(conversation_id, *(Draft("customer", text) for text in texts))
    desk = await dial(server, room, "agent01")
    ready = await desk.until("ready")
    assert ready["active"][0]["last_seq"] == seen + 30
    await desk.send(type="resume", after={conversation_id: seen})
    got = [(await desk.until("message"))["message"]["text"] for _ in texts]
    assert got == texts
    await desk.until("resumed")
    await desk.connection.close()


async def test_two_tabs_get_the_same(room: Room, server: str) -> None:
    one, two = await dial(server, room, "agent01"), await dial(server, room, "agent01")
    await one.until("ready")
    await two.until("ready")
    handoff = await room.active("agent01")
    for tab in (one, two):
        await tab.until("following")
    await room.service.message(handoff.id, member("agent01"), "您好")
    for tab in (one, two):
        said = await tab.until("message", lambda e: e["message"]["sender"] == "agent")
        assert said["message"]["text"] == "您好"
        await tab.connection.close()


async def test_what_is_none_of_ones_business_stays_away(room: Room, server: str) -> None:
    desk = await dial(server, room, "agent03")
    await desk.until("ready")
    complaint = await room.waiting("complaints")
    technical = await room.waiting("technical")
    await room.service.accept(complaint.id, member("agent04"))
    assert (await desk.until("handoff"))["handoff_id"] == technical.id
    await desk.send(type="typing", handoff_id=complaint.id)
    assert (await desk.until("error"))["code"] == "not_allowed"
    await desk.connection.close()


async def test_the_giver_hears_of_a_transfer_beyond_reach(room: Room, server: str) -> None:
    handoff = await room.active("agent02")
    desk = await dial(server, room, "agent02")
    await desk.until("following")
    await room.service.transfer(handoff.id, member("agent02"), skill_group="complaints")
    moved = await desk.until("handoff", lambda e: e["skill_group"] == "complaints")
    assert moved["agent_id"] is None
    await room.transcript.append(handoff.conversation_id, Draft("customer", "还在吗"))
    await desk.send(type="ping")
    while (event := json.loads(await desk.connection.recv()))["type"] != "pong":
        assert event.get("message", {}).get("text") != "还在吗"
    await desk.connection.close()


async def test_pings_tell_where_things_stand(room: Room, server: str) -> None:
    handoff = await room.active("agent01")
    desk = await dial(server, room, "agent01")
    await desk.send(type="ping")
    pong = await desk.until("pong")
    assert pong["active"][0]["handoff_id"] == handoff.id
    for junk in ("not json", "[]", '{"type": 7}', "x" * 20_000, '{"type":"resume","after":[1]}'):
        await desk.connection.send(junk)
    await desk.until("resumed")
    await desk.connection.close()


async def test_a_first_frame_may_carry_the_token(room: Room, server: str) -> None:
    token, _ = await room.directory.login("agent01", PASSWORD)
    async with connect(f"ws://{server}/api/v1/agents/ws") as connection:
        desk = Line(connection)
        await desk.send(type="auth", token=token)
        assert (await desk.until("ready"))["agent"]["id"] == "agent01"


@pytest.mark.parametrize(
    "frame", ['{"type":"auth","token":"wrong"}', '{"type":"ping"}', "not json", '{"type":"auth"}']
)
async def test_strangers_are_turned_away(server: str, frame: str) -> None:
    async with connect(f"ws://{server}/api/v1/agents/ws") as connection:
        await connection.send(frame)
        assert json.loads(await connection.recv())["code"] == "not_authenticated"
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_foreign_pages_and_editors_are_forbidden(room: Room, server: str) -> None:
    token, _ = await room.directory.login("agent01", PASSWORD)
    editor, _ = await room.directory.login("editor01", PASSWORD)
    for cookie, origin in ((token, "https://evil.example"), (editor, f"http://{server}")):
        async with connect(
            f"ws://{server}/api/v1/agents/ws",
            additional_headers={"Cookie": f"{STAFF_COOKIE}={cookie}"},
            origin=origin,  # type: ignore[arg-type]
        ) as connection:
            assert json.loads(await connection.recv())["code"] == "not_allowed"
            with pytest.raises(ConnectionClosed):
                await connection.recv()


async def test_an_open_desk_is_a_sign_of_life(room: Room, server: str) -> None:
    desk = await dial(server, room, "agent01")
    await desk.until("ready")
    await asyncio.sleep(0.1)
    assert await room.redis.zscore("cd:{agents}:seen", "agent01") is not None
    await desk.connection.close()


async def test_a_desk_that_cannot_keep_up_is_sent_to_reconnect(room: Room) -> None:
    sent: list[str] = []

    class Stuck:
        """A socket whose other side reads nothing."""

        closed: int | None = None

        async def send_text(self, text: str) -> None:
            sent.append(text)
            await asyncio.Event().wait()

        async def receive_text(self) -> str:
            await asyncio.Event().wait()
            return ""

        async def close(self, code: int) -> None:
            self.closed = code

    stuck = Stuck()
    desk = asyncio.create_task(
        DeskSocket(stuck, room.service, member("supervisor01")).run()  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.2)
    for _ in range(12):
        for _ in range(100):
            await room.bus.publish(STAFF_CHANNEL, AGENT_STATUS, agent_id="agent01", status="busy")
        await asyncio.sleep(0.02)
    await asyncio.wait_for(desk, 5)
    assert stuck.closed == 1013
    assert len(sent) == 1


async def closed(line: Line) -> tuple[str, int]:
    """The last error's code and the code of the close."""
    code = ""
    with pytest.raises(ConnectionClosed) as end:  # noqa: PT012
        async with asyncio.timeout(5):
            while True:
                event = json.loads(await line.connection.recv())
                code = event["code"] if event["type"] == "error" else code
    assert end.value.rcvd is not None
    return code, end.value.rcvd.code


async def test_a_socket_ends_with_its_token(room: Room, server: str) -> None:
    room.directory._hours = 1.5 / 3600
    desk = await dial(server, room, "agent01")
    assert (await desk.until("ready"))["token_s"] <= 1
    assert await closed(desk) == ("token_expired", 4410)


async def test_a_renewed_token_keeps_the_socket_open(room: Room, server: str) -> None:
    room.directory._hours = 1.5 / 3600
    desk = await dial(server, room, "agent01")
    await desk.until("ready")
    room.directory._hours = 1
    other, _ = await room.directory.login("agent02", PASSWORD)
    await desk.send(type="auth", token=other)
    assert (await desk.until("error"))["code"] == "not_allowed"
    token, _ = await room.directory.login("agent01", PASSWORD)
    await desk.send(type="auth", token=token)
    assert (await desk.until("renewed"))["token_s"] > 3000
    await asyncio.sleep(1.6)
    await desk.send(type="ping")
    await desk.until("pong")
    await desk.connection.close()


async def test_signing_out_closes_the_sockets_of_that_login_only(room: Room, server: str) -> None:
    here = await dial(server, room, "agent01")
    token, _ = await room.directory.login("agent01", PASSWORD)
    async with connect(f"ws://{server}/api/v1/agents/ws") as connection:
        elsewhere = Line(connection)
        await elsewhere.send(type="auth", token=token)
        await elsewhere.until("ready")
        await here.until("ready")
        login = room.directory.read_token(token)
        await room.directory.sign_out(login)
        await room.bus.publish(agent_channel("agent01"), SIGNED_OUT, session=login.session)
        assert await closed(elsewhere) == ("signed_out", 4411)
    await here.send(type="ping")
    await here.until("pong")
    await here.connection.close()


async def test_a_disabled_account_is_put_out(
    room: Room, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CHECK_S", 0.1)
    desk = await dial(server, room, "agent01")
    await desk.until("ready")
    await room.directory.set_active("agent01", active=False)
    assert await closed(desk) == ("account_disabled", 4412)


async def test_supervisors_watch_a_talk_live(room: Room, server: str) -> None:
    handoff = await room.active("agent01")
    boss, agent = await dial(server, room, "supervisor01"), await dial(server, room, "agent02")
    await agent.send(type="watch", handoff_id=handoff.id)
    assert (await agent.until("error"))["code"] == "not_allowed"
    await boss.send(type="watch", handoff_id="h_nothing")
    assert (await boss.until("error"))["code"] == "not_found"
    await boss.send(type="watch", handoff_id=handoff.id)
    assert (await boss.until("following"))["handoff_id"] == handoff.id
    await room.service.message(handoff.id, member("agent01"), "您好")
    assert (await boss.until("message"))["message"]["agent_name"] == "林小雨"
    await room.service.customer_typing(handoff.conversation_id, "我正在写")
    assert (await boss.until("typing"))["text"] == "我正在写"
    await room.service.agent_typing(handoff.id, member("agent01"))
    assert (await boss.until("typing", lambda e: e["sender"] == "agent"))["agent_name"] == "林小雨"
    # Serving ends, watching goes on.
    await room.service.supervising.take_over(handoff.id, member("supervisor01"))
    await boss.until("handoff", lambda e: e["agent_id"] == "supervisor01")
    await room.service.give_back(handoff.id, member("supervisor01"))
    await boss.until("handoff", lambda e: e["state"] == "returned")
    await room.transcript.append(handoff.conversation_id, Draft("customer", "还看得到"))
    await boss.until("message", lambda e: e["message"]["text"] == "还看得到")
    await boss.send(type="unwatch", handoff_id=handoff.id)
    await boss.send(type="ping")
    await boss.until("pong")
    await room.transcript.append(handoff.conversation_id, Draft("customer", "看不到了"))
    await boss.send(type="ping")
    while (event := json.loads(await boss.connection.recv()))["type"] != "pong":
        assert event.get("message", {}).get("text") != "看不到了"
    for desk in (boss, agent):
        await desk.connection.close()


async def test_a_guest_hears_everything_while_they_are_there(room: Room, server: str) -> None:
    handoff = await room.active("agent01")
    await room.service.presence.set_status("agent02", "online")
    guest, owner = await dial(server, room, "agent02"), await dial(server, room, "agent01")
    await guest.until("ready")
    await owner.until("following")
    await room.service.conference.invite(handoff.id, member("agent01"), "agent02", "看13800000001")
    invited = await guest.until("guest")
    assert (invited["state"], invited["note"]) == ("invited", "看138****0001")
    await room.service.conference.join(handoff.id, member("agent02"))
    await guest.until("following")
    assert (await owner.until("guest", lambda e: e["state"] == "joined"))["guest"] == "agent02"
    await room.transcript.append(handoff.conversation_id, Draft("customer", "你们好"))
    assert (await guest.until("message"))["message"]["text"] == "你们好"
    await guest.send(type="typing", handoff_id=handoff.id)
    assert (await owner.until("typing"))["agent_id"] == "agent02"
    await room.service.message(handoff.id, member("agent02"), "我是周明")
    said = await owner.until("message", lambda e: e["message"]["sender"] == "agent")
    assert said["message"]["agent_name"] == "周明"
    await room.service.conference.leave(handoff.id, member("agent02"))
    await guest.until("guest", lambda e: e["state"] == "left")
    await room.transcript.append(handoff.conversation_id, Draft("customer", "他走了吗"))
    await guest.send(type="ping")
    while (event := json.loads(await guest.connection.recv()))["type"] != "pong":
        assert event.get("message", {}).get("text") != "他走了吗"
    for desk in (guest, owner):
        await desk.connection.close()


async def test_whispers_and_what_was_read_reach_every_desk_of_the_agent(
    room: Room, server: str
) -> None:
    handoff = await room.active("agent01")
    desks = [await dial(server, room, "agent01") for _ in range(2)]
    for desk in desks:
        await desk.until("following")
    await room.service.supervising.whisper(handoff.id, member("supervisor01"), "先道歉")
    await room.service.read_to(handoff.id, member("agent01"), 3)
    for desk in desks:
        assert (await desk.until("whisper"))["text"] == "先道歉"
        assert (await desk.until("read"))["seq"] == 3
        await desk.connection.close()


async def test_the_floor_is_pushed_to_supervisors_only(room: Room, server: str) -> None:
    boss, agent = await dial(server, room, "supervisor01"), await dial(server, room, "agent01")
    await agent.send(type="floor")
    assert (await agent.until("error"))["code"] == "not_allowed"
    await boss.send(type="floor")
    assert (await boss.until("floor"))["whole"] is True
    handoff = await room.waiting()
    news = await boss.until("floor", lambda e: e["rows"])
    assert news["rows"][0]["handoff_id"] == handoff.id
    await boss.send(type="floor", on=False)
    await boss.send(type="ping")
    await boss.until("pong")
    assert room.service.floor._task is None
    for desk in (boss, agent):
        await desk.connection.close()
