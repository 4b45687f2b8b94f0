"""Chatwoot as the desk, whole lives, over real HTTP against a stand-in that checks the documented shapes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.redis_keys import STAFF_CHANNEL
from core.staff import Staff
from handoff.context import HandoffRequest
from handoff.hours import ServiceHours
from handoff.models import Handoff
from handoff.states import State
from tests.handoff.conftest import member
from tests.handoff.integration.chatwoot_standin import TEAM, Chatwoot
from tests.handoff.integration.conftest import World

pytestmark = pytest.mark.integration


async def test_a_whole_life(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()

    ((number, conversation),) = chatwoot.conversations.items()
    (contact,) = chatwoot.contacts.values()
    assert (contact["identifier"], contact["name"]) == ("C001", "张伟")
    assert (conversation["status"], conversation["priority"], conversation["team_id"]) == (
        "open",
        "high",
        TEAM,
    )
    assert conversation["labels"] == ["畅答", "话费账务"]
    assert conversation["custom_attributes"]["plan"] == "5G畅享129元"
    summary, record = chatwoot.notes(number)
    for words in ("张伟", "金卡", "查上月话费为什么变多", "158.40元", "56.30元", "望京断网"):
        assert words in summary
    assert r"138\*\*\*\*0001" in summary
    assert "客户：话费怎么多了" in record
    assert chatwoot.said(number) == ["转人工"]
    assert "13800000001" not in str(chatwoot.conversations) + str(chatwoot.messages) + str(
        chatwoot.contacts
    )
    assert await world.state(handoff) == "waiting"
    assert (await world.room.lines(handoff))[-1].startswith(
        "好的，正在为您转接话费账务人工客服，请稍候。"
    )

    await world.says(handoff, "是10月的账单")
    await world.work()
    assert chatwoot.said(number) == ["转人工", "是10月的账单"]

    await chatwoot.reply(number, "**您好**，10月多了20元流量费。")
    await world.work()
    assert await world.state(handoff) == "active"
    assert await world.room.owner(handoff) == "human"
    assert (await world.room.lines(handoff))[-2:] == [
        "客服李雷已为您接入。之前的沟通内容我已经看到了，您不用重复说明。",
        "您好，10月多了20元流量费。",
    ]
    await chatwoot.reply(number, "客户情绪还好", private=True)
    await chatwoot.template(number, "How would you rate us?")
    await world.work()
    assert (await world.room.lines(handoff))[-1] == "您好，10月多了20元流量费。"

    await chatwoot.status(number, "resolved", agent=11)
    await world.work()
    assert await world.state(handoff) == "closed"
    assert await world.room.owner(handoff) == "bot"
    assert world.room.bot.returned == [handoff.conversation_id]
    last = (await world.room.transcript.messages(handoff.conversation_id))[-1]
    assert last.card == {"type": "rating", "handoff_id": handoff.id}
    await world.room.service.rate(handoff.conversation_id, 5, "很快")
    await world.work()
    assert chatwoot.notes(number)[-1] == "客户评价：5分（非常满意）\n客户留言：很快"
    assert (
        conversation["custom_attributes"] | {"changda_rating": 5}
        == conversation["custom_attributes"]
    )
    assert conversation["status"] == "resolved"
    assert chatwoot.complaints == []


async def test_our_own_people_are_not_asked(world: World, chatwoot: Chatwoot) -> None:
    service = world.room.service
    await service.presence.set_status("agent01", "online")
    handoff = await world.ask_for_a_person()
    await world.work()
    assert await service.line.match() == []
    assert await service.line.first(["billing"]) == []
    assert await service.accept_next(member("agent01")) is None
    assert await service.views.rows(member("agent01")) == []
    (row,) = await service.views.rows(member("supervisor01"))
    assert (row["handoff_id"], row["desk"]) == (handoff.id, "chatwoot")
    # An agent who gives no sign of life is not one of ours.
    number = next(iter(chatwoot.conversations))
    await chatwoot.reply(number, "您好")
    await world.work()
    assert await service.presence.lost(0) == ["agent01"]
    (row,) = await service.views.rows(member("supervisor01"))
    assert (row["agent_id"], row["agent_name"], row["owner_name"]) == (
        "chatwoot:11",
        "李雷",
        "李雷",
    )


async def test_the_customer_no_longer_wants_to_wait(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    await world.room.service.abandon(handoff.conversation_id)
    await world.work()
    (conversation,) = chatwoot.conversations.values()
    assert conversation["status"] == "resolved"
    assert chatwoot.notes(conversation["id"])[-1].startswith("客户已取消排队")
    await chatwoot.reply(conversation["id"], "您好？")
    await world.work()
    assert "这条消息没有发给客户：您好？" in chatwoot.notes(conversation["id"])[-1]
    assert "您好？" not in await world.room.lines(handoff)
    # The next wish is another conversation of the same contact.
    again = await world.room.service.open(
        handoff.conversation_id, HandoffRequest(skill_group="billing", request="还是查话费")
    )
    await world.room.service.settle()
    await world.work()
    assert again.id != handoff.id
    assert len(chatwoot.conversations) == 2
    assert len(chatwoot.contacts) == 1
    assert chatwoot.complaints == []


async def test_called_back_instead(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    await world.room.service.call_back(handoff.conversation_id)
    await world.work()
    (conversation,) = chatwoot.conversations.values()
    assert conversation["status"] == "open", "somebody must still call"
    assert "已登记回电（话费账务组）" in chatwoot.notes(conversation["id"])[-1]


async def test_a_colleague_takes_over_and_gives_back(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    number = next(iter(chatwoot.conversations))
    await chatwoot.reply(number, "我看一下")
    await chatwoot.reply(number, "我来处理", agent=12)
    await world.work()
    assert (await world.room.lines(handoff))[-3:] == [
        "我看一下",
        "客服韩梅梅已接手您的问题，之前的沟通都看到了，您不用重复说明。",
        "我来处理",
    ]
    assert (await world.room.service.get(handoff.id)).agent_id == "chatwoot:12"
    await chatwoot.status(number, "pending")
    await world.work()
    assert await world.state(handoff) == "returned"
    assert await world.room.owner(handoff) == "bot"


async def test_resolved_without_a_word(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    number = next(iter(chatwoot.conversations))
    chatwoot.conversations[number]["custom_attributes"]["changda_disposition"] = "ticket"
    await chatwoot.status(number, "resolved", agent=12)
    await world.work()
    ended = await world.room.service.get(handoff.id)
    assert (ended.state, ended.agent_id, ended.disposition) == (
        State.CLOSED,
        "chatwoot:12",
        "ticket",
    )


async def test_a_supervisor_fetches_the_customer_back(world: World, chatwoot: Chatwoot) -> None:
    service, boss = world.room.service, member("supervisor01")
    waiting = await world.ask_for_a_person()
    served = await world.ask_for_a_person(customer_id="C002")
    await world.work()
    first, second = chatwoot.conversations
    await chatwoot.reply(second, "您好")
    await world.work()
    await service.accept(waiting.id, boss)
    await service.supervising.take_over(served.id, boss)
    await world.work()
    for number, handoff in ((first, waiting), (second, served)):
        assert (await service.get(handoff.id)).desk == "own"
        assert chatwoot.conversations[number]["status"] == "resolved"
        assert chatwoot.notes(number)[-1].startswith("这位客户已由我方主管在畅答工作台接待")
    await chatwoot.reply(second, "还在吗")
    await world.work()
    assert "这位客户已由我方主管" in chatwoot.notes(second)[-1]
    assert "还在吗" not in await world.room.lines(served)


async def test_given_to_a_colleague_of_ours(world: World, chatwoot: Chatwoot) -> None:
    service, boss = world.room.service, member("supervisor01")
    handoff = await world.ask_for_a_person()
    await world.work()
    await service.presence.set_status("agent01", "online")
    await service.transfer(handoff.id, boss, agent_id="agent01")
    await world.work()
    (conversation,) = chatwoot.conversations.values()
    assert conversation["status"] == "resolved"
    taken = await service.accept_next(member("agent01"))
    assert taken is not None
    assert (taken.id, taken.desk) == (handoff.id, "own")


async def test_nobody_at_work(
    world: World, chatwoot: Chatwoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServiceHours, "open_at", lambda *_: False)
    handoff = await world.ask_for_a_person()
    await world.in_time()
    assert await world.state(handoff) == "closed"
    (conversation,) = chatwoot.conversations.values()
    assert conversation["status"] == "open"
    first, *_, last = chatwoot.notes(conversation["id"])
    assert "查上月话费为什么变多" in first
    assert "已登记回电" in last


async def test_promises_to_customers_of_an_outside_desk(
    world: World, chatwoot: Chatwoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our supervisors hear at once: nobody of that desk listens here."""
    handoff = await world.ask_for_a_person()
    await world.work()
    await chatwoot.reply(next(iter(chatwoot.conversations)), "您好")
    await world.work()
    async with world.room.database.transaction() as session:
        row = await session.get_one(Handoff, handoff.id)
        row.opened_at = row.accepted_at = now() - timedelta(minutes=61)
        row.escalate_at = None
    async with world.room.bus.listen(STAFF_CHANNEL) as heard:
        await world.room.service.escalate()
        async with asyncio.timeout(5):
            while (event := await heard.get())["type"] != "sla":
                pass
    assert (event["id"], event["level"]) == (handoff.id, 1)


