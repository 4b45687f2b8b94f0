"""Exports entries to files that import again unchanged, and that no spreadsheet runs as a
program.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import yaml

from knowledge_base.listing import EntryView
from knowledge_base.reading import Format
from knowledge_base.rows import COLUMNS, guard, to_cells, to_record

MEDIA_TYPES: dict[Format, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yaml": "application/yaml; charset=utf-8",
}


def export_entries(views: Sequence[EntryView], kind: Format) -> bytes:
    """A file of all ``views``."""
    return export_rows([to_record(view.entry.id, view.content) for view in views], kind)


def export_rows(
    records: Sequence[dict[str, Any]], kind: Format, extra: Sequence[str] = ()
) -> bytes:
    """A file of ``records``, with ``extra`` columns after ours (tables only have named columns)."""
    if kind == "jsonl":
        lines = (json.dumps(record, ensure_ascii=False, default=str) for record in records)
        return "".join(line + "\n" for line in lines).encode("utf-8")
    if kind == "yaml":
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return yaml.dump(
            [_plain(record) for record in records], Dumper=dumper, allow_unicode=True,
            sort_keys=False, width=1000, encoding="utf-8",
        )  # fmt: skip
    table = [[*COLUMNS, *extra]]
    for record in records:
        more = [guard(str(record.get(name, ""))) for name in extra]
        table.append([*to_cells(record), *more])
    return _csv(table) if kind == "csv" else _xlsx(table)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(record, ensure_ascii=False, default=str))
    return plain


def _csv(table: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    # With the mark, spreadsheet programs take the file for UTF-8.
    return out.getvalue().encode("utf-8-sig")


def _xlsx(table: list[list[str]]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("知识库")
    for row in table:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, text)
            # A text that looks like a formula stays a text.
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
