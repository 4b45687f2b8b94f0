"""The context package: nothing said or shown may be missing from it."""

from __future__ import annotations

import pytest

from core.transcript import Draft
from handoff.context import SCHEMA_VERSION, ContextPackage, HandoffRequest, masked
from tests.handoff.conftest import ZHANG, Room, member

pytestmark = pytest.mark.integration

DIRECTIVE = {
    "name": "handoff", "trigger": "misses", "skill_group": "billing", "request": "上月话费为什么变多",
    "intent": "explain_bill", "slots": {"filled": {"月份": "2026-10"}, "missing": []},
    "entities": [{"entity": "month", "value": "上个月"}],
    "tried": [{"action": "action_explain_bill", "intent": "explain_bill", "at": "2026-11-23T02:00:00Z",
               "summary": "已对比账单", "figures": {"10月": "158.40", "9月": "134.00"}}],
    "knowledge_shown": [{"entry_id": "k1", "question": "套餐外流量怎么收费", "reaction": "unhelpful"}],
    "complaint_grade": None,
    "hits": [{"entry_id": "k1", "question": "套餐外流量怎么收费", "answer": "5元/GB", "score": 0.9}],
}  # fmt: skip


async def test_everything_of_the_design_is_there(room: Room) -> None:
    earlier = await room.conversation("我要改套餐", channel="wechat", customer_id="1")
    await room.transcript.append(earlier.id, Draft("bot", "好的，改成哪个？"))
    conversation = await room.conversation(
        customer_id="1", phone="13800000001", assurance=2, profile=ZHANG
    )
    mood = {"sentiment": {"label": "negative", "score": -0.6, "flags": ["dunning"]}}
    await room.transcript.append(
        conversation.id, Draft("customer", "我是13800000001，怎么又多扣了", understanding=mood)
    )
    handoff = await room.service.open(conversation.id, HandoffRequest.from_directive(DIRECTIVE))
    await room.service.settle()
    await room.service.accept(handoff.id, member("agent01"))
    await room.transcript.append(
        conversation.id, Draft("customer", "在吗？身份证11010119900101123X")
    )
    detail = await room.service.views.detail(handoff.id, member("agent01"))
    package = ContextPackage.model_validate(detail["context"])

    assert package.schema_version == SCHEMA_VERSION
    assert package.conversation.channels == ["web", "wechat"]
    assert (package.customer.plan, package.customer.tier) == ("5G畅享129元", "gold")
    assert package.why.trigger_text == "机器人连续未能解答"
    assert package.wants.slots.filled == {"月份": "2026-10"}
    assert package.tried[0].figures == {"10月": "158.40", "9月": "134.00"}
    assert package.mood.label == "negative"
    assert package.open_tickets[0]["id"] == "TT-1"
    assert package.suggested_replies[0]["answer"] == "5元/GB"
    assert "月份：2026-10" in package.no_need_to_ask
    assert package.summary is not None
    assert "158.40" in package.summary.tried
    assert [message["text"] for message in package.earlier[0].messages] == [
        "我要改套餐", "好的，改成哪个？",
    ]  # fmt: skip
    texts = [message["text"] for message in package.transcript]
    assert texts[0] == "我是138****0001，怎么又多扣了"
    assert texts[-1] == "在吗？身份证1101**********123X"
    assert "13800000001" not in str(detail)


