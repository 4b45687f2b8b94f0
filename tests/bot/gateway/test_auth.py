"""Staff logins over HTTP."""

from __future__ import annotations

import httpx
import pytest

from bot.gateway.services import Services
from core.staff import STAFF_COOKIE

pytestmark = pytest.mark.integration
OURS = {"X-Requested-With": "changda"}


@pytest.fixture
async def signed_in(http: httpx.AsyncClient, services: Services) -> httpx.AsyncClient:
    await services.staff.create("lin", "correct-horse-7", "林小雨", ["agent"], ["billing"])
    answer = await http.post(
        "/api/v1/auth/login", json={"username": "lin", "password": "correct-horse-7"}
    )
    assert answer.status_code == 200
    return http


async def test_a_cookie_is_renewed(signed_in: httpx.AsyncClient) -> None:
    before = signed_in.cookies[STAFF_COOKIE]
    assert (await signed_in.post("/api/v1/auth/renew")).status_code == 403
    renewed = await signed_in.post("/api/v1/auth/renew", headers=OURS)
    assert renewed.json()["access_token"] == signed_in.cookies[STAFF_COOKIE]
    assert renewed.json()["id"] == "lin"
    assert before
    assert (await signed_in.get("/api/v1/auth/me")).json()["display_name"] == "林小雨"


async def test_logging_out_kills_the_token_too(signed_in: httpx.AsyncClient) -> None:
    token = signed_in.cookies[STAFF_COOKIE]
    assert (await signed_in.post("/api/v1/auth/logout", headers=OURS)).status_code == 204
    signed_in.cookies.clear()
    bearer = {"Authorization": f"Bearer {token}"}
    for method, path in (("GET", "/auth/me"), ("POST", "/auth/renew"), ("GET", "/handoffs")):
        answer = await signed_in.request(method, f"/api/v1{path}", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (401, "signed_out"), path
    assert (await signed_in.post("/api/v1/auth/logout")).status_code == 204


async def test_a_disabled_account_is_out_at_once(
    signed_in: httpx.AsyncClient, services: Services
) -> None:
    await services.staff.set_active("lin", active=False)
    answer = await signed_in.get("/api/v1/auth/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "account_disabled")
