"""The customer's conversation as a file."""

from __future__ import annotations

import httpx
import pytest

from bot.gateway.services import Services
from bot.gateway.transcript_file import as_html
from core.clock import now
from core.transcript import Draft, Message
from tests.bot.gateway.conftest import Guest
from tests.browser import PageOpener, open_page  # noqa: F401

pytestmark = pytest.mark.integration
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)"> 号码13800000001'
BILL = {
    "type": "bill", "title": "上月账单<b>", "total": "158.40",
    "items": [{"name": "流量超出", "amount": "20.00"}, "junk"],
}  # fmt: skip


async def fetch(guest: Guest, form: str, token: str | None = None) -> httpx.Response:
    return await guest.http.get(
        f"/api/v1/conversations/{guest.id}/transcript",
        params={"format": form},
        headers={"Authorization": f"Bearer {token or guest.token}"},
    )


async def test_everything_the_customer_saw_and_nothing_else(
    guest: Guest, services: Services
) -> None:
    await services.transcript.append(
        guest.id,
        Draft("customer", HOSTILE),
        Draft("bot", "给您账单", card=BILL),
        Draft("agent", "内部备注", agent_id="a", agent_name="周明", audience="staff"),
        Draft("agent", "您好", agent_id="a", agent_name="周明"),
        *(Draft("customer", f"第{number}句") for number in range(600)),
    )
    html = await fetch(guest, "html")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert html.headers["content-disposition"].startswith('attachment; filename="changda-')
    assert "sandbox" in html.headers["content-security-policy"]
    text = await fetch(guest, "txt")
    for page in (html.text, text.text):
        assert "138****0001" in page
        assert "13800000001" not in page
        assert "内部备注" not in page
        assert "人工客服周明" in page
        assert "合计 158.40元" in page
        assert "流量超出 20.00元" in page
        assert "第599句" in page
    assert "<script>" not in html.text
    assert "<img" not in html.text
    assert "&lt;script&gt;" in html.text
    assert text.text.count("\n[") == 604


async def test_only_the_owner_and_only_known_forms(guest: Guest, http: httpx.AsyncClient) -> None:
    other = (await http.post("/api/v1/sessions", json={"channel": "web"})).json()
    assert (await fetch(guest, "html", other["access_token"])).status_code == 403
    assert (await fetch(guest, "html", "nonsense")).status_code == 401
    assert (await fetch(guest, "pdf")).status_code == 422


@pytest.mark.browser
async def test_the_file_runs_nothing_in_a_browser(open_page: PageOpener) -> None:  # noqa: F811
    said = '<script>window.hurt=1</script><img src=x onerror="window.hurt=1">{{7*7}}</p></li></ul>'
    message = Message(
        id="m", seq=1, sender="customer", text=said, audience="all", created_at=now(),
        card={"type": "bill", "title": said, "total": said, "items": [{"name": said}]},
    )  # fmt: skip
    agent = Message(
        id="n", seq=2, sender="agent", agent_name=said, text=said, audience="all", created_at=now()
    )
    page = await open_page("about:blank")
    await page.set_content(as_html([message, agent], now()))
    assert await page.evaluate("window.hurt") is None
    assert await page.locator("li").count() == 2
    assert await page.locator("img, script").count() == 0
    assert said in await page.locator("body").inner_text()
