"""The demo's phone in Chromium: the real app answers, the stand-in shows what the customer saw."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.channels.standin.app import Platform
from bot.channels.wechat.menu import MENU
from core.transcript import Draft
from tests.bot.channels.conftest import World
from tests.browser import PageOpener, open_page, overflows

__all__ = ["open_page"]
pytestmark = [pytest.mark.integration, pytest.mark.browser]
# Read before the fixtures take every CHANGDA_ variable away.
PICTURES = os.environ.get("CHANGDA_PICTURES")
SIZES = [(360, 740), (768, 1024), (1280, 800)]
WIDE = 896
"""From this width on the console stands beside the phone."""
Take = Callable[..., Awaitable[Page]]


async def picture(page: Page, name: str) -> None:
    """Keeps a picture where ``CHANGDA_PICTURES`` says."""
    if PICTURES:
        await page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


@pytest.fixture
def take(world: World, platform: tuple[Platform, str], open_page: PageOpener) -> Take:
    """Takes up a phone: the page as a newcomer finds it, then the account followed or the service asked."""

    async def taken(width: int, height: int, side: str = "wechat") -> Page:
        world.wechat.menu = MENU
        page = await open_page(f"{platform[1]}/?side={side}", width=width, height=height)
        first = "关注公众号" if side == "wechat" else "联系客服"
        await page.get_by_role("button", name=first).click()
        await expect(page.get_by_role("log")).to_contain_text("智能客服小畅")
        return page

    return taken


async def say(page: Page, text: str) -> None:
    await page.get_by_label("说点什么").fill(text)
    await page.get_by_role("button", name="发送").click()


async def agent_says(world: World, text: str) -> None:
    conversation = await world.services.identities.conversation_of("wechat", "oDemoZhang")
    said = Draft("agent", text, agent_id="a1", agent_name="小李")
    await world.services.transcript.append(conversation.id, said)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_the_official_account_on_a_phone(take: Take, width: int, height: int) -> None:
    page = await take(width, height)
    log = page.get_by_role("log")
    await say(page, "<b>查话费</b>")
    await expect(log).to_contain_text("答：<b>查话费</b>")
    assert await log.locator("b").count() == 0
    await page.get_by_role("button", name="菜单").click()
    await page.get_by_text("查询", exact=True).click()
    await page.get_by_role("button", name="查流量").click()
    await expect(log).to_contain_text("答：还剩多少流量")
    await page.get_by_role("button", name="键盘").click()
    await page.get_by_role("button", name="更多").click()
    await page.get_by_role("button", name="说语音").click()
    await expect(log).to_contain_text("答：查一下我上个月的话费")
    await page.get_by_role("button", name="发图片").click()
    await expect(log).to_contain_text("我还看不懂图片")
    await expect(log.get_by_role("img", name="图片")).to_be_visible()
    await picture(page, f"wechat-demo-{width}")
    assert not await overflows(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_what_the_platform_counts_and_what_goes_wrong(
    world: World, take: Take, width: int, height: int
) -> None:
    page = await take(width, height)
    await say(page, "你好")
    await expect(page.get_by_role("log")).to_contain_text("答：你好")
    if width < WIDE:
        await page.get_by_role("button", name="平台", exact=True).click()
    panel = page.locator("#panel")
    await expect(panel).to_contain_text("5 条，48小时内")
    await expect(panel.get_by_role("listitem").first).to_contain_text("秒后")
    await panel.get_by_role("button", name="接口报错两次").click()
    await expect(panel).to_contain_text("还有 2 次故障在等着")
    await agent_says(world, "我是小李。")
    events = panel.get_by_role("list")
    # Two failures are two waits, longer each time.
    await expect(events).to_contain_text("客服消息接口", timeout=30_000)
    await expect(events).to_contain_text("我是小李")
    await panel.get_by_role("button", name="过 48 小时").click()
    await expect(panel).to_contain_text("平台的钟快了 48.1 小时")
    await expect(panel).to_contain_text("不能发")
    await picture(page, f"wechat-panel-{width}")
    assert not await overflows(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_wecom_on_the_second_tab(take: Take, width: int, height: int) -> None:
    page = await take(width, height, "wecom")
    log = page.get_by_role("log")
    await log.get_by_role("button", name="查流量").click()
    await expect(log).to_contain_text("答：查流量")
    await page.get_by_role("button", name="更多").click()
    await page.get_by_role("button", name="发语音").click()
    await expect(log).to_contain_text("没有听清")
    await picture(page, f"wecom-demo-{width}")
    assert not await overflows(page)


async def test_a_colleague_takes_the_session_and_the_bot_is_silent(
    world: World, take: Take
) -> None:
    page = await take(1280, 800, "wecom")
    log = page.get_by_role("log")
    await page.get_by_role("button", name="同事在企业微信接待").click()
    await expect(log).to_contain_text("我是小赵")
    await say(page, "宽带坏了")
    await page.get_by_role("button", name="结束会话").click()
    await expect(log).to_contain_text("会话已结束")
    await say(page, "查话费")
    await expect(log).to_contain_text("答：查话费")
    assert [body["text"] for body in world.dialogue.asked] == ["查话费"]


async def test_what_cannot_be_done_and_a_stand_in_that_is_gone_are_told(
    take: Take, open_page: PageOpener
) -> None:
    open_page.allow("Failed to load resource", "net::ERR")
    page = await take(360, 740, "wecom")
    message = page.locator("[data-part=message]")
    await page.get_by_role("button", name="更多").click()
    await page.get_by_role("button", name="撤回上一条").click()
    await expect(message).to_have_text("没有成功：演示服务没有应答，或者现在不能这样做。")
    await say(page, "你好")
    await expect(message).to_be_empty()
    await page.route("**/demo/**", lambda route: route.abort())
    await expect(message).to_have_text("连不上演示服务")
