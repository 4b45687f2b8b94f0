"""Tickets at the desk in Chromium, against the real app: call backs from the list to their end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update

from core.clock import now
from core.database import Database
from handoff.models import Ticket
from tests.browser import overflows
from tests.handoff.pages.desk_world import SignIn, World, take

pytestmark = [pytest.mark.browser, pytest.mark.integration]


async def _cases(page: Page) -> Any:
    await page.get_by_role("tab", name="工单与回电").click()
    return page.locator(".list-cases .row")


async def test_a_call_back_is_made(sign_in: SignIn, world: World) -> None:
    page = await sign_in()
    customer = await world.customer("查账单", "不对，我要人工", "改为回电")
    # The list knows of it without anybody looking.
    await expect(page.get_by_role("tab", name=re.compile("工单与回电 1"))).to_be_visible()
    row = (await _cases(page)).filter(has_text="张伟")
    await expect(row).to_contain_text("待接手")
    await expect(row).to_contain_text(re.compile("还有2[34]小时"))
    await row.click()
    await expect(page.get_by_label("诉求", exact=True)).to_contain_text("质疑上月流量超出费20.00元")
    await expect(page.get_by_label("五秒摘要")).to_contain_text("张伟")
    assert await page.get_by_role("button", name="查看完整号码").count() == 0
    await page.locator(".chat-foot").get_by_role("button", name="我来处理").click()

    phone = page.get_by_label("联系电话")
    await phone.get_by_role("button", name="查看完整号码").click()
    await phone.get_by_role("button", name="查看", exact=True).click()
    await expect(phone).to_contain_text("13800000001")
    await phone.get_by_role("button", name="隐藏").click()
    await expect(phone).not_to_contain_text("13800000001")

    form = page.get_by_role("form", name="记录处理")
    finish = form.get_by_role("button", name="办结", exact=True)
    await expect(finish).to_be_disabled()
    await form.get_by_role("radio", name="没有接通").click()
    await form.get_by_role("button", name="明天10点").click()
    await form.get_by_role("button", name="保存，继续跟进").click()
    await expect(row).to_contain_text("未接通1次")
    await expect(row).to_contain_text("10:00")
    await expect(phone).to_contain_text("约好再次联系")
    assert "没有接通" in (await customer.texts("system"))[-1]
    await customer.say("明天下午3点以后都可以")
    assert "已记下" in (await customer.texts("system"))[-1]
    await expect(page.locator(".case-steps")).to_contain_text("客户补充：明天下午3点以后都可以")
    await page.get_by_role("tab", name="会话记录").click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("上月158.40元，比前月多24.40元。")

    await form.get_by_role("radio", name="已接通").click()
    await form.get_by_label("处理说明").fill("已解释流量超出，客户认可")
    await finish.click()
    await expect(page.locator(".list-cases")).to_contain_text("没有待办的工单")
    assert (await customer.texts("system"))[-1].endswith("已处理：已解释流量超出，客户认可")
    await page.get_by_role("radio", name="已办结").click()
    await expect(row).to_contain_text("已解决")


async def test_given_to_a_colleague_who_hears_of_it(
    sign_in: SignIn,
    world: World,
    database: Database,
) -> None:
    await world.customer("不对，我要人工", "改为回电")
    late = now() - timedelta(hours=30)
    async with database.transaction() as session:
        await session.execute(
            update(Ticket).values(
                created_at=late, first_reply_due=late + timedelta(hours=24),
                resolve_due=late + timedelta(hours=24),
            )
        )  # fmt: skip
    one, two = await sign_in("agent01"), await sign_in("agent05")
    row = await _cases(one)
    await expect(one.get_by_role("status").filter(has_text="1张工单已超时")).to_be_visible()
    await expect(row.locator(".late")).to_have_text(re.compile("超时6小时"))
    await row.click()
    await one.get_by_role("button", name="转给别人").click()
    dialog = one.get_by_role("dialog", name="转给别人")
    # Only who knows this kind of work is offered.
    await expect(dialog.get_by_text("何静")).to_have_count(0)
    await dialog.get_by_text("郑婷").click()
    await dialog.get_by_label("转出备注").fill("下午再打")
    await dialog.get_by_role("button", name="转出").click()
    await expect(two.locator(".el-message")).to_contain_text("转给了您")
    await expect(one.locator(".case-steps")).to_contain_text("转给郑婷：下午再打")
    await expect(one.locator(".chat-foot")).to_contain_text("由郑婷负责")
    await (await _cases(two)).click()
    await expect(two.get_by_role("form", name="记录处理")).to_be_visible()

    boss = await sign_in("supervisor01", "/ops")
    late_line = boss.get_by_label("超时提醒").locator("li", has_text="工单首次回复超时")
    await expect(late_line).to_contain_text("郑婷")
    async with boss.context.expect_page() as opened:
        await late_line.get_by_role("link", name="处理").click()
    case = await opened.value
    await expect(case.get_by_label("诉求", exact=True)).to_contain_text("质疑上月流量超出费20.00元")
    await expect(case.locator(".chat-head")).to_contain_text("郑婷")


async def test_what_is_left_to_do_becomes_a_ticket_while_writing_up(
    sign_in: SignIn,
    world: World,
) -> None:
    await world.customer("不对，我要人工")
    page = await sign_in()
    await take(page)
    await page.get_by_role("button", name="结束", exact=True).click()
    await page.get_by_role("button", name="先结束，稍后写小结").click()
    await page.locator(".chat-foot").get_by_role("button", name="建立工单").click()
    form = page.get_by_role("dialog", name="建立工单")
    await form.get_by_label("工单内容").fill("退费20元，三天内到账")
    await form.get_by_role("button", name="建立工单").click()
    await expect(page.locator(".el-message").filter(has_text="已建立")).to_be_visible()
    row = await _cases(page)
    await expect(row).to_contain_text("我负责")
    await row.click()
    await expect(page.get_by_label("诉求", exact=True)).to_contain_text("三天内到账")


async def test_words_survive_a_look_elsewhere(sign_in: SignIn, world: World) -> None:
    await world.customer("不对，我要人工", "改为回电")
    page = await sign_in()
    await (await _cases(page)).click()
    await page.locator(".chat-foot").get_by_role("button", name="我来处理").click()
    text = page.get_by_label("处理说明")
    await text.fill("客户说下午方便")
    await world.customer("转人工")
    await page.get_by_role("tab", name="会话", exact=True).click()
    await take(page)
    await page.keyboard.press("Alt+g")
    await page.locator(".list-cases .row").click()
    await expect(text).to_have_value("客户说下午方便")


async def test_fits_a_phone(sign_in: SignIn, world: World) -> None:
    await world.customer("不对，我要人工", "改为回电")
    page = await sign_in(width=360, height=740)
    await (await _cases(page)).click()
    await page.locator(".chat-foot").get_by_role("button", name="我来处理").click()
    await expect(page.get_by_role("form", name="记录处理")).to_be_visible()
    assert not await overflows(page)
    await page.get_by_role("button", name="客户资料").click()
    await expect(page.get_by_label("五秒摘要")).to_be_visible()
    await page.get_by_role("button", name="收起").click()
    await page.get_by_role("button", name="返回列表").click()
    await expect(page.locator(".list-cases .row")).to_be_visible()
    assert not await overflows(page)
