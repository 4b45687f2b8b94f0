"""The official account, end to end: the real app, the stand-in's WeChat, HTTP between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot.channels.standin.wechat import OUT_OF_ORDER
from bot.identity.models import Known
from core.outbox import Delivery
from core.transcript import Draft
from handoff.context import HandoffRequest
from tests.bot.channels.conftest import World

pytestmark = pytest.mark.integration
LI = "oLiNa000000000000000000000001"


async def states(world: World) -> list[tuple[str, str | None]]:
    async with world.services.database.reading() as session:
        rows = await session.execute(select(Delivery.state, Delivery.receipt).order_by(Delivery.id))
        return [(state, receipt) for state, receipt in rows]


async def agent_says(world: World, *texts: str, account: str = LI) -> str:
    """A person's words, as the desk stores them."""
    conversation = await world.services.identities.conversation_of("wechat", account)
    drafts = [Draft("agent", text, agent_id="a1", agent_name="小李") for text in texts]
    for draft in drafts:
        await world.services.transcript.append(conversation.id, draft)
    return conversation.id


@pytest.mark.parametrize("encrypted", [True, False])
async def test_the_url_check_and_a_question(world: World, encrypted: bool) -> None:
    checked = await world.wechat.pusher.check_url("echo-4711")
    assert (checked.status, checked.body) == (200, "echo-4711")
    await world.wechat.follow(LI)
    answer = await world.wechat.say(LI, "查话费")
    assert answer.status == 200
    person = world.wechat.people[LI]
    welcome, reply = person.texts()
    assert "智能客服小畅" in welcome
    assert "1. 查话费" in welcome
    assert reply == "答：查话费"
    assert all(line["via"] == "passive" for line in person.seen if line["by"] == "service")
    assert person.said.left == 5


async def test_a_number_picks_a_choice(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "「2」")
    await world.wechat.say(LI, "2")
    assert [body["text"] for body in world.dialogue.asked] == ["查流量", "2"]


