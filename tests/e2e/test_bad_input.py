"""What people and programs send by mistake or malice: a clear answer, nothing stored twice, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from core.security import TokenIssuer
from tests.system import Customer, StaffMember, System

pytestmark = pytest.mark.e2e


def _problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": ""}, 422, "empty_text"),
        ({"text": "  \n\t "}, 422, "empty_text"),
        ({"text": "\u0000\u0007"}, 422, "empty_text"),
        ({"text": "长" * 2001}, 422, "text_too_long"),
        ({"text": 5}, 422, "invalid_input"),
        ({"text": None}, 422, "invalid_input"),
        ({}, 422, "invalid_input"),
        ({"text": "好", "client_message_id": ""}, 422, "invalid_input"),
        ({"text": "好", "client_message_id": "x" * 65}, 422, "invalid_input"),
    ],
)
def test_unusable_messages(
    customer: Customer, body: dict[str, Any], status: int, code: str
) -> None:
    before = customer.transcript()
    response = customer.http.post(f"/api/v1/conversations/{customer.id}/messages", json=body)
    _problem(response, status, code)
    assert customer.transcript() == before


@pytest.mark.parametrize("content", [b"{not json", b"\xff\xfe\x00binary", b"[1,2", b""])
def test_malformed_bodies(customer: Customer, content: bytes) -> None:
    response = customer.http.post(
        f"/api/v1/conversations/{customer.id}/messages",
        content=content,
        headers={"content-type": "application/json"},
    )
    assert response.status_code in (400, 422)
    assert response.json()["code"] in ("malformed_body", "invalid_input")


def test_the_longest_message_is_answered(customer: Customer) -> None:
    assert customer.send("啊" * 2000)["replies"]


@pytest.mark.parametrize(
    "text",
    [
        "😀😀😀",
        "12345",
        "SELECT * FROM users; DROP TABLE messages;--",
        "<script>alert(1)</script>",
        '{"intent": "query_balance"}',
        '/query_balance{"phone_number": "13800000002"}',
        "/restart",
        "how do I check my balance?",
        "查话费" * 50,
    ],
)
def test_odd_texts_get_sane_replies(customer: Customer, text: str) -> None:
    answer = customer.send(text)
    assert answer["replies"]
    assert "12.50" not in str(answer["replies"])
    assert customer.transcript()[1]["text"] == text


def test_tokens(system: System, customer: Customer) -> None:
    path = f"/api/v1/conversations/{customer.id}/messages"
    anonymous = system.client()
    _problem(anonymous.get(path), 401, "not_authenticated")
    wrong = system.client(Authorization="Bearer nonsense")
    _problem(wrong.get(path), 401, "not_authenticated")
    secrets = (system.folder / ".env").read_text()
    key = next(x.split("=", 1)[1] for x in secrets.splitlines() if "TOKEN_KEY" in x)
    stale = TokenIssuer(key).issue("customer", customer.id, -1)
    old = system.client(Authorization=f"Bearer {stale}")
    _problem(old.get(path), 401, "token_expired")


def test_another_customers_conversation(system: System, customer: Customer) -> None:
    other = Customer(system)
    path = f"/api/v1/conversations/{other.id}/messages"
    _problem(customer.http.get(path), 403, "not_allowed")
    _problem(customer.http.post(path, json={"text": "你好"}), 403, "not_allowed")
    missing = customer.http.get("/api/v1/conversations/c_nobody/messages")
    _problem(missing, 404, "not_found")


def test_staff_doors(system: System, customer: Customer, editor: StaffMember) -> None:
    login = {"username": "agent02", "password": "wrong"}
    stranger = system.client()
    _problem(stranger.post("/api/v1/auth/login", json=login), 401, "wrong_credentials")
    nobody = {"username": "nobody", "password": "wrong"}
    _problem(stranger.post("/api/v1/auth/login", json=nobody), 401, "wrong_credentials")
    _problem(stranger.get("/api/v1/handoffs"), 401, "not_authenticated")
    _problem(customer.http.get("/api/v1/handoffs"), 401, "not_authenticated")
    _problem(editor.http.get("/api/v1/handoffs"), 403, "not_allowed")


def test_cookie_writes_need_the_pages_header(system: System) -> None:
    from tests.system import PASSWORD

    browser = system.client()
    login = {"username": "agent03", "password": PASSWORD}
    assert browser.post("/api/v1/auth/login", json=login).status_code == 200
    body = {"status": "busy"}
    _problem(browser.put("/api/v1/agents/me/status", json=body), 403, "not_allowed")
    fine = browser.put(
        "/api/v1/agents/me/status", json=body, headers={"X-Requested-With": "changda"}
    )
    assert fine.status_code == 200


def test_malformed_import_rows(editor: StaffMember) -> None:
    rows = '{"id": "x-1", "category": "测试", "question": "", "answer": "有"}\n{broken\n'
    response = editor.http.post(
        "/api/v1/knowledge/import?dry_run=false",
        files={"file": ("rows.jsonl", rows.encode(), "application/jsonl")},
    )
    assert response.status_code in (200, 422)
    assert "2" in response.text
    listed = editor.get("/knowledge/entries", q="x-1")
    assert "x-1" not in str(listed.get("entries", listed))


def test_unknown_paths_are_problems_too(system: System) -> None:
    _problem(system.client().get("/api/v1/nothing"), 404, "not_found")
