"""The knowledge routes over HTTP, with the real service behind them."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import openpyxl
import pytest
from fastapi import FastAPI

from bot.gateway import problems
from core.database import Database
from core.errors import Unavailable
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import StaffDirectory
from knowledge_base.api import create_router
from knowledge_base.service import KnowledgeService
from tests.knowledge_base.conftest import ENTRIES

pytestmark = pytest.mark.integration
BASE = "/api/v1/knowledge"
NEW = {
    "question": "怎么给手机号过户？",
    "answer": "双方带身份证原件到营业厅办理。",
    "category": "号卡",
}


class Catalogue:
    """Stands in for the operator's catalogue at the edge."""

    def __init__(self) -> None:
        self.up = True

    async def facts(self) -> Mapping[str, str]:
        if not self.up:
            raise Unavailable
        return {"offer.addon-roaming-day.price": "30"}


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def directory(database: Database, settings: Settings) -> StaffDirectory:
    return StaffDirectory(database, TokenIssuer(settings.token_key.get_secret_value()), 1)


@pytest.fixture
async def http(
    published: KnowledgeService, directory: StaffDirectory, catalogue: Catalogue
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(create_router(published, directory, catalogue.facts))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def sign_in(directory: StaffDirectory, name: str, role: str) -> dict[str, str]:
    await directory.create(name, "correct-horse-7", f"{name}姓名", [role], [])  # type: ignore[list-item]
    token, _ = await directory.login(name, "correct-horse-7")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def editor(directory: StaffDirectory) -> dict[str, str]:
    return await sign_in(directory, "editor01", "editor")


@pytest.fixture
async def agent(directory: StaffDirectory) -> dict[str, str]:
    return await sign_in(directory, "agent01", "agent")


async def test_search_says_what_the_bot_would_say(
    http: httpx.AsyncClient, agent: dict[str, str]
) -> None:
    got = await http.get(
        f"{BASE}/search", params={"q": "國際漫遊怎麼收費？", "k": 2}, headers=agent
    )
    assert got.status_code == 200
    body = got.json()
    assert body["decision"] == "answer"
    assert body["reason"]
    hit = body["hits"][0]
    assert (hit["entry_id"], hit["matched_question"]) == ("roaming-fee", "国际漫游怎么收费？")
    assert "每天30元" in hit["answer"]
    assert 0 <= hit["score"] <= 1
    assert len(body["hits"]) == 2


async def test_figures_are_hidden_while_the_catalogue_is_down(
    http: httpx.AsyncClient, agent: dict[str, str], catalogue: Catalogue
) -> None:
    catalogue.up = False
    got = await http.get(f"{BASE}/search", params={"q": "国际漫游怎么收费"}, headers=agent)
    answer = got.json()["hits"][0]["answer"]
    assert "$" not in answer
    assert "以办理页面显示为准" in answer


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"q": ""}, 422, "empty_text"),
        ({"q": "？！"}, 422, "empty_text"),
        ({"q": "话" * 2001}, 422, "text_too_long"),
        ({"q": "话费", "k": 0}, 422, "invalid_input"),
        ({"q": "话费", "k": "x"}, 422, "invalid_input"),
    ],
)
async def test_search_refuses_bad_questions(
    http: httpx.AsyncClient, editor: dict[str, str], params: dict[str, Any], status: int, code: str
) -> None:
    got = await http.get(f"{BASE}/search", params=params, headers=editor)
    assert (got.status_code, got.json()["code"]) == (status, code)


async def test_roles(http: httpx.AsyncClient, agent: dict[str, str]) -> None:
    assert (await http.get(f"{BASE}/search", params={"q": "话费"})).status_code == 401
    for method, path in (
        ("GET", "entries"), ("POST", "entries"), ("POST", "publish"), ("POST", "import"),
        ("GET", "export"), ("GET", "misses"), ("GET", "snapshots"), ("GET", "golden"),
        ("DELETE", "entries/roaming-fee"), ("PUT", "entries/roaming-fee"),
    ):  # fmt: skip
        assert (await http.request(method, f"{BASE}/{path}")).status_code == 401
        got = await http.request(method, f"{BASE}/{path}", headers=agent, json=NEW)
        assert (got.status_code, got.json()["code"]) == (403, "not_allowed")


