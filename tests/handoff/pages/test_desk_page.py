"""/desk and /ops in Chromium, against the real app."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update

from core.database import Database
from core.staff import StaffAccount
from core.transcript import Conversation
from tests.browser import PageOpener, eventually, overflows
from tests.handoff.conftest import PASSWORD
from tests.handoff.pages.desk_world import SignIn, World, queue_row, take

pytestmark = [pytest.mark.browser, pytest.mark.integration]
HOSTILE = (
    '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>{{7*7}}${7*7} '
    'javascript:alert(1) https://example.com/a?b=1"onmouseover="window.hurt=1 第二行\n换行后'
)


async def write(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="回复客户").fill(text)
    await page.keyboard.press("Enter")


async def shown_once(kind: str, text: str, *pages: Any) -> None:
    """A line of the customer, an agent or a note stands once on each page."""
    for page in pages:
        await expect(page.locator(f".line-{kind}", has_text=text)).to_have_count(1)


async def test_login_refuses_kindly(sign_in: SignIn, open_page: PageOpener, world: World) -> None:
    open_page.allow("403")
    page = await open_page(f"{world.url}/desk")
    await page.get_by_role("button", name="登录").click()
    await expect(page.get_by_role("alert")).to_have_text("请输入工号和密码。")
    await page.get_by_label("工号").fill("agent01")
    await page.get_by_label("密码").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")
    editor = await sign_in("editor01")
    await expect(editor.get_by_text("没有使用这个页面的权限")).to_be_visible()


async def test_from_queue_to_rating(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("查账单", "不对，我要人工")
    page = await sign_in()
    row = queue_row(page, "张伟")
    await expect(row).to_contain_text("138****0001")
    await expect(row).to_contain_text("金卡")
    await expect(row).to_contain_text("情绪不满")
    await expect(row).to_contain_text("质疑上月流量超出费20.00元")
    await expect(row.locator(".mood-angry")).to_be_visible()
    await take(page)
    promise = page.get_by_label("服务时限")
    await expect(promise).to_contain_text("首次回复还有")

    log = page.get_by_role("log")
    await expect(log).to_contain_text("上月158.40元，比前月多24.40元。")
    await expect(log.locator(".card-bill")).to_contain_text("¥134.00")
    summary = page.get_by_label("五秒摘要")
    await expect(summary).to_contain_text("质疑上月流量超出费20.00元")
    await expect(page.get_by_label("机器人已做")).to_contain_text("158.40元")
    await expect(page.get_by_label("为什么转人工")).to_contain_text("金卡客户 +20")
    await expect(page.get_by_label("已知信息")).to_contain_text("日期")
    await expect(page.get_by_role("img", name="情绪：愤怒")).to_be_visible()
    assert "13800000001" not in await page.content()

    await write(page, "您好，我来核查。")
    await shown_once("agent", "我来核查", log)
    await expect(promise).not_to_contain_text("首次回复")
    await expect(promise).to_contain_text("办结还有")
    await customer.say("好的，谢谢")
    await shown_once("customer", "好的，谢谢", log)
    await page.keyboard.press("Alt+n")
    await page.get_by_role("textbox", name="内部备注").fill("客户已安抚")
    await page.keyboard.press("Enter")
    await expect(log.locator(".line-note")).to_contain_text("客户已安抚")
    assert await customer.texts() == ["您好，我来核查。"]

    await page.get_by_role("button", name="结束", exact=True).click()
    form = page.get_by_role("dialog", name="结束会话")
    await expect(form.get_by_label("小结")).to_have_value(re.compile("质疑上月流量超出费"))
    await form.get_by_text("需后续跟进").click()
    await form.get_by_role("button", name="结束并提交小结").click()
    await expect(page.locator(".list-mine .row")).to_have_count(0)
    (closed,) = await world.handoffs()
    assert (closed["state"], closed["disposition"]) == ("closed", "followup")
    assert (await customer.seen())[-1]["card"]["type"] == "rating"


async def test_hostile_text_stays_text(
    sign_in: SignIn,
    world: World,
    database: Database,
) -> None:
    world.dialogue.customer = None
    hit = {"entry_id": "k", "question": HOSTILE, "answer": HOSTILE, "score": 0.5}
    world.dialogue.handoff |= {
        "request": HOSTILE, "hits": [hit],
        "slots": {"filled": {"month": HOSTILE}, "missing": [HOSTILE]},
        "tried": [{"action": HOSTILE, "summary": HOSTILE, "figures": {HOSTILE: HOSTILE}}],
    }  # fmt: skip
    speaker = await world.customer(HOSTILE)
    async with database.transaction() as session:
        await session.execute(
            update(Conversation).values(profile={"name": HOSTILE, "tier": HOSTILE})
        )
    await speaker.say(f"人工 {HOSTILE}")
    page = await sign_in()
    await take(page, "7*7")
    await speaker.say(HOSTILE)
    bubbles = page.get_by_role("log").locator(".line-customer .bubble")
    await expect(bubbles).to_have_count(3)
    await expect(bubbles.last).to_contain_text('<img src=x onerror="window.hurt=1">')
    for tab in ("知识库", "轨迹", "客户"):
        await page.get_by_role("tab", name=tab, exact=True).click()
    body = await page.locator("body").inner_text()
    assert "{{7*7}}" in body
    assert "49" not in await bubbles.last.inner_text()
    assert await page.evaluate("window.hurt") is None
    assert await page.locator("#app img, #app script").count() == 0
    links = await page.locator("#app a").evaluate_all(
        "all => all.map(a => [a.href, a.rel, a.attributes.length])"
    )
    assert links
    assert {link[0] for link in links} == {"https://example.com/a?b=1"}
    assert all("noopener" in rel and count == 3 for _, rel, count in links)
    supervisor = await sign_in("supervisor01", "/ops")
    await supervisor.get_by_role("button", name="查看", exact=True).click()
    await expect(supervisor.get_by_role("log")).to_contain_text("{{7*7}}")
    assert await supervisor.evaluate("window.hurt") is None
    assert await supervisor.locator("img, #app script").count() == 0


async def test_slower_agent_learns_who_was_faster(
    sign_in: SignIn,
    world: World,
    open_page: PageOpener,
) -> None:
    open_page.allow("409", "403")
    await world.customer("转人工")
    first, second = await sign_in("agent01"), await sign_in("agent02")
    await expect(queue_row(second, "张伟")).to_be_visible()
    # The second desk does not hear of it in time: its list still shows the customer.
    await second.evaluate("WebSocket.prototype.send = () => {}")
    await second.route("**/api/v1/handoffs?*", lambda route: route.abort())
    open_page.allow("ERR_FAILED")
    await take(first)
    await queue_row(second, "张伟").get_by_role("button", name="接入").click()
    await expect(second.locator(".el-message")).to_contain_text("林小雨")


async def test_nothing_lost_or_doubled_when_the_server_dies(
    sign_in: SignIn,
    world: World,
    open_page: PageOpener,
) -> None:
    open_page.allow("ERR_", "WebSocket", "Failed to load")
    customer = await world.customer("转人工")
    page = await sign_in()
    await take(page)
    await write(page, "第一句")
    await expect(page.locator(".line-agent:not(.unsent)", has_text="第一句")).to_have_count(1)
    world.server.stop()
    await expect(page.locator(".banner")).to_contain_text("连接中断")
    for words in ("第二句", "第三句"):
        await write(page, words)
    await expect(page.locator(".unsent")).to_have_count(2)
    await page.get_by_role("textbox", name="回复客户").fill("还没写完")
    world.server.start()
    await customer.say(*(f"客户{n}" for n in range(8)))
    await expect(page.locator(".unsent")).to_have_count(0, timeout=30_000)
    await shown_once("customer", "客户7", page)
    await expect(page.locator(".banner")).to_have_count(0, timeout=30_000)
    assert await customer.texts() == ["第一句", "第二句", "第三句"]
    numbers = await page.locator("[data-seq]").evaluate_all(
        "all => all.map(line => +line.dataset.seq)"
    )
    assert numbers == list(range(1, len(numbers) + 1))
    await page.reload()
    await expect(page.get_by_role("textbox", name="回复客户")).to_have_value("还没写完")


async def test_unsent_words_survive_a_reload(
    sign_in: SignIn,
    world: World,
    open_page: PageOpener,
) -> None:
    open_page.allow("ERR_", "Failed to load")
    customer = await world.customer("转人工")
    page = await sign_in()
    await take(page)
    await page.route("**/api/v1/handoffs/*/messages", lambda route: route.abort())
    await write(page, "重启也不丢")
    await expect(page.locator(".unsent")).to_contain_text("自动重试")
    await page.unroute("**/api/v1/handoffs/*/messages")
    await page.reload()
    await expect(page.locator(".line-agent:not(.unsent)", has_text="重启也不丢")).to_have_count(1)
    await eventually(lambda: _said(customer, ["重启也不丢"]))


async def _said(customer: Any, texts: list[str]) -> bool:
    return bool(await customer.texts() == texts)


async def test_two_tabs_agree(sign_in: SignIn, world: World, open_page: PageOpener) -> None:
    customer = await world.customer("转人工")
    first = await sign_in()
    await take(first)
    second = await open_page(f"{world.url}/desk", context=first.context)
    await expect(second.get_by_role("log")).to_contain_text("已为您接入")
    await write(second, "从第二个窗口说")
    await shown_once("agent", "从第二个窗口说", first, second)
    await first.get_by_role("radio", name="忙碌").click()
    await expect(second.get_by_role("radio", name="忙碌")).to_have_attribute("aria-checked", "true")
    await customer.say("收到")
    await shown_once("customer", "收到", first, second)


async def test_typing_is_shown_both_ways(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    page = await sign_in()
    await take(page)
    script = """async ([path, token]) => {
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/v1' + path + '/ws');
        window.heard = [];
        socket.onmessage = ({data}) => window.heard.push(JSON.parse(data));
        await new Promise((open) => (socket.onopen = open));
        socket.send(JSON.stringify({type: 'auth', token, after: 0}));
        window.say = (text) => socket.send(JSON.stringify({type: 'typing', text}));
    }"""
    token = customer._headers["Authorization"].removeprefix("Bearer ")
    other = await page.context.new_page()
    await other.goto(f"{world.url}/api/v1/auth/me")
    await other.evaluate(script, [customer.path, token])
    await eventually(lambda: other.evaluate("window.heard.some((e) => e.type === 'ready')"))
    await other.evaluate("window.say('我想问一下 <b>流量</b>')")
    await expect(page.locator(".typing")).to_contain_text("我想问一下 <b>流量</b>")
    await page.get_by_role("textbox", name="回复客户").press_sequentially("好")
    heard = "window.heard.some((e) => e.type === 'typing' && e.sender === 'agent')"
    await eventually(lambda: other.evaluate(heard))


async def test_canned_replies_and_shortcuts(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    page = await sign_in()
    await expect(queue_row(page, "张伟")).to_be_visible()
    await page.keyboard.press("Alt+a")
    field = page.get_by_role("textbox", name="回复客户")
    await expect(field).to_be_focused()
    await field.press_sequentially("/余额")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("您当前账户余额为56.30元。")
    await field.fill("/合约")
    await page.keyboard.press("Tab")
    await expect(field).to_have_value(re.compile("您的合约将于{合约到期}到期"))
    await page.keyboard.press("Enter")
    await expect(page.locator(".el-message")).to_contain_text("还有未填写的内容：合约到期")
    await field.fill("/问候")
    await page.get_by_role("option").first.click()
    greeting = "张伟您好，我是客服林小雨，工号agent01。您的情况我已经看到了，马上为您处理。"
    await expect(field).to_have_value(greeting)
    await field.press("Shift+Enter")
    await field.press_sequentially("请稍等")
    await field.press("Control+Enter")
    await expect(field).to_have_value("")
    await eventually(lambda: _said(customer, [f"{greeting}\n请稍等"]))
    await field.blur()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="键盘快捷键")).to_contain_text("接入下一位客户")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="键盘快捷键")).to_be_hidden()
    await world.customer("转人工")
    await page.keyboard.press("Alt+a")
    await expect(page.locator(".list-mine .row")).to_have_count(2)
    await expect(page.locator(".list-mine .row").nth(1)).to_have_attribute("aria-current", "true")
    await page.keyboard.press("Alt+1")
    await expect(page.locator(".list-mine .row").nth(0)).to_have_attribute("aria-current", "true")


async def test_knowledge_goes_to_the_customer_with_one_click(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("流量超出怎么收费，我要人工说清楚")
    page = await sign_in()
    await take(page)
    await page.get_by_role("button", name="流量超出怎么收费").click()
    field = page.get_by_role("textbox", name="回复客户")
    await expect(field).to_have_value("超出部分每GB5元。")
    await page.keyboard.press("Alt+k")
    await expect(page.get_by_role("textbox", name="搜索知识库")).to_be_focused()
    await page.keyboard.type("国际漫游怎么收费")
    hit = page.locator(".hit", has_text="国际漫游怎么收费？")
    await expect(hit).to_contain_text("国际漫游按目的地收费", timeout=20_000)
    await hit.get_by_role("button", name="直接发送").click()
    await eventually(lambda: _said(customer, ["国际漫游按目的地收费，出国前可订日包。"]))
    await expect(field).to_have_value("超出部分每GB5元。")


async def test_transfer_return_and_ticket(sign_in: SignIn, world: World) -> None:
    await world.customer("转人工")
    page = await sign_in()
    await take(page)
    await page.get_by_role("button", name="工单", exact=True).click()
    form = page.get_by_role("dialog", name="建立工单")
    await form.get_by_label("工单标题").fill("核查流量详单")
    await form.get_by_role("button", name="建立工单").click()
    await expect(page.get_by_label("未结工单")).to_contain_text("核查流量详单")
    await page.get_by_role("button", name="转接", exact=True).click()
    form = page.get_by_role("dialog", name="转接")
    await form.get_by_label("套餐业务").check()
    await form.get_by_label("转接备注").fill("请看流量明细")
    await form.get_by_role("button", name="转接", exact=True).click()
    await expect(page.locator(".list-mine .row")).to_have_count(0)
    await take(page)
    await expect(page.get_by_role("log")).to_contain_text("转接备注：请看流量明细")
    await page.get_by_role("tab", name="轨迹").click()
    await expect(page.locator(".timeline")).to_contain_text("转接给套餐业务")
    await page.get_by_role("button", name="交回机器人").click()
    await page.get_by_role("dialog").get_by_role("button", name="交回机器人").click()
    await expect(page.locator(".list-mine .row")).to_have_count(0)
    (row,) = await world.handoffs()
    assert row["state"] == "returned"


async def test_newcomers_are_announced_and_unread_counted(sign_in: SignIn, world: World) -> None:
    first = await world.customer("转人工")
    page = await sign_in()
    await take(page)
    await world.customer("转人工")
    await expect(page.locator(".el-notification")).to_contain_text("新客户排队：张伟")
    await expect(page).to_have_title("(1) 坐席工作台 · 畅答")
    await page.locator(".el-notification").get_by_role("button", name="接入").click()
    await expect(page.locator(".list-mine .row")).to_have_count(2)
    await first.say("在吗", "还在吗")
    await expect(page.locator(".list-mine .row").nth(0).locator(".badge")).to_have_text("2")
    await expect(page).to_have_title("(2) 坐席工作台 · 畅答")
    await page.locator(".list-mine .row").nth(0).click()
    await expect(page.locator(".badge")).to_have_count(0)
    await expect(page).to_have_title("坐席工作台 · 畅答")


async def test_a_quick_look_at_each_reads_them_all(sign_in: SignIn, world: World) -> None:
    """The desk tells what was read a moment later; going on to the next customer meanwhile loses none."""
    customers = [await world.customer("转人工") for _ in range(3)]
    page = await sign_in()
    mine = page.locator(".list-mine .row")
    for taken in range(3):
        await queue_row(page, "张伟").first.get_by_role("button", name="接入").click()
        await expect(mine).to_have_count(taken + 1)
    for customer in customers:
        await customer.say("在吗")
    await expect(page.locator(".list-mine .badge")).to_have_count(2)
    for row in range(3):
        await mine.nth(row).click()
        await expect(mine.nth(row).locator(".badge")).to_have_count(0)

    async def all_read() -> bool:
        return [row["unread"] for row in await world.handoffs("agent01")] == [0, 0, 0]

    await eventually(all_read)
    await expect(page.locator(".badge")).to_have_count(0)


async def test_supervisor_watches_and_reassigns(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    await world.customer("转人工")
    agent = await sign_in("agent02")
    await queue_row(agent, "张伟").first.get_by_role("button", name="接入").click()
    page = await sign_in("supervisor01", "/ops")
    tiles = page.get_by_label("概况")
    await expect(tiles).to_contain_text("排队中1")
    await expect(tiles).to_contain_text("服务中1")
    await expect(page.get_by_label("坐席", exact=True)).to_contain_text("周明")
    live = page.get_by_label("会话", exact=True)
    await (
        live.locator("tr", has_text="服务中").get_by_role("button", name="查看", exact=True).click()
    )
    log = page.get_by_role("log")
    await expect(log).to_contain_text("已为您接入")
    await customer.say("主管也看得到")
    await expect(log).to_contain_text("主管也看得到")
    assert await page.get_by_role("textbox", name="回复客户").count() == 0
    await page.get_by_role("button", name="关闭", exact=True).click()
    await live.locator("tr", has_text="排队中").get_by_role("button", name="改派").click()
    form = page.get_by_role("dialog", name="改派")
    await form.get_by_label("贵宾").check()
    await form.get_by_role("button", name="改派", exact=True).click()
    await expect(live.locator("tr", has_text="排队中")).to_contain_text("贵宾")


async def test_a_conference_of_three(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    owner, colleague = await sign_in("agent01"), await sign_in("agent02")
    await colleague.get_by_role("radio", name="在线").click()
    await take(owner)
    await owner.keyboard.press("Alt+i")
    form = owner.get_by_role("dialog", name="邀请同事一起服务")
    await expect(form).to_contain_text("吴主管")
    await form.get_by_label("周明").check()
    await form.get_by_label("邀请说明").fill("请看<b>流量</b>明细")
    await form.get_by_role("button", name="邀请", exact=True).click()
    await expect(owner.locator(".guest")).to_contain_text("周明（待加入）")
    await expect(colleague.locator(".el-notification")).to_contain_text("请看<b>流量</b>明细")
    invited = colleague.locator(".invited")
    await expect(invited).to_contain_text("林小雨邀请您：请看<b>流量</b>明细")
    await expect(colleague).to_have_title("(1) 坐席工作台 · 畅答")
    await invited.get_by_role("button", name="加入").click()
    await write(colleague, "您好，我是周明")
    for page in (owner, colleague):
        log = page.get_by_role("log")
        await expect(log).to_contain_text("客服周明已加入会话")
        await shown_once("agent", "我是周明", log)
    await expect(owner.locator(".line-agent .speaker").last).to_have_text("周明")
    assert await colleague.get_by_role("button", name="结束", exact=True).count() == 0
    await customer.say("谢谢两位")
    await shown_once("customer", "谢谢两位", owner, colleague)
    await colleague.get_by_role("button", name="离开会话").click()
    await expect(colleague.locator(".list-mine .row")).to_have_count(0)
    await expect(owner.get_by_role("log")).to_contain_text("客服周明已离开会话")
    seen = await customer.seen()
    assert [m["agent_name"] for m in seen if m["sender"] == "agent"] == ["周明"]
    assert not any("明细" in m["text"] for m in seen)


async def test_supervisor_whispers_joins_and_takes_over(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    agent = await sign_in("agent01")
    await take(agent)
    boss = await sign_in("supervisor01", "/ops")
    await boss.get_by_role("button", name="查看", exact=True).click()
    field = boss.get_by_role("textbox", name="悄悄提示坐席")
    await field.fill("先道歉 <img src=x onerror=window.hurt=1>")
    await boss.keyboard.press("Enter")
    for page in (boss, agent):
        await expect(page.locator(".line-whisper")).to_contain_text("先道歉 <img")
    await expect(agent.locator(".el-notification")).to_contain_text("吴主管悄悄提示")
    await agent.get_by_role("textbox", name="回复客户").press_sequentially("好")
    await expect(boss.get_by_role("log")).to_contain_text("林小雨正在输入")
    await boss.get_by_role("button", name="加入会话").click()
    await boss.get_by_role("textbox", name="回复客户").fill("您好，我是主管")
    await boss.keyboard.press("Enter")
    await shown_once("agent", "我是主管", agent)
    await boss.get_by_role("button", name="接管").click()
    await boss.get_by_role("dialog", name="接管会话").get_by_role("button", name="接管").click()
    await expect(boss.locator(".watch-body")).to_contain_text("由您负责")
    await expect(agent.locator(".list-mine .row")).to_have_count(0)
    texts = [m["text"] for m in await customer.seen()]
    assert texts[-3:] == [
        "吴主管已加入会话，和我们一起为您处理。", "您好，我是主管",
        "吴主管已接手您的问题，之前的沟通都看到了，您不用重复说明。",
    ]  # fmt: skip
    assert not any("先道歉" in text for text in texts)
    assert await agent.evaluate("window.hurt") is None
    (row,) = await world.handoffs(state="active")
    assert row["agent_id"] == "supervisor01"


async def test_the_floor_is_pushed_and_not_polled(sign_in: SignIn, world: World) -> None:
    page = await sign_in("supervisor01", "/ops")
    tiles = page.get_by_label("概况")
    await expect(tiles).to_contain_text("排队中0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    customer = await world.customer("转人工")
    await expect(tiles).to_contain_text("排队中1")
    await expect(page.get_by_label("会话", exact=True).locator("tbody tr")).to_contain_text("张伟")
    await customer.say("取消排队")
    await expect(tiles).to_contain_text("排队中0")
    await page.wait_for_timeout(6000)
    assert asked == []


async def test_the_whole_number_for_a_moment(sign_in: SignIn, world: World) -> None:
    await world.customer("转人工")
    page = await sign_in()
    await take(page)
    number = page.locator(".whole-number")
    await expect(number).to_contain_text("138****0001")
    await number.get_by_role("button", name="查看完整号码").click()
    await number.get_by_role("button", name="查看", exact=True).click()
    await expect(number).to_contain_text("13800000001")
    await expect(number).to_contain_text("秒后隐藏")
    await number.get_by_role("button", name="隐藏").click()
    assert "13800000001" not in await page.content()
    boss = await sign_in("supervisor01", "/ops")
    await boss.get_by_role("button", name="号码查看记录").click()
    log = boss.get_by_role("dialog", name="完整号码查看记录")
    await expect(log).to_contain_text("林小雨 查看了 138****0001")
    await expect(log).to_contain_text("回拨联系客户")


async def test_the_silent_bot_helps(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    page = await sign_in()
    await take(page)
    await customer.say("我的余额还有多少")
    help_ = page.get_by_label("智能助手")
    await expect(help_).to_contain_text("客户想查询话费余额")
    await expect(help_).to_contain_text("56.30元")
    await page.locator(".suggestion.data").first.click()
    field = page.get_by_role("textbox", name="回复客户")
    await expect(field).to_have_value("为您查到：余额56.30元。")
    await field.fill("")
    await customer.say("宽带也断了")
    await expect(help_).to_contain_text("还需问故障地点")
    await page.get_by_role("button", name="宽带断了怎么办").click()
    await expect(field).to_have_value("请先重启光猫。")
    bot = [m for m in await customer.seen() if m["sender"] == "bot"]
    assert len(bot) == 1, "after the greeting the bot says nothing"


async def test_one_desk_in_two_browsers(sign_in: SignIn, world: World) -> None:
    customer = await world.customer("转人工")
    first = await sign_in()
    await take(first)
    second = await sign_in()
    await expect(second.get_by_role("log")).to_contain_text("已为您接入")
    await first.evaluate("document.activeElement.blur()")
    await write(second, "从第二台电脑说")
    await shown_once("agent", "从第二台电脑说", first)
    await first.keyboard.press("Alt+n")
    await first.get_by_role("textbox", name="内部备注").fill("两边都看得到")
    await first.keyboard.press("Enter")
    await shown_once("note", "两边都看得到", first, second)
    await second.get_by_role("radio", name="忙碌").click()
    await expect(first.get_by_role("radio", name="忙碌")).to_have_attribute("aria-checked", "true")
    await customer.say("在吗")
    await shown_once("customer", "在吗", first, second)
    await second.get_by_role("button", name="结束", exact=True).click()
    form = second.get_by_role("dialog", name="结束会话")
    await form.get_by_role("button", name="结束并提交小结").click()
    for page in (first, second):
        await expect(page.locator(".list-mine .row")).to_have_count(0)


async def test_a_login_is_renewed_silently_and_ends_loudly(
    sign_in: SignIn,
    world: World,
    database: Database,
    desk_settings: Any,
) -> None:
    page = await sign_in()
    await world.customer("转人工")
    await take(page)
    await page.get_by_role("textbox", name="回复客户").fill("还没写完")
    renewed = page.wait_for_event("response", lambda r: r.url.endswith("/auth/renew"))
    await page.evaluate(
        "import('/static/common/login.js').then((m) => m.renewBefore(0, () => (window.fresh = true)))"
    )
    assert (await renewed).ok
    await eventually(lambda: page.evaluate("window.fresh === true"))
    assert await page.get_by_label("密码").count() == 0
    async with database.transaction() as session:
        await session.execute(
            update(StaffAccount).where(StaffAccount.id == "agent01").values(active=False)
        )
    await expect(page.get_by_role("dialog", name="登录已过期")).to_be_visible(timeout=15_000)
    async with database.transaction() as session:
        await session.execute(update(StaffAccount).values(active=True))
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await expect(page.locator(".line-state.is-open")).to_be_visible()
    await expect(page.get_by_role("textbox", name="回复客户")).to_have_value("还没写完")


@pytest.mark.parametrize("width", [1440, 1024, 768, 390])
async def test_fits_every_screen(sign_in: SignIn, world: World, width: int) -> None:
    await world.customer("查账单", f"转人工 {'很长' * 300} {'x' * 300}")
    page = await sign_in(width=width, height=800, dark=width == 1024)
    await take(page)
    assert not await overflows(page)
    box = await page.get_by_role("button", name="发送", exact=True).bounding_box()
    assert box
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 800
    supervisor = await sign_in("supervisor01", "/ops", width=width, height=800)
    await expect(supervisor.get_by_role("button", name="查看", exact=True)).to_be_visible()
    assert not await overflows(supervisor)
