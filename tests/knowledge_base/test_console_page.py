"""The editors' page in Chromium, against the real app, base, encoder and catalogue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from actions.bss.sandbox.app import create_app as create_sandbox
from bot.gateway.app import create_app
from bot.gateway.services import Services, build_services
from bot.migrations import tables
from core.database import Base, Database
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import StaffDirectory
from knowledge_base.content import EntryContent
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.models import Editor
from knowledge_base.service import KnowledgeService
from knowledge_base.usage import FirstHit
from tests.browser import PageOpener, Server, open_page, overflows, serve  # noqa: F401

pytestmark = pytest.mark.browser
LIN, ZHOU, AGENT = "editor01", "editor02", "agent01"
PASSWORD = "correct-horse-7"
HOSTILE = '<img src=x onerror="window.hit=1">{{ 7*7 }}<script>window.hit=1</script>'
ENTRIES: dict[str, dict[str, Any]] = {
    "roaming-fee": {
        "question": "国际漫游怎么收费？", "category": "漫游", "tags": ["资费"],
        "answer": "可订国际漫游日包，每天${offer.addon-roaming-day.price}元。",
        "similar": ["出国上网一天多少钱", "在国外用手机怎么算钱"], "follow_ups": ["开通国际漫游"],
    },
    "puk-locked": {
        "question": "手机卡被锁要输入PUK码怎么办？", "category": "卡", "tags": ["锁卡"],
        "answer": "PUK码印在卡托背面，也可以凭身份证到营业厅查询。",
        "similar": ["PIN码输错三次锁卡了"],
    },
    "broadband-slow": {
        "question": "宽带网速慢怎么办？", "category": "宽带", "answer": "请先重启光猫和路由器。",
        "rich": "**先重启光猫**\n\n- 网线直连电脑测速\n- 仍然慢可以报修",
        "similar": ["家里上网很卡"],
    },
}  # fmt: skip
Open = Callable[..., Any]


async def prepare(settings: Settings) -> None:
    """Tables, people, and ``ENTRIES`` published."""
    tables.load()
    database = Database(settings.database)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    directory = StaffDirectory(database, TokenIssuer("k" * 40), 12)
    await directory.create(LIN, PASSWORD, "林编辑", ["editor"], [])
    await directory.create(ZHOU, PASSWORD, "周编辑", ["editor"], [])
    await directory.create(AGENT, PASSWORD, "王坐席", ["agent"], ["general"])
    encoder = SentenceEncoder(settings.encoder_dir)
    service = KnowledgeService(database, settings.knowledge_dir, encoder)
    editor = Editor(LIN, "林编辑")
    for entry_id, fields in ENTRIES.items():
        await service.store.create(entry_id, EntryContent.model_validate(fields), editor)
    await service.publisher.publish(editor)
    for _ in range(3):
        await service.record_miss("你们卖不卖老人用的手机", "conv_1", 0.2)
    await service.record_miss(HOSTILE, "conv_2", 0.1)
    await database.close()


@pytest.fixture
def catalogue(serve: Callable[..., Any]) -> Iterator[str]:  # noqa: F811
    with serve(create_sandbox()) as server:
        yield server.url


@pytest.fixture
async def services(
    settings: Settings, redis: Any, redis_url: str, encoder_dir: Path, catalogue: str
) -> Services:
    (settings.var_dir / "models").mkdir(parents=True)
    (settings.var_dir / "models" / "encoder").symlink_to(encoder_dir)
    mine = settings.model_copy(update={"redis_url": redis_url, "bss_url": catalogue})
    await prepare(mine)
    return build_services(mine)


@pytest.fixture
def server(services: Services, serve: Callable[..., Any]) -> Iterator[Server]:  # noqa: F811
    with serve(create_app(services.settings, services)) as running:
        yield running


@pytest.fixture
async def console(server: Server, open_page: PageOpener) -> Open:  # noqa: F811
    """Opens the console, signed in."""
    # The page asks who it is before anybody has signed in.
    open_page.allow(r"status of 401")

    async def opening(place: str = "", user: str = LIN, **options: Any) -> Page:
        page = await open_page(f"{server.url}/knowledge{place}", **options)
        await page.get_by_label("工号").fill(user)
        await page.get_by_label("密码").fill(PASSWORD)
        await page.keyboard.press("Enter")
        return page

    return opening


async def open_entry(page: Page, question: str) -> None:
    await page.locator(".row", has_text=question).click()
    await expect(question_of(page)).to_have_value(question)


def question_of(page: Page) -> Any:
    return page.locator("textarea.big")


def answer_of(page: Page) -> Any:
    return page.get_by_label("答案（微信）", exact=False).first


async def save(page: Page) -> None:
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("已保存为草稿").first).to_be_visible()


async def publish(page: Page) -> None:
    """Publishes one's own work without waiting for a colleague."""
    await page.keyboard.press("Control+Enter")
    await page.get_by_role("button", name="不等审核，直接发布 1 处").click()
    await expect(page.get_by_text("✓ 已发布")).to_be_visible()


