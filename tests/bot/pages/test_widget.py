"""The chat on another site: another origin's page loads the script, the frame checks whom it talks to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import FrameLocator, Page, expect
from pydantic import ValidationError

from bot.gateway import pages
from core.settings import Settings
from tests.bot.pages.fake_gateway import GREETING, FakeGateway
from tests.browser import PageOpener, Server, eventually, overflows

pytestmark = pytest.mark.browser
SET_LOGIN = "t => { document.querySelector('changda-chat').appToken = t; }"


class HostSite:
    """Somebody else's site on an origin of its own."""

    def __init__(self) -> None:
        self.page = ""
        self.app = FastAPI()
        self.app.get("/{path:path}")(self._show)

    async def _show(self, path: str) -> HTMLResponse:
        icon = '<link rel="icon" href="data:,">'
        body = f"<!doctype html><html lang=zh-CN><head>{icon}</head><body>{self.page}</body></html>"
        return HTMLResponse(body)


@pytest.fixture
def host() -> HostSite:
    return HostSite()


@pytest.fixture
def site(
    host: HostSite, gateway: FakeGateway, server: Server, serve: Callable[[Any], Any],
    open_page: PageOpener,
) -> Any:  # fmt: skip
    open_page.expect_host(server.url)
    with serve(host.app) as running:
        # The other origin: a name of its own for the same loopback.
        running.url = running.url.replace("127.0.0.1", "localhost")
        gateway.app.state.embed_origins = (running.url,)
        host.page = f'<script src="{server.url}/widget.js" data-heading="问客服"></script>'
        yield running


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("changda-chat iframe")


def token(customer: str) -> str:
    return jwt.encode({"sub": customer, "exp": int(time.time()) + 600}, "k" * 32, "HS256")


async def test_a_script_tag_is_all_it_takes(
    site: Server, gateway: FakeGateway, open_page: PageOpener
) -> None:
    page = await open_page(site.url)
    assert gateway.opened == []
    await page.get_by_role("button", name="问客服").click()
    await expect(frame(page).locator(".msg.bot .bubble").first).to_have_text(GREETING)
    await frame(page).get_by_label("输入消息").fill("查话费")
    await frame(page).get_by_label("输入消息").press("Enter")
    await expect(frame(page).locator(".msg.bot:not(.typing) .bubble").last).to_have_text(
        "您说的是：查话费"
    )
    assert gateway.opened == [{"channel": "web", "elderly": False}]
    await frame(page).get_by_label("输入消息").press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("button", name="问客服")).to_be_focused()


async def test_unread_messages_are_counted_while_it_is_closed(
    site: Server, gateway: FakeGateway, open_page: PageOpener
) -> None:
    page = await open_page(site.url, width=360)
    await page.get_by_role("button", name="问客服").click()
    await expect(frame(page).locator(".msg.bot .bubble").first).to_be_visible()
    assert not await overflows(page)
    box = await page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 800)
    await page.get_by_role("button", name="关闭在线客服").click()
    gateway.say("agent", "您好，我来帮您")
    await expect(page.get_by_role("button", name="问客服，1条新消息")).to_be_visible()
    await page.get_by_role("button", name="问客服，1条新消息").click()
    await expect(frame(page).get_by_text("您好，我来帮您")).to_be_visible()
    await page.get_by_role("button", name="关闭在线客服").click()
    await expect(page.get_by_role("button", name="问客服", exact=True)).to_be_visible()


