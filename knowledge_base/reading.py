"""Reads import files of every format into numbered raw rows; a file it cannot read is one clear
error.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from core.errors import InvalidInput
from knowledge_base.rows import REQUIRED, RowError, column_name, unguard

Format = Literal["jsonl", "csv", "xlsx", "yaml"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "xlsx", "yaml")
MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 50_000
_MAX_UNZIPPED = 300 * 1024 * 1024
_MAX_CELL = 1_000_000
_MAX_DEPTH = 12
# libyaml is ten times faster and reads the same.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableFile(InvalidInput):
    """The whole file cannot be used; the detail says why, in Chinese."""

    code, title = "unreadable_file", "导入文件无法读取。"


class FileTooLarge(UnreadableFile):
    """Over 20 MB or 50,000 rows."""

    status, code, title = 413, "file_too_large", "文件太大了，最多 20 MB，请拆成几个文件导入。"


@dataclass(frozen=True)
class RawRow:
    """One row as it stands in the file; ``error`` where not even that could be read."""

    number: int
    values: dict[str, Any]
    error: str | None = None


def detect(name: str, content_type: str, data: bytes) -> Format:
    """The format by file name, else by content type, else by the first bytes."""
    suffix = name.lower().rpartition(".")[2]
    known: dict[str, Format] = {
        "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "csv": "csv", "txt": "csv",
        "xlsx": "xlsx", "yaml": "yaml", "yml": "yaml",
    }  # fmt: skip
    if suffix in known:
        return known[suffix]
    if suffix in ("xls", "doc", "docx", "pdf", "zip"):
        raise UnreadableFile(f"不支持 .{suffix} 文件，请用 jsonl、csv、xlsx 或 yaml。")
    for mark, found in (
        ("spreadsheetml", "xlsx"),
        ("csv", "csv"),
        ("yaml", "yaml"),
        ("json", "jsonl"),
    ):
        if mark in content_type:
            return found  # type: ignore[return-value]
    return _sniff(data)


def _sniff(data: bytes) -> Format:
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PK"):
        return "xlsx"
    if head.startswith((b"{", b"[")):
        return "jsonl"
    first = head.split(b"\n", 1)[0]
    return "csv" if b"," in first and not first.rstrip().endswith(b":") else "yaml"


def read_rows(data: bytes, kind: Format) -> list[RawRow]:
    """All rows of a file.

    Raises:
        UnreadableFile: broken, empty, wrongly encoded, or lacking its columns.
        FileTooLarge: too many bytes or rows.
    """
    if len(data) > MAX_BYTES:
        raise FileTooLarge
    if not data.strip():
        raise UnreadableFile("文件是空的。")
    readers = {"jsonl": _jsonl, "csv": _csv, "xlsx": _xlsx, "yaml": _yaml}
    rows: list[RawRow] = []
    for row in readers[kind](data):
        rows.append(row)
        if len(rows) > MAX_ROWS:
            raise FileTooLarge(f"行数太多，一次最多导入 {MAX_ROWS} 行。")
    if not rows:
        raise UnreadableFile("文件里没有数据行。")
    return rows


def decode(data: bytes) -> str:
    """Text of a file in UTF-8 (with or without BOM), UTF-16 with BOM, or GB 18030.

    Raises:
        UnreadableFile: it is none of these.
    """
    encodings = ["utf-8-sig", "gb18030"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnreadableFile("文件编码无法识别，请另存为 UTF-8 后再导入。")


def _jsonl(data: bytes) -> Iterator[RawRow]:
    text = decode(data)
    if text.lstrip().startswith("["):
        yield from _json_array(text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            where = f"第 {error.colno} 列附近" if isinstance(error, json.JSONDecodeError) else ""
            yield RawRow(number, {"_raw": line[:500]}, f"不是有效的 JSON{where}")
            continue
        yield _mapping(number, values)


def _json_array(text: str) -> Iterator[RawRow]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"JSON 文件已损坏：{error}") from error
    for number, values in enumerate(items, start=1):
        yield _mapping(number, values)


def _mapping(number: int, values: Any) -> RawRow:
    if isinstance(values, dict):
        return RawRow(number, {str(k): v for k, v in values.items()})
    return RawRow(number, {"_raw": str(values)[:500]}, "应为一个对象（字段: 值）")


def _csv(data: bytes) -> Iterator[RawRow]:
    text = decode(data)
    csv.field_size_limit(_MAX_CELL)
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = _header(next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _table_row(reader.line_num, header, cells)
    except csv.Error as error:
        raise UnreadableFile(f"CSV 第 {reader.line_num} 行附近格式有误：{error}") from error


def _header(cells: Iterable[Any]) -> list[str]:
    names = [column_name(cell) for cell in cells]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UnreadableFile(
            f"表头缺少列：{'、'.join(missing)}。需要的列：id、category、question、similar、answer。"
        )
    return names


def _table_row(number: int, header: list[str], cells: Iterable[Any]) -> RawRow:
    values: dict[str, Any] = {}
    extra = []
    for place, cell in enumerate(cells):
        value = unguard(cell) if isinstance(cell, str) else cell
        if place < len(header) and header[place]:
            values[header[place]] = value
        elif value not in (None, ""):
            extra.append(value)
    error = "列数比表头多，可能有逗号没有加引号" if extra else None
    return RawRow(number, values, error)


def _xlsx(data: bytes) -> Iterator[RawRow]:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > _MAX_UNZIPPED:
                raise FileTooLarge("表格解压后太大，请拆成几个文件导入。")
        # Formulas are read as their text and refused; nothing here ever computes them.
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        rows = sheet.iter_rows()
        header = _header(cell.value for cell in next(rows, ()))
        for number, cells in enumerate(rows, start=2):
            if any(cell.value not in (None, "") for cell in cells):
                yield _sheet_row(number, header, cells)
    except InvalidInput:
        raise
    except Exception as error:  # openpyxl raises whatever its XML and zip layers do
        raise UnreadableFile("xlsx 文件已损坏或不是 Excel 表格。") from error


def _sheet_row(number: int, header: list[str], cells: Any) -> RawRow:
    row = _table_row(number, header, (cell.value for cell in cells))
    formulas = [
        header[i] for i, cell in enumerate(cells) if cell.data_type == "f" and i < len(header)
    ]
    if formulas:
        return RawRow(number, row.values, f"{'、'.join(formulas)} 列是公式，请粘贴为纯文字")
    return row


def _check_yaml(text: str) -> None:
    """Refuses anchors and deep nesting before anything is built: a small file of either blows up
    beyond any memory or stack."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _MAX_DEPTH:
            raise yaml.YAMLError("anchors or deep nesting")


def _yaml(data: bytes) -> Iterator[RawRow]:
    try:
        text = decode(data)
        _check_yaml(text)
        loaded = yaml.load(text, _LOADER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行附近" if mark else ""
        raise UnreadableFile(f"YAML 文件{where}格式有误。") from error
    category = ""
    if isinstance(loaded, dict) and isinstance(loaded.get("entries"), list):
        category = str(loaded.get("category") or "")
        loaded = loaded["entries"]
    if not isinstance(loaded, list):
        raise UnreadableFile("YAML 文件应是条目列表，或含 entries 列表。")
    for number, values in enumerate(loaded, start=1):
        row = _mapping(number, values)
        yield RawRow(number, {"category": category, **row.values}, row.error)


__all__ = ["FORMATS", "FileTooLarge", "RawRow", "RowError", "UnreadableFile", "detect", "read_rows"]