async def test_written_published_and_answered(console: Open) -> None:
    page = await console()
    await expect(page.locator(".row")).to_have_count(3)
    await page.locator("body").press("n")
    await expect(question_of(page)).to_be_focused()
    await page.keyboard.type("怎么给孩子的手机设置上网时间？")
    await answer_of(page).fill("在 App 的「亲子守护」里设置每天可以上网的时段。")
    await expect(page.locator(".phone-wechat")).to_contain_text("亲子守护")
    await save(page)
    await expect(page.locator(".row.on")).to_contain_text("草稿")
    await expect(page.get_by_role("button", name="发布 1 处")).to_be_visible()

    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".plan")).to_contain_text("怎么给孩子的手机设置上网时间")
    await expect(page.locator(".plan")).to_contain_text("还没审核")
    await page.get_by_role("button", name="不等审核，直接发布 1 处").click()
    await expect(page.locator(".published")).to_contain_text("秒后，客户已能得到新答案")
    await page.get_by_role("button", name="完成").click()
    await expect(page.locator(".row.on")).to_contain_text("已发布")

    await page.get_by_role("link", name="测试台").click()
    await page.get_by_label("客户的话").fill("孩子的手机能设置上网时间吗")
    await page.keyboard.press("Enter")
    await expect(page.locator(".verdict")).to_contain_text("直接回答")
    await expect(page.locator(".hits li").first).to_contain_text("怎么给孩子的手机设置上网时间")
    await expect(page.locator(".signals")).to_contain_text("字词重合")
    await expect(page.locator(".chances")).to_contain_text("直接回答")
    found = await page.evaluate(
        "fetch('/api/v1/knowledge/search?q=' + encodeURIComponent('孩子的手机能设置上网时间吗'))"
        ".then((r) => r.json())"
    )
    assert found["decision"] == "answer"
    assert "亲子守护" in found["hits"][0]["answer"]


async def test_import_reports_rows_and_gives_back_the_bad_ones(
    console: Open, tmp_path: Path
) -> None:
    rows = [
        {"id": "esim-open", "question": "怎么开eSIM？", "answer": "在 App 里办理。", "category": "卡"},
        {"id": "no-answer", "question": "没有答案的一条"},
        {"id": "script", "question": "脚本", "answer": "<script>window.hit=1</script>"},
    ]  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), "utf-8")
    page = await console("#/transfer")
    await page.get_by_label("选择要导入的文件").set_input_files(file)
    report = page.locator(".report")
    await expect(report).to_contain_text("将新增")
    await expect(report.locator("tbody tr")).to_have_count(2)
    await expect(report).to_contain_text("<script>")
    # A dry run writes nothing.
    assert await entries_in(page) == 3
    await page.get_by_role("button", name="导入这 1 条").click()
    await expect(report).to_contain_text("已写成草稿")
    assert await entries_in(page) == 4
    async with page.expect_download() as waiting:
        await report.get_by_role("button", name="csv").click()
    path = await (await waiting.value).path()
    failed = (await asyncio.to_thread(path.read_bytes)).decode("utf-8-sig")
    assert "no-answer" in failed
    assert "esim-open" not in failed
    assert await page.evaluate("window.hit") is None


