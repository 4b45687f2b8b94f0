"""The chat page when its customer turns out to have a conversation already, and in elderly mode by asking."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.bot.pages.fake_gateway import GREETING, FakeGateway
from tests.browser import PageOpener, Server, eventually

pytestmark = pytest.mark.browser


def own(page: Page) -> Locator:
    return page.locator(".msg.customer .bubble")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("输入消息").fill(text)
    await page.keyboard.press("Enter")


async def test_the_page_goes_on_in_the_customers_conversation(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await say(page, "网页说的")
    await expect(own(page)).to_have_text(["网页说的"])
    gateway.join("微信说的")
    await expect(own(page)).to_have_text(["微信说的", "网页说的"])
    await expect(page.get_by_text(GREETING)).to_have_count(0)
    await say(page, "接着说")
    await expect(own(page)).to_have_text(["微信说的", "网页说的", "接着说"])
    await page.reload()
    await expect(own(page)).to_have_text(["微信说的", "网页说的", "接着说"])


async def test_it_notices_without_a_live_connection_too(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    open_page.allow("WebSocket connection", "ERR_")
    gateway.no_sockets = True
    page = await open_page(server.url, width=360)
    await say(page, "网页说的")
    await expect(own(page)).to_have_text(["网页说的"])
    await page.wait_for_timeout(3000)
    gateway.join("微信说的")
    await expect(own(page)).to_have_text(["微信说的", "网页说的"])


async def test_large_type_by_asking_and_back(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await expect(own(page)).to_have_count(0)
    large = page.get_by_role("button", name="大字版", pressed=True)
    gateway.profile = {"elderly": False}
    gateway.become("bot", profile=gateway.profile)
    gateway.profile = {"elderly": True}
    gateway.become("bot", profile=gateway.profile)
    await expect(large).to_be_visible()
    gateway.greets = {"profile": gateway.profile}
    await page.reload()
    await expect(large).to_be_visible()
    await expect(page.locator(".log.live")).to_be_visible()
    gateway.profile = {"elderly": False}
    gateway.become("bot", profile=gateway.profile)
    await expect(large).to_have_count(0)


async def test_the_button_tells_the_bot(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url, width=360)
    await page.get_by_role("button", name="大字版").click()
    await eventually(lambda: gateway.preferred == [{"elderly": True}])
    await page.get_by_role("button", name="大字版").click()
    await eventually(lambda: gateway.preferred == [{"elderly": True}, {"elderly": False}])