async def test_an_entry_from_birth_to_customers(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    made = await http.post(f"{BASE}/entries", json={"id": "transfer", **NEW}, headers=editor)
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["updated_by_name"]) == ("draft", "editor01姓名")
    status = (await http.get(f"{BASE}/publish", headers=editor)).json()
    assert (status["pending"], status["running"]) == (1, False)
    done = await http.post(f"{BASE}/publish", headers=editor)
    assert (done.status_code, done.json()["published"]) == (200, 1)
    found = await http.get(f"{BASE}/search", params={"q": "怎么给手机号过户"}, headers=editor)
    assert found.json()["hits"][0]["entry_id"] == "transfer"
    gone = await http.delete(f"{BASE}/entries/transfer", headers=editor)
    assert gone.status_code == 204
    assert (await http.get(f"{BASE}/entries/transfer", headers=editor)).status_code == 404


async def test_a_stale_save_names_the_other_editor(
    http: httpx.AsyncClient, editor: dict[str, str], directory: StaffDirectory
) -> None:
    other = await sign_in(directory, "editor02", "editor")
    url = f"{BASE}/entries/roaming-fee"
    read = (await http.get(url, headers=editor)).json()
    first = await http.put(url, json={**read, "answer": "甲的修改。"}, headers=other)
    assert first.status_code == 200
    second = await http.put(url, json={**read, "answer": "乙的修改。"}, headers=editor)
    problem = second.json()
    assert (second.status_code, problem["code"]) == (409, "conflict")
    assert "editor02姓名" in problem["detail"]
    assert (await http.get(url, headers=editor)).json()["answer"] == "甲的修改。"


async def test_a_taken_id_is_refused(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    got = await http.post(f"{BASE}/entries", json={"id": "roaming-fee", **NEW}, headers=editor)
    assert got.status_code == 409


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": " "}, "标准问题不能为空"),
        ({"answer": ""}, "答案不能为空"),
        ({"answer": "<script>alert(1)</script>"}, "HTML"),
        ({"answer": "点<img src=x onerror=alert(1)>看"}, "HTML"),
        ({"rich": "[点这里](javascript:alert(1))"}, "HTML"),
        ({"answer": "每月${offer.plan-59.price 元"}, "占位符"),
        ({"answer": "字" * 4001}, "太长"),
        ({"similar": ["问" * 301]}, "太长"),
        ({"answer": "有\u0007铃声"}, "控制字符"),
        ({"valid_from": "明年"}, "日期"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "早于"),
        ({"negative": ["怎么给手机号过户"]}, "反例"),
        ({"id": "../../etc/passwd"}, "编号"),
        ({"id": "a b"}, "编号"),
    ],
)
async def test_bad_entries_are_refused_in_chinese(
    http: httpx.AsyncClient, editor: dict[str, str], change: dict[str, Any], words: str
) -> None:
    got = await http.post(f"{BASE}/entries", json={**NEW, **change}, headers=editor)
    problem = got.json()
    assert (got.status_code, problem["code"]) == (422, "invalid_input")
    assert words in problem["detail"]