async def entries_in(page: Page) -> int:
    script = "fetch('/api/v1/knowledge/entries').then((r) => r.json()).then((d) => d.total)"
    return int(await page.evaluate(script))


async def test_hostile_text_stays_text(console: Open) -> None:
    page = await console("#/misses")
    cluster = page.locator(".cluster", has_text="onerror")
    await expect(cluster).to_contain_text("{{ 7*7 }}")
    await cluster.get_by_role("button", name="用这些新建条目").click()
    await expect(question_of(page)).to_have_value(HOSTILE)
    await page.locator("#rich").fill(
        "**粗体** [点我](javascript:window.hit=1) <b onclick=x>标签</b>\n- {{ 7*7 }}"
    )
    bubble = page.locator(".phone-app .bubble").last
    await expect(bubble.locator("strong")).to_have_text("粗体")
    await expect(bubble).to_contain_text("<b onclick=x>标签</b>")
    await expect(bubble.locator("li")).to_have_text("{{ 7*7 }}")
    assert await bubble.locator("a, b").count() == 0
    assert await page.locator("img[src=x]").count() == 0
    assert await page.evaluate("window.hit") is None


async def test_two_editors_keep_both_changes(
    console: Open, open_page: PageOpener  # noqa: F811
) -> None:  # fmt: skip
    open_page.allow(r"status of 409")
    lin, zhou = await console(), await console(user=ZHOU)
    for page in (lin, zhou):
        await open_entry(page, "宽带网速慢怎么办？")
    await answer_of(zhou).fill("请先重启光猫，再用网线测速。")
    await save(zhou)
    await question_of(lin).fill("宽带网速慢了怎么办？")
    await lin.keyboard.press("Control+s")
    dialog = lin.get_by_role("dialog")
    await expect(dialog).to_contain_text("周编辑")
    await expect(dialog.locator("ins").first).to_be_visible()
    await dialog.get_by_role("button", name="合并两边的改动").click()
    await expect(dialog).to_be_hidden()
    await expect(answer_of(lin)).to_have_value("请先重启光猫，再用网线测速。")
    await expect(question_of(lin)).to_have_value("宽带网速慢了怎么办？")
    await expect(lin.locator(".unsaved")).to_be_hidden()


async def test_unsaved_work_is_not_lost(console: Open) -> None:
    page = await console()
    await open_entry(page, "宽带网速慢怎么办？")
    await answer_of(page).fill("改了一半")
    await page.locator(".row", has_text="PUK").click()
    await expect(page.get_by_text("还没保存的改动")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="不保存", exact=True)).to_have_count(0)
    await expect(answer_of(page)).to_have_value("改了一半")
    await page.go_back()
    await page.get_by_role("button", name="不保存", exact=True).click()
    await expect(page.locator(".overview")).to_be_visible()
    await open_entry(page, "宽带网速慢怎么办？")
    await expect(answer_of(page)).to_have_value("请先重启光猫和路由器。")


async def test_figures_and_neighbours_while_typing(console: Open) -> None:
    page = await console("#/entries/roaming-fee", width=1440)
    await expect(page.locator(".phone-wechat")).to_contain_text("每天30元")
    await answer_of(page).fill("每天${offer.addon-roaming-day.price}元，或${offer.nothing.price}元")
    await expect(page.locator(".preview .hint-warn")).to_contain_text("offer.nothing.price")
    await save(page)
    await page.locator("body").click()
    await page.get_by_role("button", name="新建").click()
    await question_of(page).fill("手机卡被锁，要输入 PUK 码怎么办")
    near = page.locator(".near")
    await expect(near).to_contain_text("意思几乎相同")
    await expect(near).to_contain_text("手机卡被锁要输入PUK码怎么办？")


async def test_an_older_revision_comes_back(console: Open) -> None:
    page = await console("#/entries/puk-locked")
    await answer_of(page).fill("打客服电话查询。")
    await save(page)
    await page.get_by_role("tab", name="历史").click()
    await expect(page.locator(".revisions li")).to_have_count(2)
    await expect(page.locator(".change-text ins").first).to_be_visible()
    await page.locator(".revisions button", has_text="第 1 版").click()
    await page.get_by_role("button", name="恢复到这一版").click()
    await page.get_by_role("button", name="恢复", exact=True).click()
    await expect(answer_of(page)).to_have_value(ENTRIES["puk-locked"]["answer"])