async def test_a_late_answer_comes_by_the_api(
    world: World, slowly: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.wechat.follow(LI)
    monkeypatch.setattr(world.services.channels.wechat, "reply_s", 0.5)
    slowly(1.0)
    answer = await world.wechat.say(LI, "查话费")
    assert (answer.status, answer.body) == (200, "success")
    person = world.wechat.people[LI]
    assert await world.wechat.wait_typing(LI)
    await world.until(lambda: "答：查话费" in person.texts())
    assert person.seen[-1]["via"] == "api"
    assert OUT_OF_ORDER not in person.texts("platform")
    assert len(world.dialogue.asked) == 1


async def test_retries_run_the_dialogue_once_and_are_answered(
    world: World, slowly: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform hangs up and asks again; the repetition gets the first one's answer."""
    await world.wechat.follow(LI)
    slowly(0.8)
    monkeypatch.setattr(world.wechat.pusher, "patience_s", 0.5)
    await world.wechat.say(LI, "查话费")
    person = world.wechat.people[LI]
    await world.until(lambda: "答：查话费" in person.texts())
    await asyncio.sleep(0.7)
    assert person.texts().count("答：查话费") == 1
    assert len(world.dialogue.asked) == 1
    assert [m.sender for m in await world.transcript("wechat", LI)] == ["bot", "customer", "bot"]


async def test_the_same_push_again_changes_nothing(world: World) -> None:
    await world.wechat.follow(LI)
    account = world.wechat
    fields = account._fields(account.people[LI], "text") | account._id() | {"Content": "查话费"}
    first = await account.pusher.push(fields)
    again = await account.pusher.push(fields)
    opened = [account.pusher.opened(answer) for answer in (first, again)]
    assert [message["Content"] for message in opened if message] == ["答：查话费"] * 2
    assert len(world.dialogue.asked) == 1


async def test_a_repetition_allows_nothing_new_and_takes_no_choices_away(world: World) -> None:
    account, contacts = world.wechat, world.services.channels.reception._contacts
    buttons = [{"title": "查流量", "payload": "还剩多少流量"}]
    world.dialogue.answer = lambda _: {"replies": [{"text": "要办什么？", "buttons": buttons}]}
    await account.follow(LI)
    fields = account._fields(account.people[LI], "text") | account._id() | {"Content": "你好"}
    await account.pusher.push(fields)
    await contacts.spend("wechat", LI)
    before = await contacts.get("wechat", LI)
    await account.pusher.push(fields)
    after = await contacts.get("wechat", LI)
    assert (after.said_left, after.acted_left) == (before.said_left, before.acted_left)
    assert after.choices == buttons


async def test_a_repetition_of_unbinding_unbinds_once(world: World) -> None:
    known = {"customer_id": "C1", "phone": "13800000001", "customer_name": "张伟"}
    account = world.wechat
    await account.follow(LI)
    world.dialogue.answer = lambda _: {
        "replies": [{"text": "验证通过。"}], "directives": [{"name": "verified", **known}],
    }  # fmt: skip
    await account.say(LI, "246810")
    fields = account._fields(account.people[LI], "text") | account._id() | {"Content": "解除绑定"}
    for _ in range(2):
        opened = account.pusher.opened(await account.pusher.push(fields))
        assert opened is not None
        assert "已经解除绑定" in opened["Content"]
    fresh = await world.services.identities.conversation_of("wechat", LI)
    assert await world.services.transcript.messages(fresh.id) == []


async def test_an_answer_that_is_ready_too_late_to_be_told_goes_by_the_api(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is done in time, but taking what to say out of the outbox is not."""
    desk = world.services.channels.wechat
    await world.wechat.follow(LI)
    carry = desk.outbox.carry

    async def slow(*values: Any) -> Any:
        carried = await carry(*values)
        await asyncio.sleep(1.5)
        return carried

    monkeypatch.setattr(desk.outbox, "carry", slow)
    monkeypatch.setattr(desk, "reply_s", 1.0)
    answer = await world.wechat.say(LI, "查话费")
    assert answer.body == "success"
    assert answer.seconds < 2
    person = world.wechat.people[LI]
    await world.until(lambda: "答：查话费" in person.texts())
    await asyncio.sleep(0.5)
    assert person.texts().count("答：查话费") == 1
    assert person.seen[-1]["via"] == "api"


async def test_a_process_that_runs_late_answers_earlier(
    world: World, slowly: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.wechat.follow(LI)
    slowly(2.5)
    desk = world.services.channels.wechat
    monkeypatch.setattr(desk, "reply_s", 3.5)
    monkeypatch.setattr(desk.pulse, "lag_s", lambda steps: 0.35 * steps)
    answer = await world.wechat.say(LI, "查话费")
    assert answer.body == "success"
    assert answer.seconds < 2.4
    await world.until(lambda: "答：查话费" in world.wechat.people[LI].texts())


async def test_long_answers_are_cut_by_bytes_at_sentence_ends(world: World) -> None:
    sentence = "畅享套餐每月三十九元，含二十吉字节国内流量和一百分钟国内通话。"
    world.dialogue.answer = lambda _: {"replies": [{"text": sentence * 40}]}
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "介绍套餐")
    person = world.wechat.people[LI]
    await world.until(lambda: "".join(person.texts()[1:]).count("畅享") == 40)
    parts = person.texts()[1:]
    assert len(parts) == 2
    assert all(len(part.encode()) <= 2048 and part.endswith("。") for part in parts)


async def test_buttons_by_the_api_are_a_menu_and_a_tap_says_its_words(
    world: World, slowly: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    buttons = [
        {"title": "查话费", "payload": "查话费余额"},
        {"title": "转人工", "payload": "转人工"},
    ]
    world.dialogue.answer = lambda _: {"replies": [{"text": "要办什么？", "buttons": buttons}]}
    await world.wechat.follow(LI)
    monkeypatch.setattr(world.services.channels.wechat, "reply_s", 0.2)
    slowly(0.4)
    await world.wechat.say(LI, "你好")
    person = world.wechat.people[LI]
    await world.until(lambda: person.seen[-1].get("menu") and "要办什么？" in person.texts())
    await world.wechat.tap(LI, 1)
    await world.until(lambda: len(world.dialogue.asked) == 2)
    assert world.dialogue.asked[1]["text"] == "查话费余额"


async def test_the_quota_is_kept_and_the_rest_waits_for_the_customer(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    person = world.wechat.people[LI]
    world.clock.ahead = 0
    person.acted.until = 0
    await world.services.channels.reception._contacts.change("wechat", LI, acted_left=0)
    for number in range(1, 8):
        await agent_says(world, f"第{number}句")
        if number < 6:
            await world.until(lambda n=number: any(f"第{n}句" in t for t in person.texts()))
    await asyncio.sleep(0.5)
    sent = [line["text"] for line in person.seen if line.get("via") == "api"]
    assert len(sent) == 5
    assert "请随便回复一句" in sent[-1]
    assert not any("第6句" in text for text in sent)
    lines = [m for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert [line.text for line in lines] == [
        "发给客户的条数已到平台上限，下面的话会在客户回复后自动送达。"
    ]
    await world.wechat.say(LI, "好的")
    last = person.texts()[-1]
    assert last.index("第6句") < last.index("第7句") < last.index("答：好的")


async def test_outside_the_window_the_agent_is_told(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    world.clock.ahead = 49 * 3600
    world.wechat.tokens.clear()
    await agent_says(world, "您的故障修好了。")
    await world.until(lambda: world.wechat.fetched >= 1)
    for _ in range(100):
        lines = [m for m in await world.transcript("wechat", LI) if m.audience == "staff"]
        if lines:
            break
        await asyncio.sleep(0.05)
    assert "没有送达客户" in lines[0].text
    assert not any("修好了" in text for text in world.wechat.people[LI].texts())


async def test_unfollowing_ends_what_was_waiting(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    await world.wechat.unfollow(LI)
    await agent_says(world, "还在吗？")
    for _ in range(100):
        found = await states(world)
        if found[-1][0] == "failed":
            break
        await asyncio.sleep(0.05)
    assert found[-1][0] == "failed"
    lines = [m.text for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert lines == ["有1条消息没有送达客户：客户已取消关注。"]


@pytest.mark.parametrize("trouble", ["errcodes", "statuses"])
async def test_what_fails_is_tried_again_in_order(world: World, trouble: str) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    path = "/cgi-bin/message/custom/send"
    getattr(world.wechat.faults, trouble)[path] = [-1] if trouble == "errcodes" else [500]
    await agent_says(world, "第一句")
    await asyncio.sleep(0.3)
    await agent_says(world, "第二句")
    person = world.wechat.people[LI]
    await world.until(lambda: any("第二句" in text for text in person.texts()))
    text = "".join(person.texts())
    assert text.index("第一句") < text.index("第二句")
    assert text.count("第一句") == text.count("第二句") == 1


@pytest.mark.parametrize(
    ("code", "state", "calls", "told"),
    [
        (45015, "failed", 1, "没有送达客户：客户超过48小时没有说话，或已取消关注"),
        (45047, "held", 1, "会在客户回复后自动送达"), (43004, "failed", 1, "没有关注或拒收"),
        (48002, "failed", 1, "没有关注或拒收"), (48001, "failed", 1, "没有客服消息接口的权限"),
        (40003, "failed", 1, "平台拒收（40003）"), (45009, "pending", 1, ""), (45011, "pending", 1, ""),
        (-1, "pending", 1, ""), (45002, "sent", 3, ""), (42001, "sent", 2, ""), (40001, "sent", 2, ""),
        (40014, "sent", 2, ""),
    ],
)  # fmt: skip
async def test_every_refusal_is_understood(
    world: World, code: int, state: str, calls: int, told: str
) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    await agent_says(world, "先说一句")
    await world.until(lambda: any("先说" in t for t in world.wechat.people[LI].texts()))
    await world.services.channels.settle()
    path = "/cgi-bin/message/custom/send"
    ordered = world.wechat.faults.errcodes[path] = [code]
    asked: list[str] = []
    calling = world.wechat.custom_send
    world.wechat.custom_send = lambda raw: asked.append("") or calling(raw)  # type: ignore[method-assign]
    await agent_says(world, "话。" * 200)
    await world.until(lambda: not ordered)
    await world.services.channels.settle()
    assert (await states(world))[-1][0] == state
    lines = [m.text for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert (told in lines[-1]) if told else lines == []
    assert 1 + len(asked) == calls


async def test_a_reminder_that_did_not_arrive_is_told(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    account, person = world.wechat, world.wechat.people[LI]
    event = account._fields(person, "event")
    for status in ("success", "failed:user block"):
        done = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": 1, "Status": status}
        await account._push(person, event | done)
    lines = [m.text for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert lines == ["提醒消息没有送达客户（failed:user block）。"]


async def test_a_revoked_token_is_fetched_once_more(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    await agent_says(world, "一")
    person = world.wechat.people[LI]
    await world.until(lambda: len(person.texts()) == 3)
    fetched = world.wechat.fetched
    world.wechat.tokens.clear()
    await agent_says(world, "二")
    await world.until(lambda: len(person.texts()) == 4)
    assert world.wechat.fetched == fetched + 1


@pytest.mark.parametrize("kind", ["subscription", "template"])
async def test_a_reminder_outside_the_window_brings_the_customer_back(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """By a subscription message that the customer accepted, or by a template message; once."""
    adapter = world.services.channels.adapters[0]
    changed = world.services.settings.model_copy(update={f"wechat_{kind}": "tmpl-1"})
    monkeypatch.setattr(adapter, "_settings", changed)
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    if kind == "subscription":
        await world.wechat.consent(LI, "tmpl-1")
    contacts = world.services.channels.reception._contacts
    await contacts.change("wechat", LI, said_until=None, acted_until=None)
    world.clock.ahead = 49 * 3600
    await agent_says(world, "您的故障修好了。")
    await world.until(lambda: world.wechat.reminders)
    await agent_says(world, "可以试试了。")
    await asyncio.sleep(0.5)
    (reminder,) = world.wechat.reminders
    assert (reminder["touser"], reminder["template_id"]) == (LI, "tmpl-1")
    assert reminder["data"]["thing1"] == {"value": "您有一条新的客服回复"}
    lines = [m.text for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert lines[0] == "客户超过48小时没有说话，已发提醒消息，下面的话会在客户回复后自动送达。"
    contact = await contacts.get("wechat", LI)
    assert contact.consents == []
    world.clock.ahead = 0
    await world.wechat.say(LI, "什么事")
    assert "修好了" in world.wechat.people[LI].texts()[-1]
    assert "试试了" in world.wechat.people[LI].texts()[-1]


async def test_voice_is_heard_or_asked_again(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "voice", MediaId="m1", Format="amr", Recognition="查一下话费。")
    assert world.dialogue.asked[-1]["text"] == "查一下话费"
    await world.wechat.message(LI, "voice", MediaId="m2", Format="amr")
    assert "没有听清" in world.wechat.people[LI].texts()[-1]
    assert len(world.dialogue.asked) == 1


async def test_images_and_places_reach_the_agent(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "image", PicUrl="http://mmbiz.qpic.cn/a.jpg", MediaId="m1")
    await world.wechat.message(
        LI, "location", Location_X=39.99, Location_Y=116.47, Scale=15, Label="望京街道"
    )
    image, place = [m for m in await world.transcript("wechat", LI) if m.sender == "customer"]
    assert image.card["url"] == "http://mmbiz.qpic.cn/a.jpg"
    assert place.text == "[位置] 望京街道"
    assert (place.card["latitude"], place.card["longitude"]) == (39.99, 116.47)
    assert world.dialogue.asked == []


async def test_kinds_nobody_knows_are_answered_politely(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "hologram", Data="x")
    assert "还看不懂" in world.wechat.people[LI].texts()[-1]
    for event in ("VIEW", "LOCATION", "kf_create_session", "templatesendjobfinish", "brand_new"):
        await world.wechat._event(world.wechat.people[LI], event, "")
    assert world.wechat.people[LI].texts("platform") == []


async def test_menus_and_scans(world: World) -> None:
    await world.wechat.follow(LI, scene="store-17")
    await world.wechat.click(LI, "查话费余额")
    assert world.dialogue.asked[-1]["text"] == "查话费余额"
    await world.wechat.scan(LI, "poster-3")
    assert "扫码成功" in world.wechat.people[LI].texts()[-1]
    contact = await world.services.channels.reception._contacts.get("wechat", LI)
    assert contact.scene == "poster-3"
    lines = [m.text for m in await world.transcript("wechat", LI) if m.audience == "staff"]
    assert lines == ["客户扫描二维码进来（store-17）。", "客户扫描二维码进来（poster-3）。"]


async def test_binding_and_unbinding(world: World) -> None:
    known = {"customer_id": "C1", "phone": "13800000001", "customer_name": "张伟"}
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "绑定手机号")
    assert world.dialogue.asked[-1]["text"] == "查话费余额"
    world.dialogue.answer = lambda _: {
        "replies": [{"text": "验证通过，张伟您好。"}], "directives": [{"name": "verified", **known}],
    }  # fmt: skip
    await world.wechat.say(LI, "246810")
    account = await world.services.identities.find("wechat", LI)
    assert (account.phone, account.assurance) == ("13800000001", 2)
    world.dialogue.answer = lambda text: {"replies": [{"text": f"答：{text}"}]}
    await world.wechat.say(LI, "查话费")
    assert world.dialogue.asked[-1]["metadata"]["customer"]["phone"] == "13800000001"
    await world.wechat.say(LI, "绑定")
    assert "已经绑定138****0001" in world.wechat.people[LI].texts()[-1]
    await world.wechat.say(LI, "解除绑定")
    assert "已经解除绑定" in world.wechat.people[LI].texts()[-1]
    await world.wechat.say(LI, "查话费")
    assert world.dialogue.asked[-1]["metadata"]["customer"]["assurance"] == 0
    await world.wechat.say(LI, "解绑")
    assert "还没有绑定" in world.wechat.people[LI].texts()[-1]


async def test_several_numbers_of_one_account(world: World) -> None:
    def proves(customer: str, phone: str) -> None:
        directive = {"name": "verified", "customer_id": customer, "phone": phone}
        world.dialogue.answer = lambda _: {
            "replies": [{"text": "验证通过。"}], "directives": [directive],
        }  # fmt: skip

    async def asked_as() -> tuple[str | None, int]:
        world.dialogue.answer = lambda text: {"replies": [{"text": f"答：{text}"}]}
        await world.wechat.say(LI, "查流量")
        known = world.dialogue.asked[-1]["metadata"]["customer"]
        return known.get("phone"), known["assurance"]

    person = world.wechat.people
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "绑定13800000001")
    assert world.dialogue.asked[-1]["text"] == "查一下13800000001的话费余额"
    proves("C1", "13800000001")
    await world.wechat.say(LI, "246810")
    first = await world.services.identities.conversation_of("wechat", LI)
    assert await asked_as() == ("13800000001", 2)
    await world.wechat.say(LI, "绑定13900000009")
    # What was proved of the first number must not answer for the second.
    assert first.id in world.dialogue.forgotten
    assert world.dialogue.asked[-1]["metadata"]["customer"]["assurance"] == 1
    proves("C1", "13900000009")
    await world.wechat.say(LI, "246810")
    assert await asked_as() == ("13900000009", 2)
    await world.wechat.say(LI, "切换号码")
    assert "现在用的是139****0009" in person[LI].texts()[-1]
    await world.wechat.say(LI, "1")
    assert "现在换成138****0001" in person[LI].texts()[-1]
    assert await asked_as() == ("13800000001", 1)
    await world.wechat.say(LI, "解除绑定")
    assert "解除绑定138****0001，现在换成139****0009" in person[LI].texts()[-1]
    assert await asked_as() == ("13900000009", 1)
    assert (await world.services.identities.conversation_of("wechat", LI)).id == first.id
    await world.wechat.say(LI, "解除绑定")
    assert await asked_as() == (None, 0)
    assert (await world.services.identities.conversation_of("wechat", LI)).id != first.id


async def test_another_customer_s_number_has_a_conversation_of_its_own(world: World) -> None:
    """Two customers share one phone: choosing the number chooses the conversation."""
    identities = world.services.identities
    await world.wechat.follow(LI)
    his = await identities.bind("wechat", LI, Known("C1", "13800000001"))
    await world.wechat.say(LI, "他的话")
    hers = await identities.bind("wechat", LI, Known("C2", "13800000002"))
    await world.wechat.say(LI, "她的话")
    await world.wechat.say(LI, "换成尾号0001的号码")
    await world.wechat.say(LI, "又是他")
    customers = [
        [m.text for m in await world.services.transcript.messages(one.id) if m.sender == "customer"]
        for one in (his, hers)
    ]
    assert customers == [["他的话", "又是他"], ["她的话", "换成尾号0001的号码"]]
    assert world.dialogue.asked[-1]["metadata"]["customer"]["customer_id"] == "C1"


async def test_the_answer_goes_where_the_customer_spoke_last(world: World) -> None:
    """The page shows everything, WeChat only what was asked there."""
    known = {"customer_id": "C1", "phone": "13800000001"}
    proof = {"replies": [{"text": "验证通过。"}], "directives": [{"name": "verified", **known}]}
    person = world.wechat.people
    await world.wechat.follow(LI)
    world.dialogue.answer = lambda _: proof
    await world.wechat.say(LI, "246810")
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
        opened = (await http.post("/api/v1/sessions", json={"channel": "web"})).json()
        http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        path = f"/api/v1/conversations/{opened['conversation_id']}/messages"
        await http.post(path, json={"text": "246810"})
        await agent_says(world, "给网页的话")
        await world.services.channels.settle()
        world.dialogue.answer = lambda text: {"replies": [{"text": f"答：{text}"}]}
        await world.wechat.say(LI, "回到微信")
        await agent_says(world, "给微信的话")
        await world.until(lambda: any("给微信的话" in text for text in person[LI].texts()))
        shown = [m["text"] for m in (await http.get(path)).json()["messages"]]
    assert shown[-4:] == ["给网页的话", "回到微信", "答：回到微信", "给微信的话"]
    assert not any("给网页的话" in text for text in person[LI].texts())


async def test_guessing_codes_is_limited(world: World) -> None:
    await world.wechat.follow(LI)
    for number in range(12):
        await world.wechat.say(LI, f"{100000 + number}")
    assert len(world.dialogue.asked) == 10
    assert "验证的次数太多" in world.wechat.people[LI].texts()[-1]


async def test_a_person_answers_and_is_rated(world: World) -> None:
    services = world.services
    await world.wechat.follow(LI)
    await world.wechat.say(LI, "你好")
    conversation = await services.identities.conversation_of("wechat", LI)
    request = HandoffRequest(trigger="asked", skill_group="general", request="转人工")
    await services.handoffs.open(conversation.id, request)
    person = world.wechat.people[LI]
    await services.identities.bind("wechat", LI, Known("C1", "13800000001"))
    answer = await world.wechat.say(LI, "在吗")
    assert answer.body == "success" or "在吗" not in answer.body
    await world.wechat.say(LI, "绑定13900000009")
    account = await services.identities.find("wechat", LI)
    assert (len(world.dialogue.asked), world.dialogue.forgotten, account.assurance) == (1, [], 2)
    await agent_says(world, "我是小李。")
    await world.until(lambda: any("【人工客服小李】" in text for text in person.texts()))


async def test_an_answer_left_by_a_dead_process_is_picked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from bot.channels.base import InboundMessage
    from bot.gateway import reception

    await world.wechat.follow(LI)
    conversation = await world.services.identities.conversation_of("wechat", LI)
    inbound = InboundMessage(conversation.id, "wechat", "wx-1", "查流量", None, LI)
    await world.services.router.store(inbound)
    monkeypatch.setattr(reception, "UNANSWERED_AFTER", timedelta(0))
    assert await world.services.channels.reception.recover() == 1
    await world.until(lambda: "答：查流量" in world.wechat.people[LI].texts())
    assert await world.services.channels.reception.recover() == 0


async def test_the_callback_is_there_only_where_configured(world: World) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{world.url}/wechat/callback")).status_code == 403
