"""What the agent could say at once."""

from __future__ import annotations

from typing import Any

import pytest

from core.clock import now
from core.transcript import Draft, Message
from handoff.context import HandoffRequest
from handoff.suggestions import asks_for_a_person, requests_of
from tests.handoff.conftest import ZHANG, Room, member

OVERAGE = {"entry_id": "k1", "question": "流量超出怎么收费", "answer": "每GB5元。", "score": 0.9}
NOISE = {"entry_id": "k9", "question": "人工客服几点上班", "answer": "24小时。", "score": 0.4}


def message(
    seq: int, text: str, intent: str = "", sender: str = "customer", **more: Any
) -> Message:
    understanding = {"intent": {"name": intent}, **more} if intent else None
    return Message(
        id=f"m{seq}", seq=seq, sender=sender, text=text, understanding=understanding,
        created_at=now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["转人工", "人工！", "我要人工客服", "帮我转一下人工", "找个真人", "人工服务谢谢", "不对，我要人工"],
)  # fmt: skip
def test_bare_calls_for_a_person(text: str) -> None:
    assert asks_for_a_person(text)


@pytest.mark.parametrize(
    "text",
    ["我的账单不对，转人工", "人工费用怎么收", "宽带坏了找人来修", "", "流量超出怎么收费，人工"],
)  # fmt: skip
def test_calls_with_a_request_in_them(text: str) -> None:
    assert not asks_for_a_person(text)


def test_the_last_requests_count() -> None:
    said = [
        message(1, "你好", "greet"),
        message(2, "流量怎么收费", "ask_knowledge"),
        message(3, "好的", sender="bot"),
        message(4, "嗯", "affirm"),
        message(5, "为什么扣20块", "explain_bill"),
        message(6, "转人工", "request_human"),
        message(7, "人工"),
    ]
    assert [m.seq for m in requests_of(said)] == [5, 2]
    assert [m.seq for m in requests_of(said, 1)] == [5]


@pytest.mark.integration
async def test_suggestions_are_about_the_request_and_not_about_fetching_a_person(
    room: Room,
) -> None:
    conversation = await room.conversation(customer_id="1", phone="13800000001", profile=ZHANG)
    knowledge = {"decision": "answer", "hits": [OVERAGE]}
    unsure = {"decision": "none", "hits": [NOISE]}
    await room.transcript.append(
        conversation.id,
        Draft(
            "customer", "流量超出怎么收费",
            understanding={"intent": {"name": "ask_knowledge"}, "knowledge": knowledge},
        ),
        Draft("customer", "查下余额", understanding={"intent": {"name": "query_balance"}}),
        Draft(
            "customer", "转人工",
            understanding={"intent": {"name": "request_human"}, "knowledge": unsure},
        ),
    )  # fmt: skip
    request = HandoffRequest.from_directive(
        {
            "request": "转人工", "hits": [NOISE],
            "tried": [{"summary": "查到上月账单", "figures": {"10月账单": "158.40元"}}],
        }
    )  # fmt: skip
    handoff = await room.service.open(conversation.id, request)
    await room.service.settle()
    assert handoff.request == "查下余额"
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert [(s["kind"], s["answer"]) for s in context["suggested_replies"]] == [
        ("knowledge", "每GB5元。"),
        ("data", "您当前的账户余额是56.30元。"),
        ("data", "为您查到：10月账单158.40元。"),
    ]


@pytest.mark.integration
async def test_the_dialogues_hits_count_when_the_last_words_ask_something(room: Room) -> None:
    conversation = await room.conversation("流量超出怎么收费，人工")
    request = HandoffRequest.from_directive({"hits": [OVERAGE]})
    handoff = await room.service.open(conversation.id, request)
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert [s["answer"] for s in context["suggested_replies"]] == ["每GB5元。"]
