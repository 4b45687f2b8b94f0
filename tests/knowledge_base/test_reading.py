"""Import files of every format, whole and broken."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from knowledge_base import reading
from knowledge_base.reading import MAX_BYTES, FileTooLarge, UnreadableFile, detect, read_rows

CSV = "编号,分类,标准问题,相似问题,答案\na1,账单,怎么查账单？,查账单|看账单,在App里查。\n"


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_usual_encoding(encoding: str) -> None:
    (row,) = read_rows(CSV.encode(encoding), "csv")
    assert (row.number, row.values["question"]) == (2, "怎么查账单？")


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_csv_with_other_delimiters(delimiter: str) -> None:
    (row,) = read_rows(CSV.replace(",", delimiter).encode(), "csv")
    assert row.values["answer"] == "在App里查。"


def test_csv_rows_are_numbered_by_line_even_over_line_breaks() -> None:
    data = 'question,answer\n问一,"两行\n答案"\n问二,答\n'
    rows = read_rows(data.encode(), "csv")
    assert [(r.number, r.values["question"]) for r in rows] == [(3, "问一"), (4, "问二")]


def test_csv_row_with_too_many_columns_is_an_error() -> None:
    (row,) = read_rows("question,answer\n问,答,多了一列\n".encode(), "csv")
    assert row.error is not None
    assert "列数" in row.error


def test_xlsx_rows() -> None:
    data = workbook([["id", "question", "answer"], [7, "问？", "答。"], [None, None, None]])
    (row,) = read_rows(data, "xlsx")
    assert (row.number, row.values["id"], row.error) == (2, 7, None)


def test_xlsx_formulas_are_refused_and_never_computed() -> None:
    data = workbook([["question", "answer"], ["问？", '=WEBSERVICE("http://evil")'], ["好", "好"]])
    bad, good = read_rows(data, "xlsx")
    assert bad.error is not None
    assert "公式" in bad.error
    assert good.error is None


def test_yaml_lists_and_our_own_files() -> None:
    plain = read_rows("- {id: a, question: 问, answer: 答}\n".encode(), "yaml")
    ours = read_rows(
        "category: 账单\nentries:\n- {id: a, question: 问, answer: 答}\n".encode(), "yaml"
    )
    assert plain[0].values["category"] == ""
    assert ours[0].values["category"] == "账单"


def test_json_lines_and_arrays() -> None:
    lines = read_rows(b'{"id": 1}\n\n[1]\n{"broken"\n', "jsonl")
    assert [(r.number, bool(r.error)) for r in lines] == [(1, False), (3, True), (4, True)]
    assert [r.number for r in read_rows(b'[{"id": 1}, {"id": 2}]', "jsonl")] == [1, 2]


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "csv", "空"),
        (b"  \n ", "jsonl", "空"),
        (b"question,answer\n", "csv", "没有数据行"),
        (b"name,text\na,b\n", "csv", "表头缺少列"),
        (b'question,answer\na,"open quote\n', "csv", "格式有误"),
        (b"\xff\xff\xff\x00\x01\x80", "csv", "编码"),
        (b"a\x00b,c\n", "csv", "编码"),
        (b"PK\x03\x04 not a zip", "xlsx", "损坏"),
        (b"just text", "xlsx", "损坏"),
        (b"- a: [1, 2\n", "yaml", "YAML"),
        (b"just: a map\n", "yaml", "条目列表"),
        (b"- &x a\n- *x\n", "yaml", "YAML"),
        (b"!!python/object/apply:os.system ['true']", "yaml", "YAML"),
        (b"[" * 100_000, "jsonl", "JSON"),
        (b'[{"id": 1},', "jsonl", "JSON"),
        (b"- " * 5_000, "yaml", "YAML"),
    ],
)
def test_broken_files_are_one_clear_error(data: bytes, kind: Any, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_rows(data, kind)


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UnreadableFile, match="损坏"):
        read_rows(out.getvalue(), "xlsx")


def test_a_zip_bomb_is_refused_before_it_unfolds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MAX_UNZIPPED", 1024 * 1024)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (2 * 1024 * 1024))
    assert len(out.getvalue()) < 10_000
    with pytest.raises(FileTooLarge):
        read_rows(out.getvalue(), "xlsx")


def test_too_large_and_too_long_files_are_refused() -> None:
    with pytest.raises(FileTooLarge):
        read_rows(b"x" * (MAX_BYTES + 1), "csv")
    with pytest.raises(FileTooLarge, match="行数"):
        read_rows(b"{}\n" * 50_001, "jsonl")


@pytest.mark.parametrize(
    ("name", "content_type", "data", "kind"),
    [
        ("a.CSV", "", b"", "csv"), ("a.yml", "", b"", "yaml"), ("a.json", "", b"", "jsonl"),
        ("", "application/x-ndjson", b"", "jsonl"), ("", "text/csv", b"", "csv"),
        ("", "application/yaml", b"", "yaml"), ("", "", b"PK\x03\x04", "xlsx"),
        ("", "", b'\xef\xbb\xbf{"id": 1}', "jsonl"), ("", "", b"id,question\n", "csv"),
        ("", "application/octet-stream", b"- id: a\n", "yaml"),
    ],
)  # fmt: skip
def test_the_format_is_recognised(name: str, content_type: str, data: bytes, kind: str) -> None:
    assert detect(name, content_type, data) == kind


def test_formats_we_do_not_read_are_named() -> None:
    with pytest.raises(UnreadableFile, match="xls"):
        detect("old.xls", "", b"")