async def test_a_login_is_handed_over_by_script_and_people_are_kept_apart(
    site: Server, host: HostSite, gateway: FakeGateway, open_page: PageOpener
) -> None:
    server = host.page.split('"')[1]
    host.page = (
        f'<script src="{server}" data-mode="none"></script>'
        '<changda-chat mode="inline" heading="客服"></changda-chat>'
    )
    first, second = token("C1"), token("C2")
    page = await open_page(site.url)
    await page.evaluate(SET_LOGIN, first)
    await eventually(lambda: any(o.get("app_token") == first for o in gateway.opened))
    await expect(frame(page).locator(".msg.bot .bubble").first).to_be_visible()
    assert [o for o in gateway.opened if "app_token" in o][-1]["channel"] == "app"
    count = len(gateway.threads)
    await page.evaluate(SET_LOGIN, second)
    await eventually(lambda: len(gateway.threads) > count)
    assert gateway.opened[-1]["app_token"] == second
    await page.evaluate(SET_LOGIN, None)
    await eventually(lambda: gateway.opened[-1] == {"channel": "web", "elderly": False})


async def test_sites_that_are_not_named_cannot_frame_it(
    site: Server, gateway: FakeGateway, open_page: PageOpener
) -> None:
    gateway.app.state.embed_origins = ("https://www.example.com",)
    open_page.allow("frame-ancestors", "Failed to load", "ERR_BLOCKED", "chrome-error")
    page = await open_page(site.url)
    await page.get_by_role("button", name="问客服").click()
    await eventually(lambda: any("frame-ancestors" in error for error in open_page.errors))
    assert gateway.opened == []


async def test_messages_of_others_are_not_heard(
    site: Server, gateway: FakeGateway, open_page: PageOpener
) -> None:
    page = await open_page(site.url)
    await page.get_by_role("button", name="问客服").click()
    await expect(frame(page).locator(".msg.bot .bubble").first).to_be_visible()
    # The site's own scripts pretend to be the frame; the source tells.
    await page.evaluate("window.postMessage({changda: 1, type: 'unread', count: 7}, '*')")
    await page.evaluate("window.postMessage({changda: 1, type: 'close'}, '*')")
    # A frame inside the frame's page pretends to be the site around it.
    inner = page.frames[1]
    forged = {"changda": 1, "type": "login", "app_token": token("C9")}
    await inner.evaluate("m => window.postMessage(m, '*')", forged)
    await page.wait_for_timeout(300)
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert not any("app_token" in opened for opened in gateway.opened)


async def test_the_demo_site_keeps_its_own_policy(
    server: Server, gateway: FakeGateway, open_page: PageOpener
) -> None:
    page = await open_page(f"{server.url}/widget/demo", width=360)
    assert not await overflows(page)
    await page.get_by_role("button", name="在线客服").click()
    await expect(frame(page).locator(".msg.bot .bubble").first).to_have_text(GREETING)


async def http_to(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


async def test_only_named_sites_may_frame_and_call() -> None:
    ours = FastAPI()
    pages.install(ours, ["https://www.example.com"])
    async with await http_to(ours) as http:
        for path in ("/", "/embed"):
            policy = (await http.get(path)).headers["content-security-policy"]
            assert "frame-ancestors 'self' https://www.example.com" in policy
        desk = await http.get("/desk")
        assert "frame-ancestors 'none'" in desk.headers["content-security-policy"]
        ask = {"Access-Control-Request-Method": "POST", "Origin": "https://www.example.com"}
        allowed = await http.options("/api/v1/sessions", headers=ask)
        assert allowed.headers["access-control-allow-origin"] == "https://www.example.com"
        assert "access-control-allow-credentials" not in allowed.headers
        other = await http.options(
            "/api/v1/sessions", headers=ask | {"Origin": "https://evil.example"}
        )
        assert "access-control-allow-origin" not in other.headers
    closed = FastAPI()
    pages.install(closed)
    async with await http_to(closed) as http:
        answer = await http.get("/embed", headers={"Origin": "https://www.example.com"})
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
        assert "inside.js" in answer.text
        assert "/static/chat/main.js" not in answer.text


@pytest.mark.parametrize(
    "origin", ["*", "https://a.example/path", "'unsafe-inline'", "https://a b"]
)
def test_settings_take_origins_only(origin: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, embed_origins=[origin])