async def test_a_hundred_turns_over_two_channels(room: Room) -> None:
    """Every message in order, every card, every slot, every figure; whatever the words are made of."""
    wechat = await room.conversation(channel="wechat", customer_id="1")
    web = await room.conversation(channel="web", customer_id="1", profile=ZHANG)
    said: dict[str, list[tuple[str, object]]] = {wechat.id: [], web.id: []}
    for turn in range(100):
        conversation = wechat if turn % 2 else web
        card = {"type": "bill", "month": "2026-10", "total": f"{turn}.40", "items": [
            {"name": f"项目{turn}", "amount": f"{turn}.15", "change": f"+{turn}.05"}]}  # fmt: skip
        label = {"label": ("calm", "unhappy", "angry")[turn % 3], "score": -turn / 100}
        words = f"第{turn}问<b>&{turn}'\"{{{{x}}}} 1{turn:03d} \u202e"
        await room.transcript.append(
            conversation.id,
            Draft("customer", words, understanding={"sentiment": label}),
            Draft("bot", f"第{turn}答：{turn}.40元", card=card if turn % 4 == 0 else None),
        )
        said[conversation.id] += [
            (words, None), (f"第{turn}答：{turn}.40元", card if turn % 4 == 0 else None),
        ]  # fmt: skip
    tried = [
        {
            "action": f"action_{i}", "intent": "query_bill", "at": f"2026-11-23T02:00:{i:02d}Z",
            "summary": f"查询{i}", "figures": {"金额": f"{i}.40", f"项目{i}": f"{i}.15元"},
        }
        for i in range(20)
    ]  # fmt: skip
    slots = {"filled": {f"字段{i}": f"值{i}" for i in range(30)}, "missing": ["日期", "地址"]}
    shown = [
        {"entry_id": f"k{i}", "question": f"知识{i}", "reaction": "unhelpful"} for i in range(9)
    ]
    entities = [{"entity": "month", "value": f"{i}月"} for i in range(1, 13)]
    request = HandoffRequest.from_directive(
        DIRECTIVE | {"tried": tried, "slots": slots, "knowledge_shown": shown, "entities": entities}
    )
    handoff = await room.service.open(web.id, request)
    await room.service.accept(handoff.id, member("agent01"))
    await room.service.message(handoff.id, member("agent01"), "您好")
    await room.service.note(handoff.id, member("agent01"), "备注也在")
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]

    here = [(m["text"], m.get("card")) for m in context["transcript"]]
    assert here[:100] == said[web.id]
    assert [text for text, _ in here[100:]][-2:] == ["您好", "备注也在"]
    assert [m["seq"] for m in context["transcript"]] == list(range(1, len(here) + 1))
    (earlier,) = context["earlier"]
    assert [(m["text"], m.get("card")) for m in earlier["messages"]] == said[wechat.id]
    assert earlier["channel"] == "wechat"
    assert context["conversation"]["channels"] == ["web", "wechat"]
    assert [step["figures"] for step in context["tried"]] == [step["figures"] for step in tried]
    assert context["wants"]["slots"] == slots
    assert context["wants"]["entities"] == entities
    assert [entry["entry_id"] for entry in context["knowledge_shown"]] == [
        f"k{i}" for i in range(9)
    ]
    assert len(context["mood"]["points"]) == 50
    known = "\n".join(context["no_need_to_ask"])
    assert all(f"字段{i}：值{i}" in known and f"{i}.15元" in known for i in range(20))


async def test_long_transcripts_are_whole(room: Room) -> None:
    conversation = await room.conversation()
    drafts = [Draft("customer", f"第{i}句") for i in range(1500)]
    await room.transcript.append(conversation.id, *drafts)
    handoff = await room.service.open(conversation.id, HandoffRequest())
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert len(context["transcript"]) == 1501
    missed = await room.service.views.missed(conversation.id, 10)
    assert [message["seq"] for message in missed] == list(range(11, 1502))


async def test_strangers_see_no_other_strangers(room: Room) -> None:
    await room.conversation("别人的话")
    mine = await room.conversation("我的话")
    handoff = await room.service.open(mine.id, HandoffRequest())
    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert context["earlier"] == []


async def test_a_silent_operator_leaves_facts_open(room: Room) -> None:
    room.operator.down = True
    handoff = await room.waiting(customer_id="1", profile=ZHANG)
    await room.service.settle()
    customer = (await room.service.views.detail(handoff.id, member("agent01")))["context"][
        "customer"
    ]
    assert (customer["name"], customer["facts_at"], customer["balance"]) == ("张伟", None, None)


def test_masking_reaches_every_depth() -> None:
    value = {"a": ["13800000001", {"b": ("x13900000002",)}], "n": 3, "z": None}
    assert masked(value) == {"a": ["138****0001", {"b": ["x139****0002"]}], "n": 3, "z": None}
