"""Imports in the background: progress that any process can read, and honest ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from bot.gateway import problems
from core.database import Database
from core.errors import NotFound
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import StaffDirectory
from knowledge_base import import_jobs
from knowledge_base.api import create_router
from knowledge_base.import_jobs import ImportJobs
from knowledge_base.importing import Importer
from knowledge_base.service import KnowledgeService
from tests.knowledge_base.conftest import LIN
from tests.knowledge_base.test_api import Catalogue, sign_in

pytestmark = pytest.mark.integration
ROWS = "\n".join(
    json.dumps(
        {"id": f"n{i}", "question": f"第{i}号问题是什么？", "answer": "答案。"}, ensure_ascii=False
    )
    for i in range(300)
).encode()
FEW = b"\n".join(ROWS.split(b"\n")[:3])


async def finished(jobs: ImportJobs, job_id: str) -> dict[str, Any]:
    for _ in range(600):
        job = jobs.read(job_id)
        if job["state"] != "running":
            return job
        await asyncio.sleep(0.05)
    pytest.fail("the import does not end")


async def test_progress_goes_through_every_phase(
    service: KnowledgeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, int]] = []
    real = import_jobs._Progress.__call__

    def spy(self: Any, phase: Any, done: int, total: int) -> None:
        seen.append((phase, done, total))
        real(self, phase, done, total)

    monkeypatch.setattr(import_jobs._Progress, "__call__", spy)
    started = await service.imports.start(ROWS, "jsonl", LIN, False, "rows.jsonl")
    assert (started["state"], started["name"]) == ("running", "rows.jsonl")
    job = await finished(service.imports, started["id"])
    assert (job["state"], job["report"]["created"]) == ("done", 300)
    assert (job["phase"], job["done"], job["total"]) == ("encoding", 600, 600)
    assert list(dict.fromkeys(p for p, _, _ in seen)) == [
        "checking", "saving", "encoding",
    ]  # fmt: skip
    assert all(done <= total for _, done, total in seen)
    report = await service.publisher.publish(LIN)
    assert len(report.published) == 300


async def test_another_process_reads_the_same_job(
    service: KnowledgeService, settings: Settings, database: Database
) -> None:
    started = await service.imports.start(FEW, "jsonl", LIN, True, "rows.jsonl")
    await finished(service.imports, started["id"])
    folder = settings.knowledge_dir / "imports"
    elsewhere = ImportJobs(Importer(service.store, folder), folder)
    assert elsewhere.read(started["id"])["state"] == "done"


async def test_what_cannot_be_imported_says_why(service: KnowledgeService) -> None:
    for data, code in ((b"a,b\n1,2", "unreadable_file"), (b'{"id": "x"}', "import_rows_invalid")):
        kind = "csv" if code == "unreadable_file" else "jsonl"
        started = await service.imports.start(data, kind, LIN, False, "x")  # type: ignore[arg-type]
        job = await finished(service.imports, started["id"])
        assert (job["state"], job["problem"]["code"]) == ("failed", code)
        assert job["problem"]["detail"]


async def test_a_dead_process_does_not_leave_a_job_running(
    service: KnowledgeService, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await service.imports.start(FEW, "jsonl", LIN, True, "x")
    await finished(service.imports, started["id"])
    path = settings.knowledge_dir / "imports" / f"{started['id']}.json"
    held = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**held, "state": "running", "at": held["at"] - 120}), "utf-8")
    job = service.imports.read(started["id"])
    assert (job["state"], job["problem"]["code"]) == ("failed", "interrupted")


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("job_*.json"))


async def test_unknown_jobs_and_a_full_shelf(service: KnowledgeService, settings: Settings) -> None:
    for name in ("job_nothing", "../../etc/passwd", "..", ""):
        with pytest.raises(NotFound):
            service.imports.read(name)
    for _ in range(23):
        started = await service.imports.start(b"", "csv", LIN, True, "x")
        await finished(service.imports, started["id"])
    assert len(kept(settings.knowledge_dir / "imports")) <= 20


@pytest.fixture
async def http(
    service: KnowledgeService, database: Database, settings: Settings
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    directory = StaffDirectory(database, TokenIssuer(settings.token_key.get_secret_value()), 1)
    app = FastAPI()
    problems.install(app)
    app.include_router(create_router(service, directory, Catalogue().facts))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client, await sign_in(directory, "editor01", "editor")


async def test_over_http(http: tuple[httpx.AsyncClient, dict[str, str]]) -> None:
    client, headers = http
    url = "/api/v1/knowledge/import"
    got = await client.post(f"{url}?background=true", content=ROWS, headers=headers)
    assert got.status_code == 202
    for _ in range(600):
        job = (await client.get(f"{url}/jobs/{got.json()['id']}", headers=headers)).json()
        if job["state"] != "running":
            break
        await asyncio.sleep(0.05)
    assert job["report"]["created"] == 300
    assert (await client.get(f"{url}/jobs/job_x", headers=headers)).status_code == 404
    assert (await client.get(f"{url}/jobs/{job['id']}")).status_code == 401
    big = await client.post(
        f"{url}?background=true", content=b"x" * (50 * 1024 * 1024), headers=headers
    )
    assert (big.status_code, big.json()["code"]) == (413, "file_too_large")
    assert "20 MB" in big.json()["detail"]
