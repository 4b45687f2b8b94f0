"""The inbox, the plan of a publish and the review over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from bot.gateway import problems
from core.database import Database
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import STAFF_COOKIE, StaffDirectory
from knowledge_base.api import create_router
from knowledge_base.service import FourEyes, KnowledgeService
from knowledge_base.usage import FirstHit
from tests.knowledge_base.test_api import Catalogue, sign_in

pytestmark = pytest.mark.integration
BASE = "/api/v1/knowledge"
NEW = {"id": "transfer", "question": "怎么给手机号过户？", "answer": "带身份证到营业厅办理。"}


@pytest.fixture
def directory(database: Database, settings: Settings) -> StaffDirectory:
    return StaffDirectory(database, TokenIssuer(settings.token_key.get_secret_value()), 1)


@pytest.fixture
async def http(
    published: KnowledgeService, directory: StaffDirectory
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(create_router(published, directory, Catalogue().facts))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def lin(directory: StaffDirectory) -> dict[str, str]:
    return await sign_in(directory, "editor01", "editor")


@pytest.fixture
async def zhou(directory: StaffDirectory) -> dict[str, str]:
    return await sign_in(directory, "editor02", "editor")


def at_the_console(headers: dict[str, str]) -> dict[str, str]:
    """The same person with the page's cookie instead of a program's token."""
    token = headers["Authorization"].removeprefix("Bearer ")
    return {"Cookie": f"{STAFF_COOKIE}={token}", "X-Requested-With": "changda"}


async def test_corrections_reach_the_inbox_and_are_worked_off(
    http: httpx.AsyncClient, directory: StaffDirectory, lin: dict[str, str], zhou: dict[str, str]
) -> None:
    agent = await sign_in(directory, "agent01", "agent")
    body = {
        "entry_id": "roaming-fee", "note": "日包已改名", "proposal": "国际漫游日包每天收费。",
        "query": "我13800000001在国外", "conversation_id": "c_1",
    }  # fmt: skip
    made = await http.post(f"{BASE}/corrections", json=body, headers=agent)
    assert made.status_code == 201
    found = (await http.get(f"{BASE}/inbox?kind=correction", headers=lin)).json()
    assert found["counts"] == {"miss": 0, "unhelpful": 0, "correction": 1}
    (group,) = found["groups"]
    assert (group["entry_id"], group["question"]) == ("roaming-fee", "国际漫游怎么收费？")
    assert group["findings"][0]["created_by_name"] == "agent01姓名"
    assert "138****0001" in group["text"]
    ids = {"ids": group["ids"]}
    assert (await http.post(f"{BASE}/inbox/assign", json=ids, headers=zhou)).json() == {
        "assigned": 1
    }
    mine = f"{BASE}/inbox?kind=correction&mine=true"
    assert (await http.get(mine, headers=lin)).json()["groups"] == []
    assert (await http.get(mine, headers=zhou)).json()["groups"][0]["assignee"] == "editor02"
    back = {**ids, "mine": False}
    await http.post(f"{BASE}/inbox/assign", json=back, headers=zhou)
    assert (await http.get(mine, headers=zhou)).json()["groups"] == []
    done = {**ids, "entry_id": "roaming-fee"}
    assert (await http.post(f"{BASE}/inbox/done", json=done, headers=lin)).status_code == 200
    assert (await http.post(f"{BASE}/inbox/done", json=done, headers=lin)).status_code == 422
    assert (await http.get(f"{BASE}/inbox", headers=agent)).status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"note": "", "proposal": None}, 422),
        ({"note": "<script>alert(1)</script>"}, 422),
        ({"proposal": "点<img src=x onerror=alert(1)>"}, 422),
        ({"note": "字" * 501}, 422),
        ({"entry_id": "nowhere"}, 404),
    ],
)
async def test_bad_corrections_are_refused(
    http: httpx.AsyncClient, lin: dict[str, str], change: dict[str, Any], status: int
) -> None:
    body = {"entry_id": "roaming-fee", "note": "不对", **change}
    got = await http.post(f"{BASE}/corrections", json=body, headers=lin)
    assert got.status_code == status


async def test_unhelpful_answers_are_one_piece_of_work_an_entry(
    http: httpx.AsyncClient, lin: dict[str, str], published: KnowledgeService
) -> None:
    for number, query in enumerate(("漫游贵不贵", "出国一天多少")):
        hit = FirstHit("roaming-fee", message_id=f"m{number}")
        await published.usage.record("c", number, query, [hit])
        await published.usage.react("c", f"m{number}", False)
    (group,) = (await http.get(f"{BASE}/inbox?kind=unhelpful", headers=lin)).json()["groups"]
    assert (group["count"], group["entry_id"]) == (2, "roaming-fee")
    found = (await http.get(f"{BASE}/entries?sort=unhelpful", headers=lin)).json()["items"]
    assert (found[0]["id"], found[0]["usage"]["unhelpful"]) == ("roaming-fee", 2)
    days = (await http.get(f"{BASE}/entries/roaming-fee/usage", headers=lin)).json()
    assert (days["asked"], days["days"][-1]["unhelpful"], len(days["days"])) == (2, 2, 30)


async def test_lists_filter_by_tag_and_dates(http: httpx.AsyncClient, lin: dict[str, str]) -> None:
    await http.post(f"{BASE}/entries", headers=lin, json={
        **NEW, "tags": ["过户"], "valid_from": "2099-01-01",
    })  # fmt: skip

    async def ids(query: str) -> list[str]:
        got = await http.get(f"{BASE}/entries?{query}", headers=lin)
        assert got.status_code == 200
        return [item["id"] for item in got.json()["items"]]

    assert await ids("tag=过户") == ["transfer"]
    assert await ids("effect=upcoming") == ["transfer"]
    assert "transfer" not in await ids("effect=active")
    assert (await ids("sort=question&order=desc&size=1")) != []
    tags = (await http.get(f"{BASE}/tags", headers=lin)).json()["tags"]
    assert tags == [{"name": "过户", "entries": 1}]
    for wrong in ("effect=soon", "sort=luck", "order=up"):
        assert (await http.get(f"{BASE}/entries?{wrong}", headers=lin)).status_code == 422


async def test_search_explains_itself_in_numbers(
    http: httpx.AsyncClient, lin: dict[str, str]
) -> None:
    got = await http.get(f"{BASE}/search?q=国际漫游怎么收费&explain=true", headers=lin)
    why = got.json()["explanation"]
    assert why["exact"] is True
    assert 0 <= why["none_below"] <= why["answer_from"] <= 1
    assert 0 <= why["known"] <= 1
    assert 0 <= why["sure"] <= 1
    plain = await http.get(f"{BASE}/search?q=国际漫游怎么收费", headers=lin)
    assert "explanation" not in plain.json()


async def test_the_plan_names_what_a_publish_would_change_and_break(
    http: httpx.AsyncClient, lin: dict[str, str]
) -> None:
    golden = {"query": "国际漫游怎么收费", "entry_id": "roaming-fee"}
    await http.post(f"{BASE}/golden", json=golden, headers=lin)
    await http.post(f"{BASE}/entries", json=NEW, headers=lin)
    await http.put(f"{BASE}/entries/puk-locked", headers=lin, json={
        "question": "手机卡被锁怎么办？", "answer": "输入PUK码。",
    })  # fmt: skip
    await http.delete(f"{BASE}/entries/roaming-fee", headers=lin)
    plan = (await http.get(f"{BASE}/publish/plan", headers=lin)).json()
    assert plan["totals"] == {"added": 1, "changed": 1, "removed": 1, "waiting": 0}
    assert plan["added"][0]["id"] == "transfer"
    assert plan["changed"][0]["question"] == "手机卡被锁怎么办？"
    assert plan["removed"][0]["id"] == "roaming-fee"
    assert (plan["golden_asked"], len(plan["golden_failures"])) == (1, 1)
    assert (await http.get(f"{BASE}/publish", headers=lin)).json()["running"] is False
    seen = (await http.get(f"{BASE}/publish/plan", headers=at_the_console(lin))).json()
    assert seen["totals"] == {"added": 0, "changed": 0, "removed": 1, "waiting": 2}


async def test_at_the_console_a_second_person_must_approve(
    http: httpx.AsyncClient, lin: dict[str, str], zhou: dict[str, str]
) -> None:
    me, colleague = at_the_console(lin), at_the_console(zhou)
    await http.post(f"{BASE}/entries", json=NEW, headers=me)
    refused = await http.post(f"{BASE}/publish", headers=me)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "review_needed")
    assert problem["waiting"] == ["transfer"]
    url = f"{BASE}/entries/transfer/review"
    await http.post(url, json={"action": "submit"}, headers=me)
    own = await http.post(url, json={"action": "approve"}, headers=me)
    assert (own.status_code, own.json()["code"]) == (409, "own_work")
    sent_back = {"action": "return", "comment": "请写明收费"}
    await http.post(url, json=sent_back, headers=colleague)
    await http.post(url, json={"action": "submit"}, headers=me)
    done = await http.post(url, json={"action": "approve"}, headers=colleague)
    assert done.json()["state"] == "approved"
    assert (await http.post(f"{BASE}/publish", headers=me)).json()["published"] == 1
    history = (await http.get(f"{BASE}/entries/transfer/revisions", headers=me)).json()
    acts = [(act["act"], act["comment"]) for act in history["acts"]]
    assert acts == [("approve", ""), ("submit", ""), ("return", "请写明收费"), ("submit", "")]
    assert history["revisions"][0]["approver"] == "editor02"


@pytest.mark.parametrize(
    ("mode", "body", "program", "status"),
    [
        ("on", {}, True, 200),
        ("on", {}, False, 409),
        ("on", {"unreviewed": True}, False, 200),
        ("on", {"force": True}, False, 200),
        ("strict", {}, True, 409),
        ("strict", {"force": True}, False, 409),
        ("on", {"ignore_golden": True}, False, 409),
        ("off", {}, False, 200),
    ],
)
async def test_who_may_publish_alone(
    http: httpx.AsyncClient, lin: dict[str, str], published: KnowledgeService, mode: FourEyes,
    body: dict[str, bool], program: bool, status: int,
) -> None:  # fmt: skip
    published.four_eyes = mode
    await http.post(f"{BASE}/entries", json=NEW, headers=lin)
    headers = lin if program else at_the_console(lin)
    got = await http.post(f"{BASE}/publish", json=body, headers=headers)
    assert got.status_code == status
