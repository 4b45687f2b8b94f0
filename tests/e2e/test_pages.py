"""The whole story in Chromium on the real system: customer, agent, editor.

``CHANGDA_PICTURES=docs/images make pictures`` keeps what the pages look like for the README.
"""

from __future__ import annotations

import os
import re

import pytest
from playwright.async_api import Page, expect

from tests.browser import PageOpener, open_page  # noqa: F401
from tests.system import PASSWORD, Customer, StaffMember, System

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
# Read before the fixtures take every CHANGDA_ variable away.
PICTURES = os.environ.get("CHANGDA_PICTURES")


async def _picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.wait_for_timeout(600)
        await page.screenshot(path=f"{PICTURES}/{name}.png")


async def _say(page: Page, text: str) -> None:
    await page.get_by_label("输入消息").fill(text)
    await page.keyboard.press("Enter")


async def _sign_in(page: Page, username: str) -> None:
    await page.get_by_label("工号").fill(username)
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()


async def test_from_question_to_rating(
    system: System,
    open_page: PageOpener,  # noqa: F811
) -> None:
    open_page.allow("401")
    chat = await open_page(system.url, width=390, height=844)
    log = chat.get_by_role("log")
    await expect(log).to_contain_text("您好")
    await _say(chat, "我上个月话费怎么比之前多")
    await expect(log).to_contain_text("手机号")
    await _say(chat, "13800000001")
    await expect(log).to_contain_text("验证码")
    await _say(chat, "246810")
    for figure in ("158.40", "134.00", "20.00", "4.40"):
        await expect(log).to_contain_text(figure)
    await expect(chat.locator(".card")).to_have_count(1)
    await _picture(chat, "chat")
    await _say(chat, "转人工")
    await expect(chat.get_by_role("button", name="取消排队").first).to_be_visible()

    desk = await open_page(f"{system.url}/desk", width=1440, height=900)
    await _sign_in(desk, "agent01")
    row = desk.locator(".row-waiting", has_text="张伟").first
    await row.get_by_role("button", name="接入").click()
    await expect(desk.get_by_label("五秒摘要")).to_contain_text("张伟")
    await expect(desk.get_by_role("log")).to_contain_text("我上个月话费怎么比之前多")
    await expect(desk.get_by_label("机器人已做")).to_contain_text("158.40")
    await desk.get_by_role("textbox", name="回复客户").fill(
        "张先生您好，我看到您上月有20元流量超出。"
    )
    await desk.keyboard.press("Enter")
    await expect(log).to_contain_text("张先生您好")
    await _say(chat, "那怎么才能不超呢")
    await expect(desk.get_by_role("log")).to_contain_text("那怎么才能不超呢")
    await _picture(desk, "desk")

    await desk.get_by_role("button", name="结束", exact=True).click()
    form = desk.get_by_role("dialog", name="结束会话")
    await form.get_by_role("button", name="结束并提交小结").click()
    await chat.get_by_role("radio", name=re.compile("^5星")).check(force=True)
    await chat.get_by_role("button", name="提交评价").click()
    await expect(log).to_contain_text("感谢您的反馈")
    await _say(chat, "余额多少")
    await expect(log).to_contain_text("56.30")


async def test_elderly_page(system: System, open_page: PageOpener) -> None:  # noqa: F811
    page = await open_page(f"{system.url}/?elderly=1", width=390, height=844)
    await expect(page.get_by_role("log")).to_contain_text("您好")
    size = await page.locator(".bubble").first.evaluate(
        "n => parseFloat(getComputedStyle(n).fontSize)"
    )
    assert size >= 20
    await _picture(page, "chat-elderly")


async def test_editor_publishes_from_the_console(
    system: System,
    open_page: PageOpener,  # noqa: F811
) -> None:
    open_page.allow("401")
    page = await open_page(f"{system.url}/knowledge", width=1440, height=900)
    await _sign_in(page, "editor01")
    await expect(page.get_by_text("携号转网", exact=False).first).to_be_visible()
    await _picture(page, "knowledge")


async def test_supervisors_see_the_floor(
    system: System,
    open_page: PageOpener,  # noqa: F811
) -> None:
    open_page.allow("401")
    StaffMember(system, "agent02").put("/agents/me/status", {"status": "online"})
    for text in ("转人工", "我要投诉你们乱扣费，转人工"):
        Customer(system).send(text)
    page = await open_page(f"{system.url}/ops", width=1440, height=900)
    await _sign_in(page, "supervisor01")
    await expect(page.locator("body")).to_contain_text("排队")
    await _picture(page, "ops")


async def test_the_contract_is_shown_without_other_hosts(
    system: System,
    open_page: PageOpener,  # noqa: F811
) -> None:
    page = await open_page(f"{system.url}/docs")
    await expect(page.locator("body")).to_contain_text("/api/v1/sessions")
    await expect(page.locator("body")).to_contain_text("/api/v1/handoffs")
