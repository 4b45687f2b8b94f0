"""微信客服, end to end: the log, the cursor, fixed ids, welcomes and session states."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from bot.channels.standin.wecom import BOT, ENDED, NEW, STAFF
from bot.channels.wecom.log_reader import Cursor
from bot.gateway.wecom_api import ENDED as ENDED_WORDS
from bot.gateway.wecom_api import TAKEN
from bot.identity.models import Known
from core.outbox import Delivery
from core.transcript import Draft
from tests.bot.channels.conftest import World

pytestmark = pytest.mark.integration
WANG = "wmWang0000000000000000000000001"
SEND = "/cgi-bin/kf/send_msg"


def account(world: World) -> str:
    return f"{world.wecom.open_kfid}/{WANG}"


async def agent_says(world: World, text: str) -> None:
    conversation = await world.services.identities.conversation_of("wecom", account(world))
    draft = Draft("agent", text, agent_id="a1", agent_name="小李")
    await world.services.transcript.append(conversation.id, draft)


async def staff_lines(world: World) -> list[str]:
    return [
        m.text for m in await world.transcript("wecom", account(world)) if m.audience == "staff"
    ]


async def test_welcome_question_and_answer(world: World) -> None:
    await world.wecom.enter(WANG)
    person = world.wecom.people[WANG]
    await world.until(lambda: person.texts())
    assert person.seen[-1]["via"] == "welcome"
    assert person.seen[-1]["menu"][0]["content"] == "查话费"
    answer = await world.wecom.say(WANG, "查话费")
    assert (answer.status, answer.body) == (200, "success")
    await world.until(lambda: "答：查话费" in person.texts())
    assert person.said.left == 4
    await world.wecom.enter(WANG)
    await asyncio.sleep(0.3)
    assert len(person.texts()) == 2


@pytest.mark.parametrize("slow", ["we", "they"])
async def test_the_welcome_comes_before_the_answer_and_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """A quick customer writes while the welcome is on its way."""
    outbox = world.services.channels.wecom.outbox
    carry = outbox.carry

    async def later(*values: Any) -> Any:
        await asyncio.sleep(0.8)
        return await carry(*values)

    if slow == "we":
        monkeypatch.setattr(outbox, "carry", later)
    else:
        world.wecom.faults.delays["/cgi-bin/kf/send_msg_on_event"] = [0.8]
    await world.wecom.enter(WANG)
    await world.wecom.say(WANG, "你好")
    person = world.wecom.people[WANG]
    await world.until(lambda: len(person.texts()) == 2)
    assert "智能客服小畅" in person.texts()[0]
    assert person.texts()[1] == "答：你好"
    assert [line["via"] for line in person.seen if line["by"] == "service"] == ["welcome", "api"]
    said = [m.sender for m in await world.transcript("wecom", account(world))]
    assert said == ["bot", "customer", "bot"]


async def test_messages_of_two_callbacks_are_answered_in_order(world: World) -> None:
    await world.wecom.enter(WANG)
    await asyncio.gather(*(world.wecom.say(WANG, f"问{number}") for number in range(4)))
    await world.until(lambda: len(world.dialogue.asked) == 4)
    asked = [line["text"] for line in world.wecom.people[WANG].seen if line["by"] == "me"]
    assert [body["text"] for body in world.dialogue.asked] == asked


async def test_a_welcome_that_fails_waits_for_the_first_message(world: World) -> None:
    world.wecom.faults.errcodes["/cgi-bin/kf/send_msg_on_event"] = [40058]
    await world.wecom.enter(WANG)
    await asyncio.sleep(0.5)
    person = world.wecom.people[WANG]
    assert person.texts() == []
    await world.wecom.say(WANG, "你好")
    await world.until(lambda: any("答：你好" in text for text in person.texts()))
    assert "智能客服小畅" in "".join(person.texts())


async def test_short_pages_are_read_to_the_end_and_each_item_once(world: World) -> None:
    world.wecom.page = 2
    await world.wecom.enter(WANG)
    person = world.wecom.people[WANG]
    person.state = BOT
    for number in range(5):
        person.see("me", str(number))
        world.wecom._write(
            person, {"msgtype": "text", "text": {"content": f"问{number}"}, "origin": 3}
        )
    person.said.grant((5, 9999), world.clock.now())
    await world.wecom._hint()
    await world.until(lambda: len(world.dialogue.asked) == 5)
    await world.wecom._hint()
    await asyncio.sleep(0.4)
    assert [body["text"] for body in world.dialogue.asked] == [f"问{n}" for n in range(5)]
    async with world.services.database.reading() as session:
        cursor = (await session.execute(select(Cursor.cursor))).scalar_one()
    assert cursor == "cursor_6"


async def test_a_log_read_again_from_the_start_asks_nothing_twice(world: World) -> None:
    await world.wecom.enter(WANG)
    await world.wecom.say(WANG, "查话费")
    await world.until(lambda: len(world.dialogue.asked) == 1)
    await world.services.channels.settle()
    reader = world.services.channels.wecom.reader
    await reader._keep(world.wecom.open_kfid, "cursor_0")
    await reader.read(world.wecom.open_kfid)
    await world.services.channels.settle()
    assert len(world.dialogue.asked) == 1
    await asyncio.sleep(0.4)
    assert len(world.wecom.people[WANG].texts()) == 2


async def test_a_lost_answer_is_repeated_under_the_same_id(world: World) -> None:
    await world.wecom.enter(WANG)
    await world.wecom.say(WANG, "你好")
    person = world.wecom.people[WANG]
    await world.until(lambda: "答：你好" in person.texts())
    world.wecom.faults.after[SEND] = [500]
    await agent_says(world, "我是小李。")
    await asyncio.sleep(2)
    assert sum("我是小李" in text for text in person.texts()) == 1
    async with world.services.database.reading() as session:
        rows = await session.execute(select(Delivery.state).order_by(Delivery.id))
    assert set(rows.scalars()) == {"sent"}


async def test_a_new_session_is_taken_and_a_colleague_s_is_left_alone(world: World) -> None:
    await world.wecom.enter(WANG)
    await world.wecom.say(WANG, "你好")
    person = world.wecom.people[WANG]
    await world.until(lambda: "答：你好" in person.texts())
    person.state = STAFF
    await agent_says(world, "我是小李。")
    for _ in range(100):
        if await staff_lines(world):
            break
        await asyncio.sleep(0.05)
    (line,) = await staff_lines(world)
    assert line.startswith("会话已结束，或在企业微信客户端里由同事接待")
    person.state = ENDED
    await world.wecom.say(WANG, "在吗")
    await world.until(lambda: any("我是小李" in text for text in person.texts()))
    assert person.state == NEW


async def test_while_a_colleague_serves_in_wecom_the_bot_is_silent(world: World) -> None:
    await world.wecom.enter(WANG)
    await world.wecom.take(WANG)
    await world.wecom.colleague_says(WANG, "我是小赵，马上帮您看。")
    await world.wecom.say(WANG, "宽带坏了")
    await world.wecom.end(WANG)
    await world.wecom.say(WANG, "查话费")
    person = world.wecom.people[WANG]
    await world.until(lambda: "答：查话费" in "".join(person.texts()))
    assert [body["text"] for body in world.dialogue.asked] == ["查话费"]
    said = [m.text for m in await world.transcript("wecom", account(world)) if m.sender != "bot"]
    assert said == [
        TAKEN,
        "同事在企业微信里对客户说：我是小赵，马上帮您看。",
        "宽带坏了",
        ENDED_WORDS,
        "查话费",
    ]
    assert person.texts().count("我是小赵，马上帮您看。") == 1


async def test_a_cursor_that_is_lost_or_refused_asks_nothing_twice(world: World) -> None:
    """Also what was said before the account was unbound, and so lies in another conversation."""
    await world.wecom.enter(WANG)
    await world.services.identities.bind("wecom", account(world), Known("C1", "13800000001"))
    await world.wecom.say(WANG, "查话费")
    await world.wecom.say(WANG, "解除绑定")
    person = world.wecom.people[WANG]
    await world.until(lambda: any("已经解除绑定" in text for text in person.texts()))
    await world.services.channels.settle()
    seen, reader = len(person.texts()), world.services.channels.wecom.reader
    for cursor in ("cursor_0", "not-a-cursor"):
        await reader._keep(world.wecom.open_kfid, cursor)
        await reader.read(world.wecom.open_kfid, "an-old-token")
        await world.services.channels.settle()
        async with world.services.database.reading() as session:
            kept = (await session.execute(select(Cursor.cursor))).scalar_one()
        assert kept == f"cursor_{len(world.wecom.log)}"
    assert (len(world.dialogue.asked), len(person.texts())) == (1, seen)


async def test_a_message_that_bounced_is_told_to_the_agent(world: World) -> None:
    await world.wecom.enter(WANG)
    await world.wecom.say(WANG, "你好")
    await world.until(lambda: world.wecom.sent)
    await world.services.channels.settle()
    await world.wecom.bounce(next(iter(world.wecom.sent)), 10)
    for _ in range(100):
        if await staff_lines(world):
            break
        await asyncio.sleep(0.05)
    assert await staff_lines(world) == ["有1条消息没有送达客户：客户拒收消息。"]
    await world.wecom.recall(WANG)
    for _ in range(100):
        if len(await staff_lines(world)) == 2:
            break
        await asyncio.sleep(0.05)
    assert (await staff_lines(world))[1] == "客户撤回了一条消息。"


async def test_media_and_unknown_kinds(world: World) -> None:
    await world.wecom.enter(WANG)
    person = world.wecom.people[WANG]
    await world.wecom.message(WANG, "image", {"media_id": "m1"})
    await world.until(lambda: any("看不懂图片" in text for text in person.texts()))
    await world.wecom.message(WANG, "channels_shop_order", {"order_id": "1"})
    await world.until(lambda: any("这种消息" in text for text in person.texts()))
    assert world.dialogue.asked == []
