"""Offers at the desk in Chromium, against the real app: the card, its countdown, refusals, lapses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from core.settings import Settings
from tests.browser import overflows
from tests.handoff.pages.desk_world import SignIn, World, take

# Read before the tests hide such settings from themselves.
PICTURES = os.environ.get("CHANGDA_PICTURES")
pytestmark = [pytest.mark.browser, pytest.mark.integration]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"offer_mode": "both", "offer_s": 30.0})


async def _online(page: Page) -> None:
    await page.get_by_role("radio", name="在线").click()
    await expect(page.get_by_role("radio", name="在线")).to_have_attribute("aria-checked", "true")


async def _picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def test_an_offer_is_accepted_on_the_card(sign_in: SignIn, world: World) -> None:
    page = await sign_in("agent05", width=1280, height=800)
    await _online(page)
    await world.customer("查账单", "不对，我要人工")
    card = page.get_by_role("alertdialog", name="派给您的客户")
    await expect(card).to_contain_text("派给您：张伟")
    await expect(card).to_contain_text("金卡")
    await expect(card).to_contain_text("质疑上月流量超出费20.00元")
    await expect(card).to_contain_text("秒")
    row = page.locator(".row-waiting")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("已派给您")
    await expect(page).to_have_title("(1) 坐席工作台 · 畅答")
    await _picture(page, "offer-1280")
    await card.get_by_role("button", name="接受").click()
    await expect(page.get_by_role("textbox", name="回复客户")).to_be_visible()
    await expect(card).to_have_count(0)


async def test_an_offer_is_accepted_in_the_list(sign_in: SignIn, world: World) -> None:
    page = await sign_in("agent05")
    await _online(page)
    await world.customer("不对，我要人工")
    card = page.get_by_role("alertdialog", name="派给您的客户")
    await expect(card).to_be_visible()
    await take(page)
    await expect(card).to_have_count(0)
    await expect(page.locator(".row-waiting")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_offer_covers_nothing_of_the_talk(
    sign_in: SignIn,
    world: World,
    width: int,
) -> None:
    page = await sign_in("agent05", width=width, height=844)
    await world.customer("查账单", "不对，我要人工")
    await take(page)
    await world.customer("不对，我要人工")
    card = page.get_by_role("alertdialog", name="派给您的客户")
    await expect(card).to_be_visible()
    assert not await overflows(page)
    await page.get_by_role("button", name="工单", exact=True).click()
    form = page.get_by_role("dialog", name="建立工单")
    await form.get_by_role("button", name="取消").click()
    await page.get_by_role("textbox", name="回复客户").fill("马上为您处理")
    await page.get_by_role("button", name="发送", exact=True).click()
    await expect(page.locator(".line-agent", has_text="马上为您处理")).to_be_in_viewport()
    await expect(card).to_be_visible()


async def test_a_refused_offer_shows_to_whom_it_went(sign_in: SignIn, world: World) -> None:
    first = await sign_in("agent05", width=390, height=844)
    await _online(first)
    await world.customer("不对，我要人工")
    card = first.get_by_role("alertdialog", name="派给您的客户")
    await expect(card).to_be_visible()
    assert not await overflows(first)
    await _picture(first, "offer-390")
    second = await sign_in("agent02")
    await expect(second.locator(".row-waiting")).to_contain_text("已派给郑婷")
    await _online(second)
    await first.bring_to_front()
    await card.get_by_role("button", name="拒绝").click()
    await _picture(first, "offer-390-reasons")
    await card.get_by_role("button", name="不熟悉这类业务").click()
    await expect(card).to_have_count(0)
    await expect(first.locator(".row-waiting")).to_contain_text("已派给周明")
    await expect(second.get_by_role("alertdialog", name="派给您的客户")).to_be_visible()


class TestLapses:
    """With short offers."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"offer_s": 1.5, "offer_lapses": 1})

    async def test_who_does_not_answer_is_told_why_they_are_busy(
        self,
        sign_in: SignIn,
        world: World,
    ) -> None:
        page = await sign_in("agent05", width=1280, height=800)
        await _online(page)
        await world.customer("不对，我要人工")
        await expect(page.get_by_role("alertdialog", name="派给您的客户")).to_be_visible()
        banner = page.locator(".banner")
        await expect(banner).to_contain_text("已为您切换为“忙碌”")
        await expect(page.locator(".row-waiting")).to_have_count(1)
        await _picture(page, "offer-lapsed")
        await page.reload()
        await expect(banner).to_contain_text("已为您切换为“忙碌”")
        await banner.get_by_role("button", name="恢复在线").click()
        await expect(banner).to_have_count(0)
