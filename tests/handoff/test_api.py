"""The desk's HTTP contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from core.staff import STAFF_COOKIE
from core.transcript import Draft
from tests.handoff.conftest import PASSWORD, ZHANG, Room

pytestmark = pytest.mark.integration

Desk = Callable[[str], Awaitable[AsyncClient]]
ROW = {
    "handoff_id", "conversation_id", "channel", "desk", "state", "state_text", "skill_group", "skill_group_text",
    "trigger", "reason", "request", "complaint_grade", "customer_name", "masked_phone", "tier",
    "tier_text", "elderly", "verification", "mood", "mood_text", "priority", "priority_reasons",
    "agent_id", "agent_name", "mine", "reserved_for", "preferred_agent", "opened_at", "waiting_since",
    "waiting_s", "accepted_at", "first_reply_at", "ended_at", "disposition", "unread", "last_seq",
    "last_message", "role", "guests", "owner", "owner_name", "first_agent", "offer", "offer_left_s",
    "sla", "sla_left_s",
}  # fmt: skip


async def test_from_the_list_to_the_rating(room: Room, desk_of: Desk) -> None:
    desk = await desk_of("agent01")
    assert (await desk.put("/agents/me/status", json={"status": "online"})).status_code == 200
    handoff = await room.waiting(customer_id="1", phone="13800000001", profile=ZHANG)
    listed = (await desk.get("/handoffs")).json()
    assert listed["count"] == 1
    row = listed["handoffs"][0]
    assert set(row) == ROW
    assert (row["customer_name"], row["masked_phone"], row["tier_text"], row["reason"]) == (
        "张伟", "138****0001", "金卡", "客户要求人工",
    )  # fmt: skip
    assert (row["state"], row["request"], row["unread"]) == ("waiting", "查话费为什么变多", 1)

    path = f"/handoffs/{handoff.id}"
    taken = (await desk.post(f"{path}/accept")).json()
    assert (taken["state"], taken["mine"], taken["agent_name"]) == ("active", True, "林小雨")
    assert "客户：张伟" in taken["context"]["summary"]["text"]
    said = await desk.post(f"{path}/messages", json={"text": "您好", "client_message_id": "w1"})
    again = await desk.post(f"{path}/messages", json={"text": "您好", "client_message_id": "w1"})
    assert said.json() == again.json()
    message = said.json()["message"]
    assert message["sender"] == "agent"
    await room.transcript.append(handoff.conversation_id, Draft("customer", "你好"))
    assert (await desk.get("/handoffs", params={"mine": True})).json()["handoffs"][0]["unread"] == 1
    missed = (await desk.get(f"{path}/messages", params={"after": message["seq"]})).json()
    assert [message["text"] for message in missed["messages"]] == ["你好"]
    assert (await desk.post(f"{path}/read", json={"seq": 99})).status_code == 204
    assert (await desk.get(path)).json()["unread"] == 0
    assert (await desk.post(f"{path}/typing")).status_code == 204
    note = await desk.post(f"{path}/notes", json={"text": "已核实"})
    assert note.json()["message"]["audience"] == "staff"
    ticket = await desk.post(f"{path}/tickets", json={"kind": "complaint", "title": "乱扣费"})
    assert ticket.status_code == 201
    assert ticket.json()["card"]["type"] == "ticket"
    closed = await desk.post(f"{path}/close", json={"disposition": "resolved", "summary": "已退费"})
    assert closed.json() == {"handoff_id": handoff.id, "state": "closed", "summary": "已退费"}
    assert (await desk.get("/handoffs")).json()["count"] == 0
    done = (await desk.get("/handoffs", params={"state": "closed"})).json()["handoffs"]
    assert done[0]["disposition"] == "resolved"


async def test_next_transfer_and_return(room: Room, desk_of: Desk) -> None:
    one, two = await desk_of("agent02"), await desk_of("agent03")
    assert (await one.post("/handoffs/next")).json() == {"handoff": None}
    handoff = await room.waiting()
    taken = (await one.post("/handoffs/next")).json()["handoff"]
    assert taken["handoff_id"] == handoff.id
    path = f"/handoffs/{handoff.id}"
    moved = await one.post(f"{path}/transfer", json={"skill_group": "technical", "note": "看光猫"})
    assert moved.json() == {"handoff_id": handoff.id, "state": "waiting"}
    assert (await two.post(f"{path}/accept")).status_code == 200
    assert (await two.post(f"{path}/return")).json()["state"] == "returned"


async def test_finish_leaves_the_write_up(room: Room, desk_of: Desk) -> None:
    handoff, desk = await room.active("agent01"), await desk_of("agent01")
    assert (await desk.post(f"/handoffs/{handoff.id}/finish")).json()["state"] == "wrap_up"
    detail = (await desk.get(f"/handoffs/{handoff.id}")).json()
    assert detail["closing"]["summary"].endswith("处理结果：")
    assert {"value": "resolved", "title": "已解决"} in detail["closing"]["dispositions"]
    assert (await desk.post(f"/handoffs/{handoff.id}/close")).json()["state"] == "closed"


@pytest.mark.parametrize(
    ("method", "tail", "body", "status", "code"),
    [
        ("POST", "/accept", None, 409, "already_claimed"),
        ("POST", "/messages", {"text": "你好"}, 403, "not_allowed"),
        ("POST", "/close", {"disposition": "resolved"}, 403, "not_allowed"),
        ("GET", "", None, 403, "not_allowed"),
        ("GET", "/messages", None, 403, "not_allowed"),
        ("POST", "/transfer", {"agent_id": "agent03"}, 403, "not_allowed"),
    ],
)
async def test_another_agents_handoff(
    room: Room, desk_of: Desk, method: str, tail: str, body: Any, status: int, code: str
) -> None:
    handoff, desk = await room.active("agent01", "technical"), await desk_of("agent03")
    await room.service.presence.set_status("agent03", "online")
    answer = await desk.request(method, f"/handoffs/{handoff.id}{tail}", json=body)
    if tail == "/transfer":
        assert answer.status_code == 422
        return
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("tail", "body", "code"),
    [
        ("/messages", {"text": ""}, "empty_text"),
        ("/messages", {"text": "字" * 2001}, "text_too_long"),
        ("/messages", {"text": 7}, "invalid_input"),
        ("/messages", {}, "invalid_input"),
        ("/messages", {"text": "好", "client_message_id": "x" * 65}, "invalid_input"),
        ("/notes", {"text": "字" * 34_000}, "text_too_long"),
        ("/transfer", {}, "invalid_input"),
        ("/transfer", {"agent_id": "nobody"}, "invalid_input"),
        ("/close", {"disposition": ""}, "invalid_input"),
        ("/read", {"seq": -1}, "invalid_input"),
        ("/tickets", {"kind": "dream", "title": "x"}, "invalid_input"),
    ],
)
async def test_bad_input(room: Room, desk_of: Desk, tail: str, body: Any, code: str) -> None:
    handoff, desk = await room.active("agent01"), await desk_of("agent01")
    answer = await desk.post(f"/handoffs/{handoff.id}{tail}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await room.service.get(handoff.id)).state == "active"


async def test_closing_what_is_closed(room: Room, desk_of: Desk) -> None:
    handoff, desk = await room.active("agent01"), await desk_of("agent01")
    path = f"/handoffs/{handoff.id}"
    await desk.post(f"{path}/close")
    for tail in ("/close", "/return", "/finish", "/accept"):
        answer = await desk.post(path + tail)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move"), tail
        assert "已结束" in answer.json()["detail"]
    assert (await desk.get("/handoffs/h_nothing")).status_code == 404


@pytest.mark.parametrize("query", [{"state": "dreaming"}, {"skill_group": "x"}, {"limit": 0}])
async def test_bad_queries(desk_of: Desk, query: dict[str, Any]) -> None:
    desk = await desk_of("agent01")
    assert (await desk.get("/handoffs", params=query)).status_code == 422
    assert (await desk.put("/agents/me/status", json={"status": "asleep"})).status_code == 422


async def test_who_sees_what(room: Room, desk_of: Desk) -> None:
    await room.waiting("complaints")
    active = await room.active("agent01")
    boss, billing = await desk_of("supervisor01"), await desk_of("agent02")
    assert (await boss.get("/handoffs")).json()["count"] == 2
    assert (await boss.get("/handoffs", params={"skill_group": "complaints"})).json()["count"] == 1
    assert (await boss.get(f"/handoffs/{active.id}")).status_code == 200
    assert (await billing.get("/handoffs")).json()["count"] == 0
    assert (await boss.put("/agents/me/status", json={"status": "online"})).status_code == 403


async def test_the_floor(room: Room, desk_of: Desk) -> None:
    await room.active("agent01")
    await room.service.presence.set_status("agent02", "busy")
    boss = await desk_of("supervisor01")
    agents = {row["id"]: row for row in (await boss.get("/agents")).json()["agents"]}
    assert list(agents) == ["agent01", "agent02", "agent03", "agent04", "agent05"]
    assert (agents["agent01"]["status"], agents["agent01"]["load"]) == ("online", 1)
    assert agents["agent03"]["status"] == "offline"
    online = (await boss.get("/agents", params={"online": True})).json()
    assert [row["id"] for row in online["agents"]] == ["agent01", "agent02"]
    assert {"id": "vip", "name": "贵宾"} in online["skill_groups"]
    me = (await (await desk_of("agent02")).get("/agents/me")).json()
    assert me == {
        "id": "agent02", "display_name": "周明", "status": "busy", "notice": None, "load": 0, "capacity": 8,
    }  # fmt: skip


async def test_tickets_over_http(room: Room, desk_of: Desk) -> None:
    handoff, desk = await room.active("agent02"), await desk_of("agent02")
    body = {"kind": "fault", "title": "宽带断网", "skill_group": "technical"}
    made = (await desk.post(f"/handoffs/{handoff.id}/tickets", json=body)).json()["ticket"]
    assert (await desk.get("/tickets")).json() == {"tickets": []}
    tech = await desk_of("agent03")
    assert (await tech.get("/tickets")).json()["tickets"][0]["id"] == made["id"]
    step = {"state": "processing", "text": "已派单", "reply": True}
    moved = await tech.post(f"/tickets/{made['id']}/steps", json=step)
    assert moved.json()["ticket"]["owner"] == "agent03"
    assert (await desk.post(f"/tickets/{made['id']}/steps", json=step)).status_code == 403


async def test_doors_are_locked(app: FastAPI, room: Room, desk_of: Desk) -> None:
    handoff = await room.waiting()
    async with AsyncClient(transport=ASGITransport(app), base_url="http://desk/api/v1") as nobody:
        assert (await nobody.get("/handoffs")).status_code == 401
        assert (await nobody.post(f"/handoffs/{handoff.id}/accept")).status_code == 401
        token, _ = await room.directory.login("agent01", PASSWORD)
        nobody.cookies.set(STAFF_COOKIE, token)
        forged = await nobody.post(f"/handoffs/{handoff.id}/accept")
        assert forged.status_code == 403
        ours = await nobody.post(
            f"/handoffs/{handoff.id}/accept", headers={"X-Requested-With": "changda"}
        )
        assert ours.status_code == 200
    editor = await desk_of("editor01")
    assert (await editor.get("/handoffs")).status_code == 403


async def test_people_over_http(room: Room, desk_of: Desk) -> None:
    handoff = await room.waiting(customer_id="1", phone="13800000001", profile=ZHANG)
    path = f"/handoffs/{handoff.id}"
    owner, boss = await desk_of("agent01"), await desk_of("supervisor01")
    colleague = await desk_of("agent02")
    await owner.post(f"{path}/accept")
    await colleague.put("/agents/me/status", json={"status": "online"})
    asked = await owner.post(f"{path}/invite", json={"staff_id": "agent02", "note": "请帮忙"})
    assert asked.json() == {"handoff_id": handoff.id, "staff_id": "agent02", "state": "invited"}
    rows = (await colleague.get("/handoffs", params={"mine": True})).json()["handoffs"]
    assert [(row["role"], row["guests"][0]["by"]) for row in rows] == [("invited", "林小雨")]
    joined = (await colleague.post(f"{path}/join")).json()
    assert (joined["role"], joined["agent_name"]) == ("guest", "林小雨")
    said = await colleague.post(f"{path}/messages", json={"text": "我是周明"})
    assert said.json()["message"]["agent_name"] == "周明"
    assert (await colleague.post(f"{path}/typing")).status_code == 204
    assert (await colleague.post(f"{path}/close")).status_code == 403
    assert (await owner.delete(f"{path}/guests/agent02")).json()["state"] == "left"
    assert (await colleague.post(f"{path}/join")).status_code == 403

    assert (await owner.post(f"{path}/whisper", json={"text": "x"})).status_code == 403
    whisper = {"text": "先道歉", "client_message_id": "w1"}
    first, again = [await boss.post(f"{path}/whisper", json=whisper) for _ in range(2)]
    assert first.json() == again.json()
    assert first.json()["message"]["audience"] == "staff"
    row = (await boss.get("/handoffs")).json()["handoffs"][0]
    assert (row["last_message"]["audience"], row["last_message"]["text"]) == ("staff", "先道歉")

    assert (await colleague.post(f"{path}/reveal", json={"reason": "看看"})).status_code == 403
    assert (await owner.post(f"{path}/reveal", json={"reason": ""})).status_code == 422
    seen = await owner.post(f"{path}/reveal", json={"reason": "回拨核实13800000001"})
    assert seen.json()["phone"] == "13800000001"
    assert (await owner.get("/reveals")).status_code == 403
    (logged,) = (await boss.get("/reveals")).json()["reveals"]
    assert (logged["staff_name"], logged["masked_phone"], logged["reason"]) == (
        "林小雨", "138****0001", "回拨核实138****0001",
    )  # fmt: skip
    everything = str((await owner.get(path)).json()) + str((await boss.get(path)).json())
    assert "13800000001" not in everything, "all else stays masked"

    assert (await owner.post(f"{path}/take-over")).status_code == 403
    taken = (await boss.post(f"{path}/take-over", json={"note": "升级"})).json()
    assert (taken["mine"], taken["agent_name"]) == (True, "吴主管")
    assert (await owner.post(f"{path}/messages", json={"text": "我"})).status_code == 403
    assert (await boss.get("/agents")).json()["names"]["supervisor01"] == "吴主管"


async def test_a_note_sent_twice_is_one_note(room: Room, desk_of: Desk) -> None:
    handoff, desk = await room.active("agent01"), await desk_of("agent01")
    path = f"/handoffs/{handoff.id}"
    note = {"text": "客户已安抚", "client_message_id": "n1"}
    first, again = [await desk.post(f"{path}/notes", json=note) for _ in range(2)]
    assert first.json() == again.json()
    events = (await desk.get(path)).json()["events"]
    assert [event["kind"] for event in events].count("note") == 1
    clash = await desk.post(f"{path}/messages", json={"text": "同号", "client_message_id": "n1"})
    assert clash.status_code == 409
    huge = await desk.post(f"{path}/notes", json={"text": "字" * 34_000})
    assert (huge.status_code, huge.json()["limit"]) == (422, 4000)
    assert "34000字" in huge.json()["detail"]


async def test_canned_replies_over_http(room: Room, desk_of: Desk) -> None:
    desk, boss = await desk_of("agent01"), await desk_of("supervisor01")
    made = await desk.post("/canned", json={"name": "问候", "text": "{客户称呼}您好"})
    assert made.status_code == 201
    reply = made.json()["reply"]
    shared = {"name": "公共", "text": "感谢", "shared": True}
    assert (await desk.post("/canned", json=shared)).status_code == 403
    assert (await boss.post("/canned", json=shared)).status_code == 201
    strange = await desk.post("/canned", json={"name": "x", "text": "{生日}"})
    assert (strange.status_code, strange.json()["code"]) == (422, "invalid_input")
    listed = (await desk.get("/canned")).json()
    assert [(r["name"], r["shared"]) for r in listed["replies"]] == [
        ("问候", False),
        ("公共", True),
    ]
    assert "套餐" in listed["placeholders"]
    assert (await boss.delete(f"/canned/{reply['id']}")).status_code == 404
    changed = {"name": "问候", "text": "您好"}
    assert (await desk.put(f"/canned/{reply['id']}", json=changed)).json()["reply"][
        "text"
    ] == "您好"
    assert (await desk.delete(f"/canned/{reply['id']}")).status_code == 204
    handoff = await room.active("agent01")
    open_text = await desk.post(f"/handoffs/{handoff.id}/messages", json={"text": "您的{余额}"})
    assert (open_text.status_code, open_text.json()["placeholders"]) == (422, ["余额"])
