"""Cells: what is written comes back, and nothing runs in a spreadsheet."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.rows import (
    COLUMNS,
    RowError,
    guard,
    join_cell,
    parse_row,
    split_cell,
    to_cells,
    to_record,
    unguard,
)
from tests.knowledge_base.conftest import content

items = st.lists(
    st.text("甲乙a|[]\"'=+-@,; 一", min_size=1, max_size=12).map(str.strip).filter(bool),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(items)
def test_lists_survive_a_cell(values: list[str]) -> None:
    assert split_cell(unguard(guard(join_cell(values)))) == values


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20))
def test_guarded_cells_come_back_and_never_start_a_formula(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_split_cell_takes_what_editors_type() -> None:
    assert split_cell("甲 | 乙|丙") == ["甲", "乙", "丙"]
    assert split_cell("甲\n乙|丙\n") == ["甲", "乙|丙"]
    assert split_cell('["甲", "乙"]') == ["甲", "乙"]


def test_chinese_headers_dates_and_flags() -> None:
    entry_id, made = parse_row(
        {"编号": 12, "标准问题": "问题？", "答案": "答。", "相似问题": "甲|乙", "启用": "否",
         "生效日期": date(2026, 1, 5), "错误": "旧的错误"}
    )  # fmt: skip
    assert entry_id == "12"
    assert (made.similar, made.enabled, made.valid_from) == (["甲", "乙"], False, "2026-01-05")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "问"}, "缺少答案"),
        ({"answer": "答"}, "缺少标准问题"),
        ({"question": "问", "answer": "答", "enabled": "也许"}, "启用"),
        ({"question": "问", "answer": "答", "similar": {"a": 1}}, "相似问题：应为列表"),
        ({"question": ["问"], "answer": "答"}, "标准问题：应为文字"),
        ({"question": "问", "answer": "答", "colour": "red"}, "没有这个字段"),
        ({"question": "问", "answer": "答", "id": ["x"]}, "编号"),
    ],
)
def test_bad_rows_say_what_is_wrong(row: dict[str, object], words: str) -> None:
    with pytest.raises(RowError, match=words):
        parse_row(row)


def test_records_and_cells_follow_the_columns() -> None:
    made = content("问题？", "=答", similar=["甲"], enabled=False)
    record = to_record("a", made)
    cells = dict(zip(COLUMNS, to_cells(record), strict=True))
    assert (cells["answer"], cells["enabled"], cells["similar"]) == ("'=答", "否", "甲")
    assert parse_row({k: unguard(v) for k, v in cells.items()}) == ("a", made)
