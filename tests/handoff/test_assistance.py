"""The silent bot: it offers, it never speaks, and the desk works without it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from core.events import LiveBus
from core.redis_keys import backstage_channel
from core.transcript import Draft, Message
from handoff import assistance
from handoff.assistance import Assistance, Insight
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration
BALANCE = Insight(
    understanding={
        "intent": {"name": "query_balance"}, "sentiment": {"label": "unhappy", "score": -0.4},
    },
    wants="查询话费余额", missing=["充值金额"], figures={"余额": "56.30元"},
    hits=[{"entry_id": "k1", "question": "怎么查余额", "answer": "发短信查。", "score": 0.8}],
)  # fmt: skip


@dataclass
class Helper:
    """An assistant that answers, hangs or fails."""

    answer: Insight = BALANCE
    hangs: bool = False
    fails: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def insight(self, text: str, customer_id: str | None) -> Insight:
        self.asked.append((text, customer_id))
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise ConnectionError("the dialogue does not answer")
        return self.answer

    async def rendered(self, texts: Sequence[str]) -> list[str]:
        if self.fails:
            raise ConnectionError("the operator does not answer")
        return [text.replace("${rate.data_overage}", "5") for text in texts]


@pytest.fixture
def helper() -> Helper:
    return Helper()


@pytest.fixture
def helped(room: Room, helper: Helper, bus: LiveBus) -> Assistance:
    helping = room.service._assistance
    helping._assistant = helper
    return helping


async def said(room: Room, conversation_id: str, text: str) -> Message:
    (message,) = await room.transcript.append(conversation_id, Draft("customer", text))
    return message


async def test_the_agent_is_offered_answer_slot_and_data(
    room: Room, helped: Assistance, helper: Helper
) -> None:
    handoff = await room.active()
    before = await room.lines(handoff)
    async with room.bus.listen(backstage_channel(handoff.conversation_id)) as events:
        await asyncio.sleep(0.05)
        message = await said(room, handoff.conversation_id, "我还有多少话费")
        helped.listen(message, "8600001")
        event = await asyncio.wait_for(events.get(), 2)
    assert helper.asked == [("我还有多少话费", "8600001")]
    offered = event["understanding"]["assist"]
    assert (event["type"], event["seq"]) == ("assist", message.seq)
    assert offered["missing"] == ["充值金额"]
    assert offered["figures"] == {"余额": "56.30元"}
    assert await room.lines(handoff) == [*before, "我还有多少话费"], "it says nothing itself"

    context = (await room.service.views.detail(handoff.id, member("agent01")))["context"]
    assert context["mood"]["label"] == "negative", "the mood goes on being watched"
    answers = [offer["answer"] for offer in context["suggested_replies"]]
    assert answers == ["为您查到：余额56.30元。", "发短信查。"]
    assert context["suggested_replies"][0]["for"] == "我还有多少话费"


@pytest.mark.parametrize("trouble", ["hangs", "fails"])
async def test_a_bot_that_is_down_is_only_missed(
    room: Room, helped: Assistance, helper: Helper, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistance, "TIMEOUT_S", 0.1)
    setattr(helper, trouble, True)
    handoff = await room.active()
    message = await said(room, handoff.conversation_id, "在吗")
    helped.listen(message, None)
    await asyncio.wait_for(helped.settle(), 2)
    (stored,) = await room.transcript.with_ids([message.id])
    assert stored.understanding is None
    await room.service.message(handoff.id, member("agent01"), "在的")


async def test_nobody_waits_for_long_queues_or_long_texts(
    room: Room, helped: Assistance, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistance, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(assistance, "_WAITING", 3)
    helper.hangs = True
    conversation = await room.conversation()
    for text in (" ", "字" * 501, *"一二三四五"):
        helped.listen(await said(room, conversation.id, text or " "), None)
    assert len(helped._tasks) == 3
    await helped.settle()
    assert [text for text, _ in helper.asked] == ["一", "二", "三"]


async def test_templates_are_filled_or_left_out(helped: Assistance, helper: Helper) -> None:
    hits = [
        {"entry_id": "a", "answer": "超出每GB${rate.data_overage}元"},
        {"entry_id": "b", "answer": "没有数字"},
        {"entry_id": "c", "answer": "价格${offer.gone.price}元"},
    ]
    done = await helped.finish(hits)
    assert [hit["answer"] for hit in done] == ["超出每GB5元", "没有数字"]
    helper.fails = True
    assert [hit["answer"] for hit in await helped.finish(hits)] == ["没有数字"]
    assert hits[0]["answer"] == "超出每GB${rate.data_overage}元"


async def test_the_lists_show_the_mood_of_the_latest_words(helped: Assistance, room: Room) -> None:
    handoff = await room.active("agent01")
    helped.listen(await said(room, handoff.conversation_id, "还没好？"), None)
    await helped.settle()
    (row,) = await room.service.views.rows(member("agent01"))
    assert (row["mood"], row["mood_text"]) == ("negative", "不满")