async def test_a_failing_golden_question_stops_a_publish(
    console: Open, open_page: PageOpener  # noqa: F811
) -> None:  # fmt: skip
    open_page.allow(r"status of 409")
    page = await console("#/golden")
    await page.get_by_label("新的必过问题").fill("家里上网很卡")
    await page.get_by_role("button", name="下一步").click()
    await expect(page.locator(".picker li").first).to_contain_text("宽带网速慢")
    await page.locator(".picker li").first.get_by_role("button").click()
    await page.get_by_role("button", name="用线上版本检查一遍").click()
    await expect(page.locator(".table")).to_contain_text("通过")

    await page.goto(page.url.split("#")[0] + "#/entries/broadband-slow")
    await page.get_by_role("button", name="更多操作").click()
    await page.get_by_role("menuitem", name="下线").click()
    await page.get_by_role("button", name="下线", exact=True).click()
    await expect(page.locator(".row")).to_have_count(2)
    await page.keyboard.press("Control+Enter")
    await page.get_by_role("button", name="发布 1 处改动").click()
    await expect(page.locator(".failures")).to_contain_text("家里上网很卡")
    await page.get_by_role("button", name="仍然发布").click()
    await expect(page.locator(".published")).to_contain_text("下线 1 条")


async def test_a_colleague_reviews_and_publishes(console: Open) -> None:
    lin, zhou = await console("#/entries/puk-locked"), await console("#/review", user=ZHOU)
    await expect(zhou.get_by_text("没有等待审核的内容")).to_be_visible()
    await answer_of(lin).fill("打客服电话查询。")
    await save(lin)
    await lin.get_by_role("button", name="送审").click()
    await expect(lin.locator(".entry-head .tag").first).to_have_text("待审核")
    await zhou.reload()
    card = zhou.locator(".cluster")
    await expect(card.locator("ins").first).to_be_visible()
    await card.get_by_role("button", name="退回…").click()
    await zhou.get_by_role("textbox").fill("请保留卡托背面的说法")
    await zhou.get_by_role("button", name="退回", exact=True).click()
    await expect(card).to_have_count(0)

    await lin.reload()
    await lin.get_by_role("tab", name="历史").click()
    await expect(lin.locator(".acts")).to_contain_text("请保留卡托背面的说法")
    await lin.get_by_role("button", name="送审").click()
    await lin.get_by_role("link", name="审核").click()
    await expect(lin.locator(".cluster")).to_contain_text("要由另一位编辑审核")
    await zhou.reload()
    await card.get_by_role("button", name="通过并发布").click()
    await expect(zhou.get_by_text("已通过并发布").first).to_be_visible()
    await expect(card).to_have_count(0)
    await lin.goto(lin.url.split("#")[0] + "#/entries/puk-locked")
    await lin.reload()
    await expect(lin.locator(".entry-head .tag").first).to_have_text("已发布")


async def test_what_did_not_help_is_mended(console: Open, services: Services) -> None:
    usage = services.knowledge.usage
    await usage.record("c", 1, "漫游一天多少", [FirstHit("roaming-fee", message_id="m1")])
    await usage.react("c", "m1", False)
    await services.knowledge.inbox.record_correction(
        "puk-locked", Editor(AGENT, "王坐席"), "背面没有", "PUK码在App里查。", HOSTILE, None
    )
    page = await console("#/inbox")
    await page.get_by_role("tab", name="没帮上").click()
    await expect(page.locator(".cluster")).to_contain_text("漫游一天多少")
    await page.get_by_role("tab", name="同事更正").click()
    await expect(page.locator(".cluster")).to_contain_text("背面没有")
    await page.get_by_role("button", name="按建议改答案").click()
    await expect(answer_of(page)).to_have_value("PUK码在App里查。")
    await save(page)
    await page.get_by_role("link", name="收件箱").click()
    await page.get_by_role("tab", name="同事更正").click()
    await expect(page.get_by_text("没有待处理的更正")).to_be_visible()
    await page.get_by_role("link", name="词条").click()
    await page.locator(".row", has_text="国际漫游怎么收费").click()
    await expect(page.locator(".usage")).to_contain_text("没解决")
    assert await page.evaluate("window.hit") is None


