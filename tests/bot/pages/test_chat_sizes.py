"""The chat page at the sizes and enlargements people use, by keyboard alone, and its colours computed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot.gateway.pages import FOLDERS
from tests.bot.pages.cards import BILL, PLANS, RATING, TICKET, USAGE
from tests.bot.pages.fake_gateway import FakeGateway, buttons
from tests.browser import PageOpener, Server, overflows

SIZES = [(360, 740), (768, 1024), (1280, 800)]
CARDS = (BILL, PLANS, USAGE, TICKET, RATING)
SHIFT = (
    "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => {"
    " if (!e.hadRecentInput) window.shift += e.value; })).observe({ type: 'layout-shift', buffered: true });"
)
SMALL = """(least) => [...document.querySelectorAll("button, textarea, input:not([type=radio])")]
  .filter((n) => n.checkVisibility() && !n.disabled)
  .map((n) => [n.ariaLabel || n.innerText, n.getBoundingClientRect()])
  .filter(([, box]) => box.width < least || box.height < least).map(([name]) => name)"""


async def everything(page: Page, gateway: FakeGateway) -> None:
    gateway.script["全部"] = [
        {"text": "这是一段比较长的回答，" * 8, "buttons": buttons("查话费", "查流量", "转人工")},
        *({"text": "", "card": card} for card in CARDS),
    ]
    await page.get_by_label("输入消息").fill("全部")
    await page.keyboard.press("Enter")
    await expect(page.locator(".card")).to_have_count(len(CARDS))


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_nothing_jumps_and_nothing_is_cut_off(
    gateway: FakeGateway, server: Server, open_page: PageOpener, width: int, height: int
) -> None:
    context = await open_page.context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    await context.add_init_script(SHIFT)
    page = await open_page(server.url, context=context)
    await everything(page, gateway)
    assert not await overflows(page)
    assert await page.evaluate("window.shift") < 0.02
    for name in ("输入消息", "转人工客服", "大字版"):
        await expect(page.get_by_label(name, exact=True)).to_be_in_viewport()
    # WCAG 2.2, 2.5.8: targets of 24 pixels.
    assert await page.evaluate(SMALL, 24) == []


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("query", ["", "?elderly=1"])
async def test_twice_as_large_it_can_still_be_used(
    gateway: FakeGateway, server: Server, open_page: PageOpener, width: int, height: int, query: str
) -> None:
    """A browser at 200 % has half as many pixels of twice the size."""
    viewport: Any = {"width": width // 2, "height": height // 2}
    context = await open_page.context(viewport=viewport, device_scale_factor=2)
    page = await open_page(f"{server.url}/{query}", context=context)
    await everything(page, gateway)
    assert not await overflows(page)
    field = page.get_by_label("输入消息")
    await expect(field).to_be_in_viewport(ratio=1)
    await expect(page.get_by_role("button", name="转人工客服")).to_be_in_viewport(ratio=1)
    log = await page.locator(".scroll").bounding_box()
    assert log is not None
    assert log["height"] > height * 0.15
    await page.get_by_role("button", name="选择畅享39元").scroll_into_view_if_needed()
    await page.get_by_role("button", name="选择畅享39元").click()


@pytest.mark.browser
async def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    gateway: FakeGateway, server: Server, open_page: PageOpener
) -> None:
    page = await open_page(server.url)
    await expect(page.get_by_role("button", name="查话费")).to_be_enabled()
    await page.locator("body").click(position={"x": 2, "y": 2})
    reached: list[str] = []
    for _ in range(14):
        await page.keyboard.press("Tab")
        name, outlined = await page.evaluate(
            "() => { const n = document.activeElement, s = getComputedStyle(n);"
            " return [n.ariaLabel || n.innerText,"
            " s.outlineStyle !== 'none' || s.borderColor !== 'rgba(0, 0, 0, 0)']; }"
        )
        reached.append(name)
        assert outlined, name
    for wanted in ("大字版", "转人工客服", "聊天内容", "查话费", "输入消息"):
        assert wanted in reached


# ---- colours, from the style sheet itself

PAIRS = [
    ("ink", "bg"), ("ink", "card"), ("ink", "soft"), ("ink", "tint"), ("dim", "bg"), ("dim", "card"),
    ("dim", "soft"), ("brand", "card"), ("brand", "tint"), ("brand", "bg"), ("on", "brand"), ("up", "warm"),
    ("up", "card"), ("down", "card"), ("down", "tint"), ("bad", "bg"), ("bad", "card"),
]  # fmt: skip
"""Words on what they stand on: at least 4.5 : 1."""
MARKS = [("gold", "card"), ("brand", "soft"), ("up", "card")]
"""Marks without words: at least 3 : 1."""


def palettes() -> dict[str, dict[str, str]]:
    sheet = (FOLDERS["chat"] / "chat.css").read_text()
    light, dark = sheet.split("@media (prefers-color-scheme: dark)", 1)
    find = re.compile(r"--([a-z]+):\s*(#[0-9a-f]{3}(?:[0-9a-f]{3})?)\b")
    day = dict(find.findall(light))
    return {"light": day, "dark": day | dict(find.findall(dark.split("[data-elderly]", 1)[0]))}


def luminance(colour: str) -> float:
    digits = colour[1:]
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_is_readable_on_its_ground(theme: str) -> None:
    colours = palettes()[theme]
    weak = {
        f"{front} on {ground}": round(ratio, 2)
        for pairs, least in ((PAIRS, 4.5), (MARKS, 3.0))
        for front, ground in pairs
        if (ratio := contrast(colours[front], colours[ground])) < least
    }
    assert weak == {}
    assert contrast("#ffffff", colours["mine"]) >= 4.5


def test_the_computation_is_that_of_wcag() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