async def test_to_another_group(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    number = next(iter(chatwoot.conversations))
    await chatwoot.reply(number, "您好")
    await world.work()
    boss = member("supervisor01")
    await world.room.service.transfer(handoff.id, boss, skill_group="technical")
    await world.work()
    assert chatwoot.notes(number)[-1].startswith("会话已转到“网络与宽带”组")
    assert (await world.room.lines(handoff))[-1].startswith("正在为您转接网络与宽带客服")
    assert await world.state(handoff) == "waiting"
    await chatwoot.reply(number, "我是网络组的", agent=12)
    await world.work()
    assert (await world.room.service.get(handoff.id)).agent_id == "chatwoot:12"


async def test_a_supervisor_joins(world: World, chatwoot: Chatwoot) -> None:
    handoff = await world.ask_for_a_person()
    await world.work()
    number = next(iter(chatwoot.conversations))
    await chatwoot.reply(number, "您好")
    await world.work()
    boss: Staff = member("supervisor01")
    await world.room.service.conference.join(handoff.id, boss)
    await world.room.service.message(handoff.id, boss, "我来补充一下")
    await world.work()
    assert chatwoot.notes(number)[-1] == f"我方{boss.display_name}对客户说：我来补充一下"


async def test_a_contact_that_chatwoot_knows_already(world: World, chatwoot: Chatwoot) -> None:
    chatwoot.contacts[5] = {
        "id": 5, "name": "老客户", "identifier": "C001", "custom_attributes": {}, "inboxes": {},
    }  # fmt: skip
    await world.ask_for_a_person()
    await world.work()
    (conversation,) = chatwoot.conversations.values()
    assert conversation["contact_id"] == 5
    assert len(chatwoot.contacts) == 1
    assert chatwoot.complaints == []


async def test_the_figures_come_late(world: World, chatwoot: Chatwoot) -> None:
    world.room.operator.down = True
    handoff = await world.ask_for_a_person()
    await world.work()
    assert chatwoot.conversations == {}, "it waits a moment for them"
    await world.in_time()
    number = next(iter(chatwoot.conversations))
    assert "56.30" not in chatwoot.notes(number)[0]
    world.room.operator.down = False
    world.room.service.ask_facts(await world.room.service.get(handoff.id))
    await world.room.service.settle()
    await world.work()
    assert "余额：56.30元" in chatwoot.notes(number)[-1]
