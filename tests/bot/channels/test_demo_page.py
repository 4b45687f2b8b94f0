"""The demo's phone in Chromium: the real app answers, the stand-in shows what the customer saw."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bot.channels.standin.app import Platform
from bot.channels.wechat.menu import MENU
from core.transcript import Draft
from tests.bot.channels.conftest import World
from tests.browser import PageOpener, open_page

__all__ = ["open_page"]
pytestmark = [pytest.mark.integration, pytest.mark.browser]
# Read before the fixtures take every CHANGDA_ variable away.
PICTURES = os.environ.get("CHANGDA_PICTURES")
SIZES = [(390, 844), (1280, 800)]


async def picture(page: Page, name: str) -> None:
    """Keeps a picture where ``CHANGDA_PICTURES`` says."""
    if PICTURES:
        await page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


async def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    wide = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return bool(wide)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_the_official_account_on_a_phone(
    world: World, platform: tuple[Platform, str], open_page: PageOpener, width: int, height: int
) -> None:
    world.wechat.menu = MENU
    page = await open_page(platform[1], width=width, height=height)
    log = page.get_by_role("log")
    await page.get_by_role("button", name="关注公众号").click()
    await expect(log).to_contain_text("智能客服小畅")
    await page.get_by_label("说点什么").fill("<b>查话费</b>")
    await page.keyboard.press("Enter")
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
    await picture(page, f"wechat-demo-{width}")
    assert await fits(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_what_the_platform_counts_and_what_goes_wrong(
    world: World, platform: tuple[Platform, str], open_page: PageOpener, width: int, height: int
) -> None:
    page = await open_page(platform[1], width=width, height=height)
    await page.get_by_role("button", name="关注公众号").click()
    await page.get_by_label("说点什么").fill("你好")
    await page.get_by_role("button", name="发送").click()
    await expect(page.get_by_role("log")).to_contain_text("答：你好")
    if width < 896:
        await page.get_by_role("button", name="平台", exact=True).click()
    panel = page.locator("#panel")
    await expect(panel).to_contain_text("5 条，48小时内")
    await expect(panel.get_by_role("listitem").first).to_contain_text("秒后")
    await panel.get_by_role("button", name="接口报错两次").click()
    await expect(panel).to_contain_text("还有 2 次故障在等着")
    conversation = await world.services.identities.conversation_of("wechat", "oDemoZhang")
    said = Draft("agent", "我是小李。", agent_id="a1", agent_name="小李")
    await world.services.transcript.append(conversation.id, said)
    events = panel.get_by_role("list")
    await expect(events).to_contain_text("客服消息接口")
    await expect(events).to_contain_text("我是小李")
    await panel.get_by_role("button", name="过 48 小时").click()
    await expect(panel).to_contain_text("平台的钟快了 48.1 小时")
    await expect(panel).to_contain_text("不能发")
    await picture(page, f"wechat-panel-{width}")
    assert await fits(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_wecom_on_the_second_tab(
    world: World, platform: tuple[Platform, str], open_page: PageOpener, width: int, height: int
) -> None:
    page = await open_page(f"{platform[1]}/?who=oDemoLi", width=width, height=height)
    await page.get_by_role("tab", name="微信客服").click()
    log = page.get_by_role("log")
    await page.get_by_role("button", name="更多").click()
    await page.get_by_role("button", name="重新进入会话").click()
    await expect(log).to_contain_text("智能客服小畅")
    await log.get_by_role("button", name="查流量").click()
    await expect(log).to_contain_text("答：查流量")
    await page.get_by_role("button", name="发语音").click()
    await expect(log).to_contain_text("没有听清")
    await picture(page, f"wecom-demo-{width}")
    assert await fits(page)


async def test_a_stand_in_that_is_gone_is_told(
    platform: tuple[Platform, str], open_page: PageOpener
) -> None:
    open_page.allow("Failed to load resource", "net::ERR")
    page = await open_page(platform[1], width=390, height=844)
    await page.route("**/demo/**", lambda route: route.abort())
    await expect(page.locator("body[data-gone]")).to_be_attached()
