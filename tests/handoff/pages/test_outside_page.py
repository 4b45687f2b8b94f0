"""/ops in Chromium while an outside desk serves: supervisors see that it fails, and can send again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
import pytest
from fastapi import FastAPI, Request, Response
from playwright.async_api import expect
from pydantic import SecretStr

from core.settings import Settings
from handoff.integration import notices
from tests.handoff.pages.desk_world import Serve, SignIn, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]


@dataclass
class Outside:
    """The operator's desk: answers as told."""

    status: int = 500
    got: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            self.got.append(orjson.loads(await request.body())["event"])
            return Response(status_code=self.status)

        return app


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def settings(settings: Settings, outside: Outside, serve: Serve) -> Iterator[Settings]:
    with serve(outside.app()) as server:
        known = {
            "desk": "webhook",
            "desk_webhook_url": f"{server.url}/hook",
            "desk_webhook_secret": SecretStr("s"),
            "desk_token": SecretStr("t" * 32),
        }
        yield settings.model_copy(update=known)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "DELAYS_S", (1,))


async def test_supervisors_see_what_the_desk_did_not_take(
    sign_in: SignIn,
    world: World,
    outside: Outside,
) -> None:
    page = await sign_in("supervisor01", "/ops")
    customer = await world.customer("转人工")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(
        "外部客服系统没有收下通知：贵方客服系统应答500", timeout=15000
    )
    await expect(alert).to_contain_text("1位客户还没有转过去")
    row = page.get_by_label("会话", exact=True).locator("tbody tr")
    await expect(row).to_contain_text("外部客服")
    outside.status = 204
    await expect(alert).to_have_count(0, timeout=15000)
    outside.status = 410
    await customer.say("还有多久")
    await expect(alert).to_contain_text("有1条通知没有送达外部客服系统", timeout=15000)
    outside.status = 204
    await alert.get_by_role("button", name="重新发送").click()
    await expect(alert).to_have_count(0, timeout=15000)
    assert outside.got[-1] == "message.created"