async def test_bodies_that_are_not_json_are_refused(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    headers = {**editor, "content-type": "application/json"}
    for body in (b"{", b"", b"\xff\xfe", b"[]", b'"x"'):
        got = await http.post(f"{BASE}/entries", content=body, headers=headers)
        assert got.status_code in (400, 422)
        assert got.json()["code"] in ("malformed_body", "invalid_input")


async def test_unknown_figures_are_warned_about(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    body = {**NEW, "answer": "每月${offer.nosuch.price}元。"}
    got = await http.post(f"{BASE}/entries", json=body, headers=editor)
    assert got.status_code == 201
    assert "offer.nosuch.price" in got.json()["warnings"][0]
    preview = await http.post(f"{BASE}/preview", json={"answer": body["answer"]}, headers=editor)
    assert "以办理页面显示为准" in preview.json()["answer"]


async def test_list_filters_and_pages(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    async def ids(**params: Any) -> list[str]:
        got = await http.get(f"{BASE}/entries", params=params, headers=editor)
        return [item["id"] for item in got.json()["items"]]

    assert len(await ids()) == len(ENTRIES)
    assert await ids(q="PUK") == ["puk-locked"]
    assert await ids(q="出国上网") == ["roaming-fee"]
    assert await ids(q="%") == []
    assert await ids(category="宽带") == ["broadband-slow"]
    assert await ids(state="draft") == []
    both = await ids(size=3) + await ids(size=3, page=2)
    assert sorted(both) == sorted(ENTRIES)
    bad = await http.get(f"{BASE}/entries", params={"state": "nonsense"}, headers=editor)
    assert bad.status_code == 422
    found = (await http.get(f"{BASE}/categories", headers=editor)).json()["categories"]
    assert {"name": "宽带", "entries": 1} in found


async def test_history_diff_and_roll_back(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    url = f"{BASE}/entries/roaming-fee"
    read = (await http.get(url, headers=editor)).json()
    changed = {**read, "answer": "改了。", "similar": ["新的问法是什么"]}
    await http.put(url, json=changed, headers=editor)
    revisions = (await http.get(f"{url}/revisions", headers=editor)).json()["revisions"]
    assert [r["number"] for r in revisions] == [2, 1]
    assert [r["state"] for r in revisions] == ["draft", "published"]
    got = await http.get(f"{url}/diff", params={"left": 1, "right": 2}, headers=editor)
    changes = {c["field"]: c for c in got.json()["changes"]}
    assert set(changes) == {"answer", "similar"}
    assert changes["similar"]["added"] == ["新的问法是什么"]
    back = await http.post(f"{url}/rollback", json={"revision": 1}, headers=editor)
    assert back.json()["answer"] == read["answer"]
    missing = await http.post(f"{url}/rollback", json={"revision": 99}, headers=editor)
    assert missing.status_code == 404


async def test_review_moves_only_drafts(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    await http.post(f"{BASE}/entries", json={"id": "transfer", **NEW}, headers=editor)
    url = f"{BASE}/entries/transfer/review"
    moved = await http.post(url, json={"action": "submit"}, headers=editor)
    assert moved.json()["state"] == "in_review"
    url = f"{BASE}/entries/roaming-fee/review"
    refused = await http.post(url, json={"action": "submit"}, headers=editor)
    assert refused.status_code == 409


async def test_near_duplicates_are_found_by_meaning(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    async def check(text: str, **more: str) -> list[dict[str, Any]]:
        got = await http.post(f"{BASE}/entries/check", json={"text": text, **more}, headers=editor)
        found: list[dict[str, Any]] = got.json()["neighbours"]
        return found

    same = await check("国际漫游 怎么收费!")
    assert (same[0]["entry_id"], same[0]["level"], same[0]["score"]) == ("roaming-fee", "same", 1.0)
    assert (await check("漫游到国外怎么收费"))[0]["entry_id"] == "roaming-fee"
    assert await check("国际漫游怎么收费", entry_id="roaming-fee") == []
    await http.post(f"{BASE}/entries", json={"id": "transfer", **NEW}, headers=editor)
    draft = await check("怎么给手机号过户")
    assert (draft[0]["entry_id"], draft[0]["published"]) == ("transfer", False)


async def test_misses_are_grouped_masked_and_resolved(
    http: httpx.AsyncClient, editor: dict[str, str], published: KnowledgeService
) -> None:
    for text in ("号码怎么过户给我儿子", "怎样把号过户给儿子", "我13800000001想开发票抬头"):
        await published.record_miss(text, "conv_1", 0.2, "roaming-fee")
    await published.record_miss("？？", "conv_1")
    clusters = (await http.get(f"{BASE}/misses", headers=editor)).json()["clusters"]
    assert [c["count"] for c in clusters] == [2, 1]
    assert "138****0001" in clusters[1]["text"]
    ids = [miss["id"] for miss in clusters[0]["misses"]]
    body = {"ids": ids, "entry_id": "roaming-fee"}
    done = await http.post(f"{BASE}/misses/resolve", json=body, headers=editor)
    assert done.json() == {"resolved": 2}
    again = await http.post(f"{BASE}/misses/resolve", json=body, headers=editor)
    assert again.status_code == 422
    assert len((await http.get(f"{BASE}/misses", headers=editor)).json()["clusters"]) == 1


async def test_golden_questions_over_http(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    body = {"query": "国际漫游怎么收费", "entry_id": "roaming-fee"}
    made = await http.post(f"{BASE}/golden", json=body, headers=editor)
    assert made.status_code == 201
    assert (await http.post(f"{BASE}/golden", json=body, headers=editor)).status_code == 409
    unknown = {"query": "别的问题", "entry_id": "nowhere"}
    assert (await http.post(f"{BASE}/golden", json=unknown, headers=editor)).status_code == 404
    ran = await http.post(f"{BASE}/golden/run", headers=editor)
    assert ran.json() == {"asked": 1, "failures": []}
    await http.delete(f"{BASE}/entries/roaming-fee", headers=editor)
    refused = await http.post(f"{BASE}/publish", headers=editor)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "golden_questions_failed")
    assert problem["failures"][0]["expected"] == "roaming-fee"
    forced = await http.post(f"{BASE}/publish", json={"force": True}, headers=editor)
    assert forced.status_code == 200
    url = f"{BASE}/golden/{made.json()['id']}"
    assert (await http.delete(url, headers=editor)).status_code == 204
    assert (await http.delete(url, headers=editor)).status_code == 404


async def test_snapshots_and_roll_back(http: httpx.AsyncClient, editor: dict[str, str]) -> None:
    await http.post(f"{BASE}/entries", json={"id": "transfer", **NEW}, headers=editor)
    await http.post(f"{BASE}/publish", json={"ids": ["transfer"]}, headers=editor)
    kept = (await http.get(f"{BASE}/snapshots", headers=editor)).json()["snapshots"]
    assert [s["active"] for s in kept] == [True, False]
    got = await http.post(f"{BASE}/snapshots/{kept[1]['version']}/rollback", headers=editor)
    assert got.status_code == 200
    assert (await http.get(f"{BASE}/entries/transfer", headers=editor)).status_code == 404


@pytest.mark.parametrize("kind", ["jsonl", "csv", "xlsx", "yaml"])
@pytest.mark.parametrize("multipart", [True, False])
async def test_an_export_imports_again_unchanged(
    http: httpx.AsyncClient, editor: dict[str, str], kind: str, multipart: bool
) -> None:
    tricky = {
        "id": "tricky", "question": "=1+1 等于几，你们的计算器准吗？", "category": "@其他",
        "answer": "-不收费\n'=引号也要保留", "similar": ["甲|乙", "[括号]问法", "+86怎么拨"],
        "tags": ["=tag"], "valid_from": "2026-01-01", "enabled": False,
    }  # fmt: skip
    made = await http.post(f"{BASE}/entries", json=tricky, headers=editor)
    assert made.status_code == 201
    file = await http.get(f"{BASE}/export", params={"format": kind}, headers=editor)
    assert file.status_code == 200
    name = f"knowledge.{kind}"
    if multipart:
        sent = await http.post(
            f"{BASE}/import", files={"file": (name, file.content)}, headers=editor
        )
    else:
        headers = {**editor, "content-type": file.headers["content-type"]}
        sent = await http.post(f"{BASE}/import", content=file.content, headers=headers)
    report = sent.json()
    assert sent.status_code == 200
    assert (report["created"], report["updated"], report["failed"]) == (0, 0, 0)
    assert report["unchanged"] == len(ENTRIES) + 1
    got = (await http.get(f"{BASE}/entries/tricky", headers=editor)).json()
    assert {k: got[k] for k in tricky} == tricky


async def test_no_exported_cell_is_a_formula(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    evil = {**NEW, "id": "evil", "answer": '=HYPERLINK("x")', "category": "+cmd"}
    await http.post(f"{BASE}/entries", json=evil, headers=editor)
    got = await http.get(f"{BASE}/export", params={"format": "xlsx"}, headers=editor)
    sheet = openpyxl.load_workbook(io.BytesIO(got.content)).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert all(not str(cell.value or "").startswith(("=", "+", "@")) for cell in cells)
    got = await http.get(f"{BASE}/export", params={"format": "csv"}, headers=editor)
    assert got.content.startswith(b"\xef\xbb\xbf")
    assert b",=HYPERLINK" not in got.content


async def test_import_dry_run_bad_rows_and_the_failed_rows_file(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    lines = [
        json.dumps({"id": "n1", "category": "新", "question": "新问题一是什么？",
                    "similar": ["新问题一怎么讲"], "answer": "答案一。"}, ensure_ascii=False),
        '{"id": "n2", broken',
        json.dumps({"id": "n3", "question": "没有答案的问题？"}, ensure_ascii=False),
        json.dumps({"id": "n1", "question": "重复编号？", "answer": "有。"}, ensure_ascii=False),
        "",
        json.dumps({"id": 7, "question": "编号是数字？", "answer": "可以。"}, ensure_ascii=False),
    ]  # fmt: skip
    data = "\n".join(lines).encode()
    url = f"{BASE}/import"
    dry = await http.post(url, params={"dry_run": True}, content=data, headers=editor)
    assert dry.json()["created"] == 2
    assert (await http.get(f"{BASE}/entries/n1", headers=editor)).status_code == 404
    real = (await http.post(url, content=data, headers=editor)).json()
    assert (real["total"], real["created"], real["failed"]) == (5, 2, 3)
    assert [e["row"] for e in real["errors"]] == [2, 3, 4]
    assert "第3行：缺少答案" in real["errors"][1]["message"]
    assert "重复" in real["errors"][2]["message"]
    assert (await http.get(f"{BASE}/entries/7", headers=editor)).json()["state"] == "draft"
    failed = await http.get(f"{BASE}/import/{real['failed_file']}/failed", headers=editor)
    assert failed.status_code == 200
    assert "没有答案的问题" in failed.content.decode("utf-8-sig")
    missing = await http.get(f"{BASE}/import/import_nothing/failed", headers=editor)
    assert missing.status_code == 404
    twice = (await http.post(url, content=data, headers=editor)).json()
    assert (twice["created"], twice["updated"], twice["unchanged"]) == (0, 0, 2)


async def test_an_import_where_every_row_is_bad_is_a_problem(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    got = await http.post(f"{BASE}/import", content=b'{"id": "x"}\n{"a"', headers=editor)
    problem = got.json()
    assert (got.status_code, problem["code"]) == (422, "import_rows_invalid")
    assert [e["row"] for e in problem["errors"]] == [1, 2]


async def test_columns_a_file_lacks_stay_as_they_are(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    row = {"id": "bill-query", "question": "怎么查询话费账单？", "answer": "新的答案。"}
    data = json.dumps(row, ensure_ascii=False).encode()
    assert (await http.post(f"{BASE}/import", content=data, headers=editor)).json()["updated"] == 1
    got = (await http.get(f"{BASE}/entries/bill-query", headers=editor)).json()
    assert (got["answer"], got["negative"]) == ("新的答案。", ["怎么查通话详单"])


async def test_large_uploads_are_refused_before_they_are_read(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    big = b"x" * (21 * 1024 * 1024)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield big[: 1024 * 1024]

    declared = await http.post(f"{BASE}/import", content=big, headers=editor)
    streamed = await http.post(f"{BASE}/import", content=chunks(), headers=editor)
    form = await http.post(f"{BASE}/import", files={"file": ("a.csv", big)}, headers=editor)
    for got in (declared, streamed, form):
        assert (got.status_code, got.json()["code"]) == (413, "file_too_large")


async def test_uploads_without_a_file_are_refused(
    http: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    empty = await http.post(f"{BASE}/import", data={"a": "b"}, files={}, headers=editor)
    assert empty.status_code == 422
    headers = {**editor, "content-type": "multipart/form-data; boundary=x"}
    broken = await http.post(f"{BASE}/import", content=b"--x\r\nnonsense", headers=headers)
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_body")
    none = await http.post(f"{BASE}/import", content=b"", headers=editor)
    assert (none.status_code, none.json()["code"]) == (422, "unreadable_file")
