"""The customer's chat page in Chromium, on a gateway stand-in that keeps the real contract."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from bot.gateway.pages import FOLDERS
from tests.bot.pages.cards import BILL, PLANS, RATING, TICKET, USAGE
from tests.bot.pages.fake_gateway import GREETING, FakeGateway, buttons
from tests.browser import PageOpener, Server, eventually, overflows

pytestmark = pytest.mark.browser

NETWORK_NOISE = r"ERR_|WebSocket connection|Failed to load resource"
LIMIT = 60_000
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>**粗** [a](javascript:hacked=1)'


async def say(page: Page, text: str) -> None:
    await page.get_by_label("输入消息").fill(text)
    await page.keyboard.press("Enter")


def own(page: Page) -> Locator:
    return page.locator(".msg.customer .bubble")


def replies(page: Page) -> Locator:
    return page.locator(".msg.bot:not(.typing) .bubble")


async def lines(page: Page) -> list[str]:
    """Everything in the log, in the order in which it is read."""
    return await page.locator(".log .bubble, .log .system-line").all_inner_texts()


# ---- talking


async def test_greets_and_answers(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_text([GREETING])
    await say(page, "  你好  ")
    await expect(replies(page)).to_have_text([GREETING, "您说的是：你好"])
    await expect(own(page)).to_have_text(["你好"])
    await expect(page.locator(".note")).to_have_count(0)
    await expect(page.get_by_label("输入消息")).to_have_value("")
    assert gateway.said() == ["你好"]


async def test_enter_sends_but_not_while_an_input_method_is_open(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    field = page.get_by_label("输入消息")
    await field.fill("第一行")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("第二行")
    pinyin = "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true})"
    await field.evaluate(f"node => node.dispatchEvent({pinyin})")
    await field.evaluate("node => node.dispatchEvent(new CompositionEvent('compositionstart'))")
    await field.evaluate(
        "node => node.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
    )
    await field.evaluate("node => node.dispatchEvent(new CompositionEvent('compositionend'))")
    assert gateway.said() == []
    await page.keyboard.press("Enter")
    await expect(own(page)).to_have_text(["第一行\n第二行"], use_inner_text=True)
    assert gateway.said() == ["第一行\n第二行"]


async def test_the_field_grows_and_refuses_too_much(server: Server, open_page: PageOpener) -> None:
    page = await open_page(server.url, width=360)
    field = page.get_by_label("输入消息")
    small = (await field.bounding_box() or {})["height"]
    await field.fill("一\n二\n三\n四")
    assert (await field.bounding_box() or {})["height"] > small * 1.8
    send = page.get_by_role("button", name="发送")
    await field.fill("😀" * 2000)
    await expect(send).to_be_enabled()
    await field.fill("字" * 2003)
    await expect(send).to_be_disabled()
    await expect(page.locator(".count")).to_have_text("超出 3 字，请分几条发送")
    await field.fill("   ")
    await expect(send).to_be_disabled()


async def test_only_the_newest_choices_can_be_used(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    gateway.script["查话费"] = [{"text": "余额56.30元。", "buttons": buttons("充话费")}]
    page = await open_page(server.url, width=360)
    await page.get_by_role("button", name="查话费").click()
    await expect(replies(page).last).to_have_text("余额56.30元。")
    await expect(page.get_by_role("button", name="查流量")).to_be_disabled()
    await expect(page.get_by_role("button", name="充话费")).to_be_enabled()
    await page.get_by_role("button", name="充话费").click()
    await expect(page.get_by_role("button", name="充话费")).to_be_disabled()
    await expect(own(page)).to_have_text(["查话费", "充话费"])
    assert gateway.said() == ["查话费", "充话费"]


async def test_a_payload_may_differ_from_its_title(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    choice = [{"title": "好", "payload": "确认办理畅享39元"}]
    gateway.script["换套餐"] = [{"text": "确认吗？", "buttons": choice}]
    page = await open_page(server.url)
    await say(page, "换套餐")
    await page.get_by_role("button", name="好", exact=True).click()
    await expect(own(page).last).to_have_text("确认办理畅享39元")


async def test_little_markdown(gateway: FakeGateway, server: Server, open_page: PageOpener) -> None:
    text = "可以这样：\n1、先**实名**\n2、再办理\n\n- 甲\n- 乙\n59.00元起，见 https://example.com/a?b=1。"
    gateway.script["怎么办"] = [{"text": text}]
    page = await open_page(server.url)
    await say(page, "怎么办")
    bubble = replies(page).last
    await expect(bubble.locator("ol li")).to_have_text(["先实名", "再办理"])
    await expect(bubble.locator("strong")).to_have_text("实名")
    await expect(bubble.locator("ul li")).to_have_text(["甲", "乙"])
    await expect(bubble.locator("p").last).to_have_text("59.00元起，见 https://example.com/a?b=1。")
    link = bubble.get_by_role("link")
    await expect(link).to_have_attribute("href", "https://example.com/a?b=1")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    masked = "已从138****0001换成139****0009，**138****0001不再用**"
    gateway.script["号码"] = [{"text": masked}]
    await say(page, "号码")
    await expect(replies(page).last).to_have_text(masked.replace("，**", "，")[:-2])
    await expect(replies(page).last.locator("strong")).to_have_text("138****0001不再用")


async def test_hostile_text_stays_text(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    bill = {**BILL, "title": HOSTILE, "items": [{"name": HOSTILE, "amount": HOSTILE}]}
    plan = {**PLANS["plans"][0], "name": HOSTILE, "reason": HOSTILE, "extras": [HOSTILE]}
    gateway.script["查"] = [
        {"text": HOSTILE, "card": bill, "buttons": [{"title": HOSTILE, "payload": HOSTILE}]},
        {"text": "", "card": {**PLANS, "plans": [plan]}},
        {"text": "", "card": {**TICKET, "status": HOSTILE, "id": HOSTILE}},
        {"text": "", "card": {"type": "constructor"}},
    ]
    page = await open_page(server.url, width=360)
    await say(page, HOSTILE)
    await say(page, "查")
    await expect(page.locator(".card")).to_have_count(3)
    gateway.become("human", agent_name=HOSTILE)
    gateway.say("agent", HOSTILE)
    gateway.say("system", HOSTILE)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    await expect(page.locator(".system-line")).to_contain_text("<script>")
    assert await page.locator("img, .log script, a[href^=javascript]").count() == 0
    assert await page.evaluate("window.hacked") is None
    assert not await overflows(page)


# ---- cards


async def test_bill_card(gateway: FakeGateway, server: Server, open_page: PageOpener) -> None:
    gateway.script["账单"] = [{"text": "10月合计158.40元。", "card": BILL}]
    page = await open_page(server.url, width=360)
    await say(page, "账单")
    card = page.get_by_role("region", name="10月账单")
    await expect(card).to_contain_text("¥158.40")
    changed = card.locator(".changed")
    await expect(changed).to_have_count(2)
    await expect(changed.first).to_contain_text("流量超出费")
    await expect(changed.first).to_contain_text("↑ 比上月多 20.00")
    await expect(card.locator("footer")).to_have_text("9月合计 ¥134.00↑ 10月多 24.40")
    widths = await card.locator(".bar i").evaluate_all("all => all.map(n => n.offsetWidth)")
    assert widths[0] > widths[1] > widths[2] > 0


async def test_plans_card_sends_its_payload(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    gateway.script["推荐"] = [{"text": "看看这些：", "card": PLANS}]
    page = await open_page(server.url, width=360)
    await say(page, "推荐")
    card = page.get_by_role("region", name=PLANS["title"])
    await expect(card.locator("li")).to_have_count(3)
    await expect(card).to_contain_text("按您近三个月用量，每月能省9元")
    await card.get_by_role("button", name="选择畅享59元").click()
    await expect(own(page).last).to_have_text("办理畅享59元套餐")
    await expect(card.locator(".chosen")).to_contain_text("畅享59元")


async def test_usage_and_ticket_cards(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    gateway.script["流量"] = [{"text": "", "card": USAGE}]
    gateway.script["进度"] = [{"text": "", "card": TICKET}]
    page = await open_page(server.url, width=360)
    await say(page, "流量")
    usage = page.get_by_role("region", name="本月用量")
    await expect(usage.locator("li").first).to_contain_text("剩余 1.4GB")
    await expect(usage.locator("li.over")).to_contain_text("已超出 5.8GB")
    await expect(usage.locator("li").last).to_contain_text("不限量")
    await say(page, "进度")
    ticket = page.get_by_role("region", name="宽带报修")
    await expect(ticket).to_contain_text("处理中")
    await expect(ticket.locator("[aria-current=step]")).to_contain_text("工程师已联系您")


async def test_rating_is_given_once(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    gateway.say("system", "本次人工服务已结束。", card=RATING)
    card = page.get_by_role("region", name="请为这次服务打分")
    submit = card.get_by_role("button", name="提交评价")
    await expect(submit).to_be_disabled()
    await card.get_by_label("4星 满意").check(force=True)
    await card.get_by_label("评价留言").fill("讲得很清楚")
    await submit.click()
    await expect(card).to_contain_text("满意，感谢您的反馈！")
    assert gateway.thread.ratings == [{"score": 4, "comment": "讲得很清楚"}]
    await page.reload()
    await expect(card).to_contain_text("满意，感谢您的反馈！")
    await expect(card.get_by_role("button")).to_have_count(0)


async def test_a_rating_given_elsewhere_is_accepted_politely(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow("409")
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.thread.ratings.append({"score": 5})
    gateway.say("system", "本次人工服务已结束。", card=RATING)
    await page.get_by_label("5星 非常满意").check(force=True)
    await page.get_by_role("button", name="提交评价").click()
    await expect(page.locator(".thanks")).to_have_text("您已评价，感谢您的反馈！")


# ---- people


async def test_queue_place_and_leaving_it(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await page.get_by_role("button", name="转人工客服").click()
    await eventually(lambda: gateway.said() == ["转人工"])
    gateway.become("waiting")
    await expect(page.get_by_role("heading", level=1)).to_have_text("正在转接人工")
    gateway.say("system", "正在为您转接。", buttons=buttons("不排了"))
    await expect(page.get_by_role("button", name="不排了")).to_be_enabled()
    gateway.push(type="queue", position=3, wait_s=230)
    await expect(page.get_by_role("heading", level=1)).to_have_text("排队中 第3位")
    await expect(page.locator(".queue p")).to_have_text("前面还有 2 位，大约等待 4 分钟")
    gateway.push(type="queue", position=1, wait_s=None)
    await expect(page.locator(".queue p")).to_have_text("下一位就是您，等候时间暂时无法估计")
    await page.get_by_role("button", name="取消排队").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("小畅")
    await expect(page.locator(".queue")).to_be_hidden()
    await expect(page.locator(".system-line").last).to_have_text("已为您取消人工排队。")
    await expect(page.get_by_role("button", name="不排了")).to_be_disabled()


async def test_talking_to_a_person(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    gateway.become("human", agent_name="林晓")
    gateway.say("system", "客服林晓已为您接入。")
    await expect(page.get_by_role("heading", level=1)).to_have_text("人工客服 林晓")
    gateway.push(type="typing", sender="agent")
    await expect(page.locator(".typing")).to_be_visible()
    gateway.say("agent", "您好，我来帮您看。")
    await expect(page.locator(".typing")).to_be_hidden()
    await expect(page.locator(".msg.agent .bubble")).to_have_text("您好，我来帮您看。")
    await page.get_by_label("输入消息").type("好的")
    await eventually(lambda: gateway.thread.previews == ["好的"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("人工客服 林晓")
    gateway.become("bot")
    await expect(page.get_by_role("heading", level=1)).to_have_text("小畅")


async def test_a_reload_knows_who_is_talking(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    gateway.thread.state = "waiting"
    gateway.greets = {"queue": {"position": 2, "wait_s": 61}}
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("排队中 第2位")
    await expect(page.locator(".queue p")).to_have_text("前面还有 1 位，大约等待 2 分钟")
    gateway.thread.state = "human"
    gateway.greets = {"agent_name": "林晓"}
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("人工客服 林晓")


async def test_bot_types_while_it_thinks(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.push(type="typing", sender="bot")
    await expect(page.locator(".typing")).to_be_visible()
    gateway.say("bot", "好了")
    await expect(page.locator(".typing")).to_be_hidden()


# ---- order, loss and doubling


async def test_order_is_by_number_and_gaps_are_fetched(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.hide()
    first, second, third = (gateway._append(gateway.thread, "agent", t) for t in "一二三")
    gateway.push(type="message", message=third)
    gateway.push(type="message", message=third)
    gateway.push(type="message", message=first)
    await expect(page.locator(".msg.agent .bubble")).to_have_text(["一", "二", "三"])
    assert second["text"] == "二"


async def test_a_server_that_falls_and_rises(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    page = await open_page(server.url, width=360)
    await say(page, "之前")
    await expect(replies(page)).to_have_count(2)
    server.stop()
    for text in ("断网一", "断网二", "断网三"):
        await say(page, text)
    await expect(page.locator(".banner")).to_contain_text("正在重新连接")
    await expect(page.locator(".note")).to_have_count(3)
    server.start()
    await expect(replies(page)).to_have_count(5, timeout=20_000)
    await expect(page.locator(".banner")).to_be_hidden()
    await expect(page.locator(".note")).to_have_count(0)
    texts = ["之前", "断网一", "断网二", "断网三"]
    assert gateway.said() == texts
    shown = [t for text in texts for t in (text, f"您说的是：{text}")]
    assert await lines(page) == [GREETING, *shown]


@pytest.mark.parametrize("sockets", [True, False])
async def test_what_is_said_while_away_is_caught_up(
    gateway: FakeGateway, server: Server, open_page: PageOpener, sockets: bool
) -> None:
    open_page.allow(NETWORK_NOISE)
    gateway.no_sockets = not sockets
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    server.stop()
    gateway._append(gateway.thread, "agent", "您断开时我说的")
    server.start()
    await expect(page.locator(".msg.agent .bubble")).to_have_text(
        ["您断开时我说的"], timeout=20_000
    )


async def test_a_connection_that_dies_after_storing_doubles_nothing(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.mute_sockets = 1
    await say(page, "只说一次")
    await expect(replies(page)).to_have_text([GREETING, "您说的是：只说一次"])
    await asyncio.sleep(1)
    assert gateway.said() == ["只说一次"]
    assert await lines(page) == [GREETING, "只说一次", "您说的是：只说一次"]


async def test_works_without_websockets(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    gateway.no_sockets = True
    page = await open_page(server.url)
    await say(page, "你好")
    await expect(replies(page)).to_have_text([GREETING, "您说的是：你好"])
    gateway.say("agent", "我也在")
    await expect(page.locator(".msg.agent .bubble")).to_have_text("我也在")
    await expect(page.locator(".banner")).to_be_hidden()


async def test_a_busy_server_is_asked_again_with_the_same_id(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    gateway.no_sockets = True
    gateway.problems_after = [(503, "系统暂时繁忙，请稍后再试。")]
    page = await open_page(server.url)
    await say(page, "你好")
    await expect(replies(page)).to_have_text([GREETING, "您说的是：你好"])
    await expect(page.locator(".note")).to_have_count(0)
    assert gateway.said() == ["你好"]


@pytest.mark.parametrize("sockets", [True, False])
async def test_a_refused_message_says_why_and_can_be_sent_again(
    gateway: FakeGateway, server: Server, open_page: PageOpener, sockets: bool
) -> None:
    open_page.allow(NETWORK_NOISE)
    gateway.no_sockets = not sockets
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    gateway.problems = [(422, "内容有误，请修改。"), (422, "还是有误。")]
    await say(page, "有误的话")
    note = page.get_by_role("alert")
    await expect(note).to_contain_text("内容有误，请修改。")
    await note.get_by_role("button", name="重发").click()
    await expect(note).to_contain_text("还是有误。")
    await page.reload()
    await expect(note).to_contain_text("还是有误。")
    await note.get_by_role("button", name="重发").click()
    await expect(replies(page).last).to_have_text("您说的是：有误的话")
    await expect(note).to_have_count(0)
    assert gateway.said() == ["有误的话"]


async def test_a_refused_message_can_be_dropped(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.problems = [(422, "内容有误。")]
    await say(page, "有误的话")
    await page.get_by_role("button", name="删除").click()
    await expect(own(page)).to_have_count(0)
    await expect(page.get_by_role("button", name="查话费")).to_be_enabled()
    await page.reload()
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(0)


# ---- coming back


async def test_reload_resumes(gateway: FakeGateway, server: Server, open_page: PageOpener) -> None:
    page = await open_page(server.url)
    await say(page, "记住我")
    await expect(replies(page)).to_have_count(2)
    await page.reload()
    await expect(replies(page)).to_have_count(2)
    assert await lines(page) == [GREETING, "记住我", "您说的是：记住我"]
    assert len(gateway.threads) == 1
    await say(page, "再来")
    await expect(replies(page).last).to_have_text("您说的是：再来")


async def test_unsent_messages_survive_a_reload(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    gateway.no_sockets = True
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    await page.route("**/messages", lambda route: route.abort())
    await say(page, "路上的话")
    await expect(own(page)).to_have_text(["路上的话"])
    await page.unroute("**/messages")
    gateway.no_sockets = False
    await page.reload()
    await expect(replies(page)).to_have_text([GREETING, "您说的是：路上的话"])
    assert gateway.said() == ["路上的话"]


async def test_a_refused_token_starts_anew_and_loses_nothing(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    page = await open_page(server.url)
    await say(page, "旧话")
    await expect(replies(page)).to_have_count(2)
    old = gateway.thread
    gateway.threads.clear()
    for socket in tuple(old.sockets):
        gateway._run(socket.close(1011))
    await say(page, "新话")
    await expect(page.locator(".system-line")).to_contain_text("已为您开始新的对话")
    await expect(replies(page).last).to_have_text("您说的是：新话")
    assert gateway.said() == ["新话"]
    assert len(gateway.threads) == 1
    await page.reload()
    await expect(replies(page)).to_have_text([GREETING, "您说的是：新话"])


async def test_a_token_refused_at_the_start(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(replies(page)).to_have_count(1)
    gateway.threads.clear()
    await page.reload()
    await expect(replies(page)).to_have_text([GREETING])
    assert len(gateway.threads) == 1


async def test_clearing_the_device(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await say(page, "私事")
    await expect(replies(page)).to_have_count(2)
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="清除记录").click()
    await expect(replies(page)).to_have_text([GREETING])
    await expect(own(page)).to_have_count(0)
    assert len(gateway.threads) == 2


async def test_two_tabs_show_the_same(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    one = await open_page(server.url)
    await expect(replies(one)).to_have_count(1)
    two = await open_page(server.url, context=one.context)
    await expect(replies(two)).to_have_count(1)
    await say(one, "一个人说")
    for page in (one, two):
        await expect(replies(page)).to_have_text([GREETING, "您说的是：一个人说"])
        assert await lines(page) == [GREETING, "一个人说", "您说的是：一个人说"]
    assert len(gateway.threads) == 1


# ---- for everybody


async def test_elderly_mode_is_larger_simpler_and_remembered(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    size = "n => parseFloat(getComputedStyle(n).fontSize)"
    normal = await replies(page).first.evaluate(size)
    await expect(page.get_by_role("button", name="推荐套餐")).to_be_visible()
    await page.get_by_role("button", name="大字版").click()
    assert await replies(page).first.evaluate(size) >= normal * 1.3
    await expect(page.get_by_role("button", name="推荐套餐")).to_be_hidden()
    await page.get_by_role("button", name="更多").click()
    await expect(page.get_by_role("button", name="推荐套餐")).to_be_visible()
    assert not await overflows(page)
    await page.reload()
    pressed = page.get_by_role("button", name="大字版", pressed=True)
    await expect(pressed).to_be_visible()
    await pressed.click()
    await page.reload()
    await expect(page.get_by_role("button", name="大字版", pressed=False)).to_be_visible()


async def test_elderly_mode_by_address_and_by_profile(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(f"{server.url}/?elderly=1", width=360)
    await expect(page.get_by_role("button", name="大字版", pressed=True)).to_be_visible()
    await expect(replies(page)).to_have_count(1)
    assert gateway.opened[-1] == {"channel": "web", "elderly": True}
    gateway.profile = {"elderly": True}
    other = await open_page(server.url, width=360)
    await expect(other.get_by_role("button", name="大字版", pressed=True)).to_be_visible()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("query", ["", "?elderly=1"])
async def test_nothing_scrolls_sideways(
    gateway: FakeGateway, server: Server, open_page: PageOpener, width: int, query: str
) -> None:
    gateway.script["全部"] = [
        {"text": "很长的链接 https://example.com/" + "a" * 120, "buttons": buttons("选项" * 12)},
        *({"text": "", "card": card} for card in (BILL, PLANS, USAGE, TICKET, RATING)),
    ]
    page = await open_page(f"{server.url}/{query}", width=width, height=740)
    await say(page, "全部")
    await expect(page.locator(".card")).to_have_count(5)
    gateway.become("waiting")
    gateway.push(type="queue", position=12, wait_s=3600)
    await expect(page.locator(".queue")).to_be_visible()
    assert not await overflows(page)
    inner = "n => n.scrollWidth <= n.clientWidth"
    assert await page.locator(".scroll").evaluate(inner)
    assert all(await page.locator(".card").evaluate_all(f"all => all.map({inner})"))


CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (n) => {
    for (; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const weak = [];
  const walk = document.createTreeWalker(document.querySelector(".chat"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    if (node.closest(":disabled, .sr")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${node.className}: ${walk.currentNode.data} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""


@pytest.mark.parametrize("dark", [False, True])
async def test_contrast_is_aa(
    gateway: FakeGateway, server: Server, open_page: PageOpener, dark: bool
) -> None:
    gateway.script["全部"] = [
        *({"text": "**看** https://example.com", "card": card} for card in (BILL, PLANS, USAGE)),
        *({"text": "", "card": card, "buttons": buttons("好")} for card in (TICKET, RATING)),
    ]
    page = await open_page(server.url, width=360, dark=dark, reduced_motion="reduce")
    await say(page, "全部")
    await expect(page.locator(".card")).to_have_count(5)
    await page.get_by_role("button", name="选择畅享39元").click()
    gateway.problems = [(422, "内容有误。")]
    await say(page, "有误")
    await expect(page.get_by_role("alert")).to_be_visible()
    gateway.become("waiting")
    gateway.push(type="queue", position=2, wait_s=60)
    gateway.say("system", "正在转接。")
    gateway.push(type="error", detail="测试提示")
    await expect(page.locator(".banner")).to_have_text("测试提示")
    assert await page.evaluate(CONTRAST) == []


async def test_screen_readers_and_keyboards(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    log = page.get_by_role("log", name="对话记录")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log).to_contain_text("小畅：")
    await expect(page.get_by_label("输入消息")).to_be_focused()
    unnamed = "all => all.filter(n => !n.innerText.trim() && !n.ariaLabel).length"
    assert await page.locator("button").evaluate_all(unnamed) == 0
    await page.get_by_role("button", name="查话费").focus()
    await page.keyboard.press("Enter")
    await expect(replies(page).last).to_have_text("您说的是：查话费")
    await expect(page.get_by_label("输入消息")).to_be_focused()


async def test_a_long_answer_is_read_from_its_top(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    gateway.script["长"] = [{"text": "\n\n".join(f"第{n}段" for n in range(60))}]
    page = await open_page(server.url, width=360, height=600, reduced_motion="reduce")
    await say(page, "长")
    await expect(replies(page)).to_have_count(2)
    await expect(own(page).last).to_be_in_viewport()
    # The page learns of it by an event, which takes a frame.
    await page.locator(".scroll").evaluate(
        "n => new Promise((done) => { n.addEventListener('scroll', () => setTimeout(done), { once: true });"
        " n.scrollTo(0, 0); })"
    )
    gateway.say("agent", "后来的话")
    await page.get_by_role("button", name="新消息").click()
    await expect(page.get_by_text("后来的话")).to_be_in_viewport()
    await expect(page.get_by_role("button", name="新消息")).to_be_hidden()


SPEECH = """
window.spoken = [];
window.SpeechSynthesisUtterance = function (text) { this.text = text; };
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => [{ lang: "en-US" }, { lang: "zh-CN" }], addEventListener() {}, cancel() {},
  speak: (said) => window.spoken.push([said.text, said.rate]),
} });
window.SpeechRecognition = class {
  start() { setTimeout(() => {
    this.onresult({ results: [[{ transcript: "查一下" }], [{ transcript: "流量" }]] });
    this.onend();
  }, 50); }
  stop() {}
};
"""


async def test_speaking_and_listening(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    context = await open_page.context(viewport={"width": 360, "height": 740})
    await context.add_init_script(SPEECH)
    page = await open_page(f"{server.url}/?elderly=1", context=context)
    await page.get_by_role("button", name="朗读这条消息").click()
    assert await page.evaluate("window.spoken") == [[GREETING, 0.85]]
    await page.get_by_role("button", name="自动朗读回复").click()
    await page.get_by_role("button", name="语音输入").click()
    await expect(page.get_by_label("输入消息")).to_have_value("查一下流量")
    await page.get_by_role("button", name="发送").click()
    await expect(replies(page).last).to_have_text("您说的是：查一下流量")
    assert (await page.evaluate("window.spoken"))[-1] == ["您说的是：查一下流量", 0.85]


async def test_no_speech_no_buttons(server: Server, open_page: PageOpener) -> None:
    context = await open_page.context()
    nothing = "delete window.webkitSpeechRecognition; delete window.SpeechRecognition;"
    await context.add_init_script(nothing)
    page = await open_page(server.url, context=context)
    await expect(replies(page)).to_have_count(1)
    await expect(page.get_by_role("button", name="语音输入")).to_be_hidden()


async def test_first_paint_and_layout_shift_on_a_slow_phone(
    server: Server, open_page: PageOpener
) -> None:
    page = await open_page("about:blank", width=360)
    open_page.expect_host(server.url)
    wire = await page.context.new_cdp_session(page)
    await wire.send("Network.enable")
    speed: dict[str, Any] = {"latency": 150, "downloadThroughput": 200_000}
    await wire.send(
        "Network.emulateNetworkConditions", {"offline": False, "uploadThroughput": 90_000, **speed}
    )
    await wire.send("Emulation.setCPUThrottlingRate", {"rate": 2})
    await page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(e) => { window.shift += e.value; })).observe({ type: 'layout-shift', buffered: true });"
    )
    await page.goto(server.url)
    await expect(replies(page)).to_have_count(1)
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    painted, shift = await page.evaluate(paint), await page.evaluate("window.shift")
    assert painted < 1000
    assert shift < 0.02


async def test_people_are_told_apart_by_name(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    gateway.become("human", agent_name="林小雨")
    gateway.say("agent", "您好", agent_name="林小雨")
    gateway.say("agent", "我来看一下", agent_name="林小雨")
    gateway.say("system", "客服周明已加入会话，和我们一起为您处理。")
    gateway.say("agent", "我来说明", agent_name="周明<b>")
    names = page.locator(".msg.agent .by:visible")
    await expect(names).to_have_text(["人工客服 林小雨", "人工客服 周明<b>"])
    assert not await overflows(page)


async def test_the_conversation_can_be_kept(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow(NETWORK_NOISE)
    page = await open_page(server.url, width=360)
    await expect(replies(page)).to_have_count(1)
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="保存记录").click()
    file = await coming.value
    assert file.suggested_filename == "畅答对话记录.html"
    assert GREETING in (await file.path()).read_text("utf-8")
    gateway.problems = [(503, "系统暂时繁忙，请稍后再试。")]
    await page.get_by_role("button", name="保存记录").click()
    await expect(page.locator(".banner")).to_contain_text("系统暂时繁忙")
    await expect(page.get_by_role("button", name="保存记录")).to_be_enabled()


def test_the_page_is_small() -> None:
    parts = [p for p in FOLDERS["chat"].iterdir() if p.suffix in (".html", ".js", ".css")]
    assert sum(part.stat().st_size for part in parts) < LIMIT


def test_the_page_names_every_module_it_loads() -> None:
    """No module is left over, none is missing."""
    folder = FOLDERS["chat"]
    modules = {p.name for p in folder.glob("*.js")}
    page = (folder / "index.html").read_text()
    texts = [page, *(p.read_text() for p in folder.glob("*.js"))]
    assert all(any(name in text for text in texts) for name in modules)
    assert "style=" not in page
    assert "innerHTML" not in "".join(texts)