async def test_the_list_shows_dates_and_use(console: Open, services: Services) -> None:
    promo = EntryContent(question="双十一活动怎么参加？", answer="满减。", valid_from="2099-11-01")
    await services.knowledge.store.create("promo", promo, Editor(LIN, "林编辑"))
    await services.knowledge.usage.record("c", 1, "锁卡", [FirstHit("puk-locked", message_id="m")])
    page = await console()
    await expect(page.locator(".row", has_text="双十一")).to_contain_text("待生效")
    await page.locator(".list-filters .el-select").nth(3).click()
    await page.get_by_role("option", name="被问最多").click()
    await expect(page.locator(".row").first).to_contain_text("被问 1")
    await page.locator(".list-filters .el-select").nth(2).click()
    await page.get_by_role("option", name="待生效").click()
    await expect(page.locator(".row")).to_have_count(1)


async def test_contradicting_answers_are_pointed_out(console: Open) -> None:
    page = await console("#/entries/new")
    await question_of(page).fill("手机卡被锁要输入PUK码怎么办")
    await answer_of(page).fill("今天食堂供应红烧肉。")
    await expect(page.locator(".near-conflict")).to_contain_text("答案打架")


async def test_a_snapshot_comes_back(console: Open) -> None:
    page = await console("#/entries/puk-locked")
    await answer_of(page).fill("打客服电话查询。")
    await save(page)
    await publish(page)
    await page.get_by_role("button", name="完成").click()
    await page.get_by_role("link", name="发布记录").click()
    await expect(page.locator(".snapshot")).to_have_count(2)
    await page.locator(".snapshot").last.get_by_role("button").click()
    await page.get_by_role("button", name="退回", exact=True).click()
    await expect(page.locator(".snapshot").last).to_contain_text("线上正在用")


async def test_a_miss_becomes_an_entry(console: Open) -> None:
    page = await console("#/misses")
    cluster = page.locator(".cluster", has_text="老人用的手机")
    await expect(cluster.locator(".cluster-count")).to_have_text("3次")
    await cluster.get_by_role("button", name="用这些新建条目").click()
    await answer_of(page).fill("各营业厅都有适老手机。")
    await save(page)
    await page.get_by_role("link", name="收件箱").click()
    await expect(page.locator(".cluster")).to_have_count(1)
    await page.get_by_role("button", name="归我处理").click()
    await expect(page.locator(".cluster .tag-info")).to_have_text("归我")


async def test_search_and_filters(console: Open) -> None:
    page = await console()
    await expect(page.locator(".row")).to_have_count(3)
    await page.locator("body").press("/")
    await expect(page.get_by_label("搜索词条")).to_be_focused()
    await page.keyboard.type("锁卡")
    await expect(page.locator(".row")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(question_of(page)).to_have_value("手机卡被锁要输入PUK码怎么办？")
    await page.get_by_label("搜索词条").fill("没有这样的词条")
    await expect(page.get_by_text("没有符合条件的词条")).to_be_visible()


async def test_agents_are_turned_away(console: Open) -> None:
    page = await console(user=AGENT)
    await expect(page.get_by_text("没有使用这个页面的权限")).to_be_visible()
    assert await page.locator(".console").count() == 0


@pytest.mark.parametrize("width", [1440, 1024, 768, 390])
async def test_fits_every_screen(console: Open, width: int) -> None:
    page = await console(width=width, height=844, dark=width == 1024)
    await page.locator(".row").first.wait_for()
    places = ("entries/roaming-fee", "entries", "inbox", "review", "golden", "transfer", "publish")
    for place in places:
        await page.evaluate(f"location.hash = '#/{place}'")
        await asyncio.sleep(0.15)
        assert not await overflows(page), place
        assert await page.locator(".publish-button").is_visible()
