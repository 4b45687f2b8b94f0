"""One table row of an entry: how lists and dangerous cells are written into a cell and read back.

Writing and reading are exact inverses, so that re-importing an export changes nothing.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from pydantic import ValidationError

from knowledge_base.content import EntryContent, error_lines

COLUMNS = (
    "id", "category", "question", "similar", "answer", "negative", "tags", "rich",
    "follow_ups", "valid_from", "valid_to", "enabled",
)  # fmt: skip
LISTS = frozenset({"similar", "negative", "tags", "follow_ups"})
REQUIRED = ("question", "answer")
ALIASES = {
    "编号": "id", "分类": "category", "标准问题": "question", "问题": "question",
    "标准问": "question", "相似问题": "similar", "相似问": "similar", "答案": "answer",
    "回答": "answer", "反例": "negative", "易混问题": "negative", "标签": "tags",
    "富文本答案": "rich", "后续按钮": "follow_ups", "生效日期": "valid_from",
    "失效日期": "valid_to", "启用": "enabled", "entry_id": "id", "title": "question",
}  # fmt: skip
IGNORED = frozenset({"错误", "error", "row", "行号"})
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# What an empty cell says. A column the file does not have says nothing: the entry keeps its value.
_BLANK: dict[str, Any] = {
    "category": "", "similar": [], "negative": [], "tags": [], "follow_ups": [], "rich": None,
    "valid_from": None, "valid_to": None,
}  # fmt: skip
_YES, _NO = {"是", "1", "true", "yes", "y", "启用"}, {"否", "0", "false", "no", "n", "停用"}


class RowError(ValueError):
    """A row that cannot be used; ``messages`` are Chinese."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("；".join(messages))
        self.messages = messages


def column_name(header: object) -> str:
    """Our name of a table's column; unknown headers come back as they are."""
    text = str(header or "").strip().lstrip("\ufeff")
    return ALIASES.get(text, text.lower())


def parse_row(row: dict[str, Any]) -> tuple[str | None, EntryContent]:
    """(id or None, content) of a row whose lists may be lists or cells.

    Raises:
        RowError: says in Chinese what is wrong with which column.
    """
    fields: dict[str, Any] = {}
    for header, value in row.items():
        name = column_name(header)
        if name in IGNORED:
            continue
        blank = value is None or (isinstance(value, str) and not value.strip())
        if not blank:
            fields[name] = _read(name, value)
        elif name in _BLANK:
            fields[name] = _BLANK[name]
    entry_id = fields.pop("id", None)
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        labels = {"question": "标准问题（question）", "answer": "答案（answer）"}
        raise RowError([f"缺少{labels[name]}" for name in missing])
    try:
        return _id(entry_id), EntryContent.model_validate(fields)
    except ValidationError as error:
        raise RowError(error_lines(error.errors())) from error


def _id(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool | list | dict):
        raise RowError(["编号：应为文字"])
    return str(value).strip()


def _read(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if name in LISTS and isinstance(value, str):
        return split_cell(value)
    if name == "enabled" and not isinstance(value, bool):
        return _flag(value)
    if name not in LISTS and type(value) in (int, float):
        return str(int(value) if value == int(value) else value)
    return value


def _flag(value: Any) -> bool:
    text = str(value).strip().lower().removesuffix(".0")
    if text in _YES or text in _NO:
        return text in _YES
    raise RowError([f"启用：「{value}」应为是或否"])


def join_cell(items: list[str]) -> str:
    """A list in one cell: a line each, or JSON where lines would not come back the same."""
    plain = "\n".join(items)
    return plain if split_cell(plain) == items else json.dumps(items, ensure_ascii=False)


def split_cell(cell: str) -> list[str]:
    """A cell's list: a JSON array, or lines, or parts between ``|`` on a single line."""
    text = cell.strip()
    if text.startswith("[") and text.endswith("]"):
        try:
            items = json.loads(text)
        except ValueError:
            items = None
        if isinstance(items, list):
            return [str(item) for item in items]
    parts = text.splitlines() if "\n" in text else text.split("|")
    return [part.strip() for part in parts if part.strip()]


def guard(text: str) -> str:
    """A cell no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return "'" + text if text.lstrip("'").startswith(_FORMULA_STARTS) else text


def unguard(text: str) -> str:
    """Undoes :func:`guard`."""
    if text.startswith("'") and text.lstrip("'").startswith(_FORMULA_STARTS):
        return text[1:]
    return text


def to_record(entry_id: str, content: EntryContent) -> dict[str, Any]:
    """The row as jsonl and yaml hold it: columns in order, empty optional ones left out."""
    data = {"id": entry_id, **content.model_dump()}
    kept = ("id", "category", "question", "similar", "answer")
    full = {name: data[name] for name in COLUMNS}
    if full["enabled"]:
        del full["enabled"]
    return {k: v for k, v in full.items() if k in kept or v not in (None, [], "")}


def to_cells(record: dict[str, Any]) -> list[str]:
    """The row as tables hold it, in the order of ``COLUMNS``, guarded."""
    cells = []
    for name in COLUMNS:
        value = record.get(name)
        if isinstance(value, list):
            text = join_cell([str(item) for item in value])
        elif name == "enabled":
            text = "否" if value is False else "是"
        else:
            text = "" if value is None else str(value)
        cells.append(guard(text))
    return cells
