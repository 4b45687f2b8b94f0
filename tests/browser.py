"""Chromium for the tests of pages: opens a page, and holds it to good behaviour.

A room's conftest takes the fixtures: ``from tests.browser import open_page, serve``.
Tests are async::

    @pytest.mark.browser
    async def test_greets(open_page, serve):
        with serve(app) as server:
            page = await open_page(server.url, width=360)
            await expect(page.get_by_role("log")).to_contain_text("您好")

Every test fails at its end when the page wrote an error to the console, broke its own content
security policy, or asked another host for anything. ``open_page.allow(pattern)`` permits console
errors that a test provokes on purpose.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A desktop with a mouse, always awake, always the same colours.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--mute-audio",
]
START_S = 60
# As patient as every other wait here: five seconds are not enough on a machine that others use, too.
expect.set_options(timeout=15_000)
NO_CHROMIUM = "chromium is not installed (apt-get install chromium fonts-noto-cjk)"


class PageOpener:
    """Opens pages in fresh profiles and remembers what they did wrong."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._allowed: list[str] = []
        self._hosts: set[str] = set()
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []
        """Console errors, uncaught exceptions and policy violations, in order."""
        self.foreign: list[str] = []
        """Requests to hosts that no test opened."""

    async def __call__(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        context: BrowserContext | None = None,
        wait_until: Any = "load",
        **context_options: Any,
    ) -> Page:
        """A page at ``url``; pass ``page.context`` of another page to share its storage."""
        self.expect_host(url)
        where = context or await self.context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **context_options,
        )
        page = await where.new_page()
        page.set_default_timeout(10_000)
        # Chromium is shared by the tests; without this the page has no focus and slow timers.
        await page.bring_to_front()
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._requested(request.url))
        await page.goto(url, wait_until=wait_until)
        return page

    async def context(self, **options: Any) -> BrowserContext:
        """A fresh profile, Chinese and in Shanghai unless told otherwise."""
        defaults: dict[str, Any] = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
        opened = await self._browser.new_context(**defaults | options)
        self._contexts.append(opened)
        return opened

    async def close(self) -> None:
        """Closes every profile, with its pages."""
        for opened in self._contexts:
            await opened.close()

    def allow(self, *patterns: str) -> None:
        """Permits console errors that match one of the regular expressions."""
        self._allowed.extend(patterns)

    def expect_host(self, url: str) -> None:
        """Permits requests to the host of ``url``, for pages that are sent there later."""
        self._hosts.add(urlsplit(url).netloc)

    def unexpected(self) -> list[str]:
        """Everything the pages did wrong and nobody allowed."""
        wrong = [e for e in self.errors if not any(re.search(p, e) for p in self._allowed)]
        return wrong + [f"foreign request: {url}" for url in self.foreign]

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.errors.append(text)

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc not in self._hosts:
            self.foreign.append(url)


@cache
def debugging_address() -> str:
    """Starts one Chromium with a fresh profile for the whole run; where to connect to it.

    Tests run in event loops of their own, so each connects anew instead of sharing an object.
    """
    profile = Path(tempfile.mkdtemp(prefix="chromium-"))
    where = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    process = subprocess.Popen(
        [str(CHROMIUM), "--headless", *ARGUMENTS, *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(shutil.rmtree, profile, ignore_errors=True)
    atexit.register(process.wait, START_S)
    atexit.register(process.terminate)
    port_file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_S
    while not (port_file.exists() and port_file.read_text().count("\n")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("chromium did not start")
        time.sleep(0.05)
    return f"http://127.0.0.1:{port_file.read_text().split()[0]}"


@pytest.fixture
async def open_page() -> AsyncIterator[PageOpener]:
    """Opens pages in Chromium; skips, with the reason, where there is none."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(debugging_address())
        opener = PageOpener(browser)
        yield opener
        await opener.close()
    unexpected = opener.unexpected()
    assert unexpected == [], unexpected


class Server:
    """An ASGI application on a real port of its own, in a thread, which can fall and rise again."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._uvicorn: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns once requests are taken."""
        config = uvicorn.Config(
            self._app, "127.0.0.1", self.port, log_level="critical", timeout_graceful_shutdown=0
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._uvicorn.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the server under test did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Closes every connection at once, as a crash does."""
        if self._uvicorn and self._thread:
            self._uvicorn.should_exit = True
            self._thread.join(20)


@pytest.fixture
def serve() -> Callable[[Any], AbstractContextManager[Server]]:
    """``with serve(app) as server``: the application on a real port; see ``Server``."""

    @contextmanager
    def serving(app: Any) -> Iterator[Server]:
        server = Server(app)
        server.start()
        try:
            yield server
        finally:
            server.stop()

    return serving


async def overflows(page: Page) -> bool:
    """Whether the page can be scrolled sideways."""
    script = "() => document.scrollingElement.scrollWidth > window.innerWidth"
    return bool(await page.evaluate(script))


async def eventually(check: Callable[[], Awaitable[bool] | bool], seconds: float = 10) -> None:
    """Waits until ``check`` holds.

    Raises:
        AssertionError: it did not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        held = check()
        if not isinstance(held, bool):
            held = await held
        if held:
            return
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.05)


async def screenshot(page: Page, folder: Path, name: str) -> Path:
    """Saves what the customer sees, for a look by eye and for the README."""
    path = folder / f"{name}.png"
    await page.screenshot(path=path)
    return path
