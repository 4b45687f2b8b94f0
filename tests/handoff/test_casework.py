"""Call backs and other cases, worked on by people after the conversation ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from core.clock import now
from core.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from core.transcript import Draft
from handoff.casework import Work
from handoff.models import Ticket
from tests.handoff.conftest import ZHANG, Room, member

pytestmark = pytest.mark.integration
Desk = Callable[[str], Awaitable[AsyncClient]]


async def call_back(room: Room, **fields: Any) -> Ticket:
    """A customer who asked to be called instead of waiting."""
    handoff = await room.waiting(**fields)
    await room.service.call_back(handoff.conversation_id)
    (ticket,) = await room.service.tickets.listed()
    return ticket


async def seen(room: Room, ticket: Ticket) -> list[str]:
    messages = await room.transcript.messages(str(ticket.conversation_id), audience="all")
    return [message.text for message in messages]


async def test_a_call_back_from_the_list_to_the_end(room: Room) -> None:
    known = {"customer_id": "8600001", "phone": "13800000001", "profile": ZHANG}
    ticket, me = await call_back(room, **known), member("agent02")
    case = room.service.casework
    (row,) = await case.listed(me, ["open"])
    assert (row["kind"], row["owner"], row["customer_name"]) == ("callback", None, "张伟")
    assert row["masked_phone"] == "138****0001"

    # Who has not taken it sees no number; who has, sees it, and the log says so.
    with pytest.raises(NotAllowed, match="接手"):
        await room.service.reveal_for_ticket(ticket.id, me, "回拨联系客户")
    await case.assign(ticket.id, me, me.id, None)
    shown = await room.service.reveal_for_ticket(ticket.id, me, "回拨联系客户")
    assert (shown["phone"], shown["numbers"]) == ("13800000001", ["13800000001"])
    (logged,) = await room.service.supervising.reveals(member("supervisor01"))
    assert (logged.staff_id, logged.masked_phone) == ("agent02", "138****0001")

    # The whole story is there, though the handoff was never this agent's.
    detail = await case.detail(ticket.id, me)
    assert detail["context"]["summary"]["wants"]
    assert "我要人工" in [line["text"] for line in detail["context"]["transcript"]]

    again = now() + timedelta(hours=2)
    missed = await case.work(ticket.id, me, Work("processing", "", call="missed", again_at=again))
    assert missed.first_reply_at is None  # Nobody was reached: the promise still runs.
    (row,) = await case.listed(me, ["processing"])
    assert (row["calls_missed"], row["again_at"]) == (1, again.isoformat())
    assert row["history"][-1] | {"at": ""} == {
        "at": "", "state": "processing", "text": "回电没有接通", "actor": "agent02",
        "actor_name": "周明", "call": "missed", "again_at": again.isoformat(),
    }  # fmt: skip
    assert "没有接通" in (await seen(room, ticket))[-1]

    done = await case.work(ticket.id, me, Work("resolved", "已解释账单，客户认可", call="reached"))
    assert done.first_reply_at is not None
    assert (await seen(room, ticket))[-1] == f"您的工单{ticket.id}已处理：已解释账单，客户认可"
    assert await case.listed(me, ["open", "processing"]) == []
    with pytest.raises(IllegalMove):
        await case.assign(ticket.id, me, None, "packages")
    with pytest.raises(NotAllowed):
        await room.service.reveal_for_ticket(ticket.id, me, "还想再看看")


async def test_numbers_that_the_customer_wrote(room: Room) -> None:
    ticket, me = await call_back(room), member("agent01")
    case = room.service.casework
    await case.assign(ticket.id, me, me.id, None)
    with pytest.raises(NotFound, match="没有留下电话"):
        await room.service.reveal_for_ticket(ticket.id, me, "回拨联系客户")
    talk = str(ticket.conversation_id)
    await room.transcript.append(
        talk,
        Draft("customer", "打我139 1234 5678，下午三点以后，订单号20261123456789012"),
        Draft("customer", "打不通就打家里010-62345678"),
    )
    assert (await case.detail(ticket.id, me))["numbers"] == ["010****5678", "139****5678"]
    shown = await room.service.reveal_for_ticket(ticket.id, me, "回拨联系客户")
    assert shown["numbers"] == ["01062345678", "13912345678"]


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("13912345678", True),
        ("打我座机010-62345678，上午", True),
        ("明天下午3点以后都可以", True),
        ("随时", True),
        ("我这个月流量还剩多少", False),
        ("明天能恢复吗", False),
        ("转人工", False),
    ],
)
async def test_where_and_when_to_call_is_noted(room: Room, text: str, noted: bool) -> None:
    ticket = await call_back(room)
    said, *_ = await room.transcript.append(
        str(ticket.conversation_id), Draft("customer", text), Draft("bot", "收到")
    )
    answer = await room.service.contact_left(said)
    stored = await room.service.tickets.get(ticket.id)
    if noted:
        assert answer
        assert ticket.id in answer
        assert stored.history[-1]["text"] == f"客户补充：{text}"
        assert stored.history[-1]["staff"] is True
        assert stored.phone == ("13912345678" if text.startswith("139") else None)
    else:
        assert answer is None
        assert len(stored.history) == 1
    # Only the first words after we asked: later a number may be meant for something else.
    (later,) = await room.transcript.append(said.conversation_id, Draft("customer", "13900000000"))
    assert await room.service.contact_left(later) is None


async def test_one_owner_until_the_end(room: Room) -> None:
    ticket, case = await call_back(room), room.service.casework
    one, two, boss = member("agent02"), member("agent05"), member("supervisor01")
    await case.assign(ticket.id, one, one.id, None)
    note = Work("processing", "我也看看")
    for attempt in (
        case.work(ticket.id, two, note),
        case.assign(ticket.id, two, two.id, None),
        case.assign(ticket.id, two, None, "general"),
    ):
        with pytest.raises(NotAllowed, match="由周明负责"):
            await attempt
    # A supervisor's word takes nobody's case away; a supervisor may give it to somebody else.
    assert (await case.work(ticket.id, boss, note)).owner == one.id
    moved = await case.assign(ticket.id, boss, two.id, None, "周明休假")
    assert moved.owner == two.id
    assert moved.history[-1]["text"] == "转给郑婷：周明休假"
    assert moved.history[-1]["staff"] is True  # Not on the customer's card.
    with pytest.raises(InvalidInput, match="没有“话费账务”技能"):
        await case.assign(ticket.id, two, "agent03", None)
    to_group = await case.assign(ticket.id, two, None, "technical")
    assert (to_group.owner, to_group.skill_group) == (None, "technical")
    with pytest.raises(NotAllowed, match="技能组"):
        await case.detail(ticket.id, one)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Work("processing", "", again_at=now() - timedelta(minutes=1)), "要在以后"),
        (Work("processing", "", again_at=now() + timedelta(days=31)), "30天"),
        (Work("resolved", "好了", again_at=now() + timedelta(hours=1)), "不需要再约"),
    ],
)
async def test_times_that_make_no_sense(room: Room, done: Work, words: str) -> None:
    ticket = await call_back(room)
    with pytest.raises(InvalidInput, match=words):
        await room.service.casework.work(ticket.id, member("agent01"), done)
    assert (await room.service.tickets.get(ticket.id)).state == "open"


async def test_the_one_due_first_is_on_top_and_the_newest_ended(room: Room) -> None:
    handoff, me = await room.active("agent01"), member("agent01")
    for kind, title in (("complaint", "投诉"), ("callback", "回电")):
        await room.service.ticket_from(handoff.id, me, kind, "normal", title, "")  # type: ignore[arg-type]
    case = room.service.casework
    complaint, callback = await case.listed(me, ["open", "processing"])
    # Once answered, the complaint has fifteen days; the call back is due tomorrow.
    await case.work(complaint["id"], me, Work("processing", "已联系", reply=True))
    titles = [row["title"] for row in await case.listed(me, ["open", "processing"])]
    assert titles == ["回电", "投诉"]
    for row in (complaint, callback):
        await case.work(row["id"], me, Work("closed", "重复"))
    assert [row["title"] for row in await case.listed(me, ["resolved", "closed"])] == titles


async def test_over_http(room: Room, desk_of: Desk) -> None:
    ticket = await call_back(room, phone="13800000001")
    desk, stranger = await desk_of("agent02"), await desk_of("agent03")
    path = f"/tickets/{ticket.id}"
    for method, tail, body in (
        ("GET", "", None), ("POST", "/steps", {"state": "processing", "text": ""}),
        ("POST", "/assign", {"owner": "agent03"}), ("POST", "/reveal", {"reason": "看看"}),
    ):  # fmt: skip
        answer = await stranger.request(method, path + tail, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), tail
    for tail, body in (
        ("/assign", {}), ("/assign", {"owner": "nobody"}), ("/assign", {"skill_group": "x"}),
        ("/assign", {"owner": "agent02", "note": "长" * 501}), ("/reveal", {"reason": " "}),
        ("/steps", {"state": "processing", "text": "", "call": "maybe"}),
        ("/steps", {"state": "processing", "text": "", "again_at": "2026-11-23T10:00:00"}),
    ):  # fmt: skip
        answer = await desk.post(path + tail, json=body)
        assert answer.status_code == 422, (tail, body)
    taken = await desk.post(f"{path}/assign", json={"owner": "agent02"})
    assert taken.json() == {"ticket_id": ticket.id, "owner": "agent02", "skill_group": "billing"}
    again = (now() + timedelta(hours=1)).isoformat()
    step = {"state": "processing", "text": "", "call": "missed", "again_at": again}
    answer = (await desk.post(f"{path}/steps", json=step)).json()["ticket"]
    assert (answer["calls_missed"], answer["owner_name"]) == (1, "周明")
    assert (await desk.post(f"{path}/reveal", json={"reason": "回拨"})).json()["phone"]
    assert "13800000001" not in (await desk.get(path)).text
    await desk.post(f"{path}/steps", json={"state": "closed", "text": "多次未接通"})
    assert (await desk.get("/tickets")).json() == {"tickets": []}
    (done,) = (await desk.get("/tickets", params={"state": "done"})).json()["tickets"]
    assert (done["id"], done["again_at"]) == (ticket.id, None)
    assert (await desk.get("/tickets/000000000000")).status_code == 404
