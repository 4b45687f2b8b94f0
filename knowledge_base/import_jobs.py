"""Imports that run on while the editor watches: their progress lies in a small file that any process of
the app can read.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

from core.clock import new_id
from core.errors import ChangdaError, NotFound
from knowledge_base.importing import Importer, Phase
from knowledge_base.models import Editor
from knowledge_base.reading import Format

log = structlog.get_logger(__name__)
State = Literal["running", "done", "failed"]
_STALE_S = 90.0
"""A job that has said nothing for so long died with its process."""
_EVERY_S = 0.2
_KEPT = 20
_INTERRUPTED = {
    "code": "interrupted",
    "detail": "导入中断了（服务重启），已发布的内容不受影响。请再导入一次，已经写入的行不会重复。",
}


@dataclass
class _Shown:
    """A job as its file holds it; ``report`` or ``problem`` come at the end."""

    id: str
    name: str
    dry_run: bool
    created_by: str
    state: State = "running"
    phase: Phase = "reading"
    done: int = 0
    total: int = 0
    at: float = 0.0
    report: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class ImportJobs:
    """Runs imports in the background of this process.

    Args:
        folder: where job files lie, shared by all processes of the app.
    """

    def __init__(self, importer: Importer, folder: Path) -> None:
        self._importer = importer
        self._folder = folder
        self._running: set[asyncio.Task[None]] = set()

    async def start(
        self, data: bytes, kind: Format, editor: Editor, dry_run: bool, name: str
    ) -> dict[str, Any]:
        """Begins an import and returns its job at once."""
        job = _Shown(new_id("job"), name[:200], dry_run, editor.id)
        await asyncio.to_thread(self._make_room)
        _Progress(self._folder, job).write()
        task = asyncio.create_task(self._run(job, data, kind, editor), name=job.id)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return _public(job.__dict__)

    def read(self, job_id: str) -> dict[str, Any]:
        """A job's progress, from whichever process runs it.

        Raises:
            NotFound: no such job (only the newest twenty are kept).
        """
        path = self._folder / f"{job_id}.json"
        if not job_id.replace("_", "").isalnum() or not path.exists():
            raise NotFound("没有这次导入，或记录已过期。")
        job: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if job["state"] == "running" and time.time() - job["at"] > _STALE_S:
            job |= {"state": "failed", "problem": _INTERRUPTED}
        return _public(job)

    async def _run(self, job: _Shown, data: bytes, kind: Format, editor: Editor) -> None:
        progress = _Progress(self._folder, job)
        try:
            report = await self._importer.run(data, kind, editor, job.dry_run, progress)
            job.state, job.report = "done", report.to_dict()
        except ChangdaError as error:
            job.state, job.problem = "failed", error.problem()
        except asyncio.CancelledError:
            job.state, job.problem = "failed", _INTERRUPTED
            raise
        except Exception:
            log.exception("import_failed", job=job.id)
            detail = "导入时出了意外，没有写入任何内容。请再试一次，仍不行请联系管理员。"
            job.state, job.problem = "failed", {"code": "internal_error", "detail": detail}
        finally:
            progress.write()

    def _make_room(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self._folder.glob("job_*.json"))[: 1 - _KEPT]:
            old.unlink(missing_ok=True)


class _Progress:
    """Writes a job's file, not more often than anybody looks."""

    def __init__(self, folder: Path, job: _Shown) -> None:
        self._path = folder / f"{job.id}.json"
        self._job = job
        self._written = 0.0

    def __call__(self, phase: Phase, done: int, total: int) -> None:
        fresh = phase != self._job.phase
        self._job.phase, self._job.done, self._job.total = phase, done, total
        if fresh or done == total or time.monotonic() - self._written > _EVERY_S:
            self.write()

    def write(self) -> None:
        self._job.at = time.time()
        self._written = time.monotonic()
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(self._job.__dict__, ensure_ascii=False), "utf-8")
        draft.replace(self._path)


def _public(job: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "at"}
