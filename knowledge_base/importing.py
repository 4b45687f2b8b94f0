"""Imports files as drafts: a dry run tells what would happen, bad rows never stop good ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from core.clock import new_id
from core.errors import InvalidInput, NotFound
from knowledge_base.building import VectorCache, encode_entries
from knowledge_base.bulk import apply_rows
from knowledge_base.content import EntryContent
from knowledge_base.exporting import export_rows
from knowledge_base.models import Editor
from knowledge_base.reading import Format, RawRow, read_rows
from knowledge_base.rows import RowError, parse_row
from knowledge_base.store import KnowledgeStore, checked_id
from knowledge_base.text import normalize

Phase = Literal["reading", "checking", "saving", "encoding"]
Progress = Callable[[Phase, int, int], None]
"""Called with (phase, done, total)."""
_TELL_EVERY = 200
_SHOWN_ERRORS = 200
_KEPT_REPORTS = 20


def _silent(phase: Phase, done: int, total: int) -> None:
    return None


class NothingImported(InvalidInput):
    """Every row was bad; ``data`` lists the errors."""

    code, title = "import_rows_invalid", "没有一行可以导入，请按提示修改后再试。"


@dataclass(frozen=True)
class ImportProblem:
    """What is wrong with (or odd about) one row."""

    row: int
    id: str | None
    message: str


@dataclass
class ImportReport:
    """Counts and problems. ``failed_file`` names the file of failed rows, if any."""

    dry_run: bool
    total: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    errors: list[ImportProblem] = field(default_factory=list)
    warnings: list[ImportProblem] = field(default_factory=list)
    failed_file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data["errors"] = data["errors"][:_SHOWN_ERRORS]
        data["warnings"] = data["warnings"][:_SHOWN_ERRORS]
        return data


@dataclass
class _Parsed:
    good: list[tuple[str, EntryContent]] = field(default_factory=list)
    errors: list[ImportProblem] = field(default_factory=list)
    warnings: list[ImportProblem] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)


class Importer:
    """Reads files into drafts.

    Args:
        folder: where files of failed rows are kept for download.
        cache: keeps the vectors of what was imported; None leaves encoding to the publish.
    """

    def __init__(
        self, store: KnowledgeStore, folder: Path, cache: VectorCache | None = None
    ) -> None:
        self._store = store
        self._cache = cache
        self._folder = folder

    async def run(
        self, data: bytes, kind: Format, editor: Editor, dry_run: bool = False,
        tell: Progress = _silent,
    ) -> ImportReport:  # fmt: skip
        """Imports one file, and encodes its texts so that publishing them is quick.

        Args:
            tell: hears how far each phase is.

        Raises:
            UnreadableFile: the file as a whole cannot be used.
            NothingImported: there are rows, and all of them are bad.
        """
        rows = await asyncio.to_thread(read_rows, data, kind)
        parsed = await asyncio.to_thread(_parse_all, rows, tell)
        report = ImportReport(
            dry_run, total=len(rows), failed=len(parsed.errors), errors=parsed.errors,
            warnings=parsed.warnings,
        )  # fmt: skip
        if parsed.failed and not dry_run:
            report.failed_file = await asyncio.to_thread(self._keep, parsed.failed)
        if not parsed.good:
            raise NothingImported(**report.to_dict())
        done = await apply_rows(
            self._store.database, parsed.good, editor, dry_run, partial(tell, "saving")
        )
        changes = Counter(done)
        report.created, report.updated = changes["created"], changes["updated"]
        report.unchanged = changes["unchanged"]
        if not dry_run:
            await asyncio.to_thread(self._encode, parsed.good, tell)
        return report

    def _encode(self, rows: list[tuple[str, EntryContent]], tell: Progress) -> None:
        if self._cache is not None:
            entries = [content.to_base_entry(entry_id, 1) for entry_id, content in rows]
            encode_entries(entries, self._cache, partial(tell, "encoding"))

    def failed_rows(self, name: str, kind: Format) -> bytes:
        """The failed rows of an import as a file of any format, with the reason beside each.

        Raises:
            NotFound: no such report (only the newest twenty are kept).
        """
        path = self._folder / f"{name}.jsonl"
        if not name.replace("_", "").isalnum() or not path.exists():
            raise NotFound("这次导入没有失败行文件，或文件已过期。")
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return export_rows(records, kind, extra=("行号", "错误"))

    def _keep(self, failed: list[dict[str, Any]]) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = new_id("import")
        lines = (json.dumps(row, ensure_ascii=False, default=str) for row in failed)
        (self._folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        for old in sorted(self._folder.glob("import_*.jsonl"))[:-_KEPT_REPORTS]:
            old.unlink(missing_ok=True)
        return name


def _parse_all(rows: list[RawRow], tell: Progress) -> _Parsed:
    parsed = _Parsed()
    first_row: dict[str, int] = {}
    first_question: dict[str, tuple[int, str]] = {}
    for place, row in enumerate(rows):
        if place % _TELL_EVERY == 0:
            tell("checking", place, len(rows))
        entry_id: str | None = None
        try:
            entry_id, content = _parse(row)
            if entry_id in first_row:
                raise RowError([f"编号与第 {first_row[entry_id]} 行重复"])
        except RowError as error:
            shown = entry_id or _shown_id(row)
            parsed.errors.append(ImportProblem(row.number, shown, f"第{row.number}行：{error}"))
            parsed.failed.append({**row.values, "行号": row.number, "错误": str(error)})
            continue
        first_row[entry_id] = row.number
        parsed.good.append((entry_id, content))
        _warn(parsed, row.number, entry_id, content, first_question)
    return parsed


def _parse(row: RawRow) -> tuple[str, EntryContent]:
    if row.error:
        raise RowError([row.error])
    entry_id, content = parse_row(row.values)
    if entry_id is None:
        return _derived_id(content), content
    try:
        return checked_id(entry_id), content
    except InvalidInput as error:
        raise RowError([error.detail]) from error


def _derived_id(content: EntryContent) -> str:
    # Rows without an id must find their entry again when the file is imported twice.
    digest = hashlib.blake2b(normalize(content.question).encode(), digest_size=8).hexdigest()
    return f"q-{digest}"


def _shown_id(row: RawRow) -> str | None:
    value = row.values.get("id") or row.values.get("编号")
    return str(value)[:80] if value else None


def _warn(
    parsed: _Parsed, number: int, entry_id: str, content: EntryContent,
    first: dict[str, tuple[int, str]],
) -> None:  # fmt: skip
    for form in (content.question, *content.similar):
        folded = normalize(form)
        if folded in first and first[folded][1] != entry_id:
            other, other_id = first[folded]
            message = f"第{number}行：问法「{form[:40]}」与第 {other} 行（{other_id}）相同"
            parsed.warnings.append(ImportProblem(number, entry_id, message))
        first.setdefault(folded, (number, entry_id))
