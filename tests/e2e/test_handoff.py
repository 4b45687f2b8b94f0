"""From bot to person and back, at the public contract."""

from __future__ import annotations

import json

import pytest
from websockets.sync.client import connect

from tests.system import Customer, StaffMember, System

pytestmark = pytest.mark.e2e


def _only_row(agent: StaffMember, conversation_id: str) -> dict[str, object]:
    rows = agent.get("/handoffs")["handoffs"]
    (row,) = [row for row in rows if row["conversation_id"] == conversation_id]
    return row


def test_the_whole_story(system: System, customer: Customer, agent: StaffMember) -> None:
    customer.say("我上个月话费怎么比之前多")
    customer.verify("13800000001")
    asked = customer.send("转人工")
    assert asked["state"] == "waiting"
    assert any("第" in reply["text"] or "位" in reply["text"] for reply in asked["replies"])

    handoff_id = str(_only_row(agent, customer.id)["handoff_id"])
    package = json.dumps(agent.get(f"/handoffs/{handoff_id}"), ensure_ascii=False)
    for fact in ("张伟", "158.40", "134.00", "5G畅享129元", "我上个月话费怎么比之前多"):
        assert fact in package
    assert "13800000001" not in package

    agent.post(f"/handoffs/{handoff_id}/accept")
    quiet = customer.send("你好，在吗")
    assert quiet == quiet | {"state": "human", "replies": []}
    agent.post(
        f"/handoffs/{handoff_id}/messages", {"text": "张先生您好", "client_message_id": "a1"}
    )
    agent.post(
        f"/handoffs/{handoff_id}/messages", {"text": "张先生您好", "client_message_id": "a1"}
    )
    agent.post(f"/handoffs/{handoff_id}/notes", {"text": "客户着急"})
    shown = [m["text"] for m in customer.transcript()]
    assert shown.count("张先生您好") == 1
    assert "客户着急" not in shown

    agent.post(f"/handoffs/{handoff_id}/close", {"disposition": "resolved"})
    rated = customer.http.post(
        f"/api/v1/conversations/{customer.id}/rating", json={"score": 5, "comment": "很快"}
    )
    assert rated.status_code == 200
    again = customer.http.post(f"/api/v1/conversations/{customer.id}/rating", json={"score": 1})
    assert again.status_code == 409

    back = customer.send("余额多少")
    assert back["state"] == "bot"
    assert "56.30" in str(back["replies"])


def test_waiting_can_be_cancelled(customer: Customer) -> None:
    assert customer.send("我要找人工客服")["state"] == "waiting"
    assert customer.send("取消排队")["state"] == "bot"
    assert "漫游" in customer.say("国际漫游怎么收费")


def test_live_both_ways(system: System, customer: Customer, agent: StaffMember) -> None:
    customer.send("转人工")
    handoff_id = str(_only_row(agent, customer.id)["handoff_id"])
    agent.post(f"/handoffs/{handoff_id}/accept")
    address = system.url.replace("http", "ws") + f"/api/v1/conversations/{customer.id}/ws"
    with connect(address) as socket:
        socket.send(json.dumps({"type": "auth", "token": customer.token, "after": 0}))
        frames = []
        while not frames or frames[-1]["type"] != "ready":
            frames.append(json.loads(socket.recv(5)))
        seqs = [f["message"]["seq"] for f in frames if f["type"] == "message"]
        assert seqs == sorted(set(seqs))
        agent.post(f"/handoffs/{handoff_id}/messages", {"text": "我在"})
        frame = {"type": ""}
        while frame["type"] != "message":
            frame = json.loads(socket.recv(5))
        assert frame["message"]["text"] == "我在"
        assert "understanding" not in frame["message"]
        ask = {"type": "message", "text": "听得到吗", "client_message_id": "ws1"}
        socket.send(json.dumps(ask))
        while frame["type"] != "ack":
            frame = json.loads(socket.recv(5))
        assert frame["state"] == "human"
    agent.post(f"/handoffs/{handoff_id}/close", {"disposition": "resolved"})


def test_resuming_skips_what_was_seen(system: System, customer: Customer) -> None:
    customer.say("你好")
    last = customer.transcript()[-1]["seq"]
    customer.say("谢谢")
    address = system.url.replace("http", "ws") + f"/api/v1/conversations/{customer.id}/ws"
    with connect(address) as socket:
        socket.send(json.dumps({"type": "auth", "token": customer.token, "after": last}))
        frame = json.loads(socket.recv(5))
        assert frame["message"]["seq"] == last + 1
        assert frame["message"]["text"] == "谢谢"
