"""An entry's content: tidied, and refused with a reason when it cannot be used."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from core.clock import LOCAL_ZONE
from knowledge_base.content import EntryContent, moment
from tests.knowledge_base.conftest import content


def test_lists_are_tidied() -> None:
    made = content(
        "怎么查话费？", similar=[" 查话费怎么弄 ", "", "查話費怎麼弄？", "怎么查话费"], tags=[400]
    )
    assert (made.similar, made.tags) == (["查话费怎么弄"], ["400"])


@pytest.mark.parametrize(
    ("written", "kept"),
    [("2026-1-5", "2026-01-05"), ("2026/01/05", "2026-01-05"), ("2026年1月5日", "2026-01-05"),
     ("2026-01-05T00:00:00", "2026-01-05"),
     ("2026-01-05T08:30:00", "2026-01-05T08:30:00+08:00"), ("", None)],
)  # fmt: skip
def test_dates_are_understood(written: str, kept: str | None) -> None:
    assert content("问题", valid_from=written).valid_from == kept


def test_a_day_ends_with_its_midnight() -> None:
    begin, end = moment("2026-01-05"), moment("2026-01-05", end=True)
    assert begin == datetime(2026, 1, 5, tzinfo=LOCAL_ZONE).timestamp()
    assert end == datetime(2026, 1, 6, tzinfo=LOCAL_ZONE).timestamp()
    assert moment(None) is None


@pytest.mark.parametrize(
    "answer",
    [
        "<b>粗</b>",
        "<ScRiPt src=//x>",
        "<!-- x -->",
        "&#106;avascript",
        "JavaScript :alert(1)",
        "</div>",
    ],
)
def test_html_is_refused(answer: str) -> None:
    with pytest.raises(ValidationError, match="HTML"):
        content("问题", answer)


@pytest.mark.parametrize(
    "answer", ["3<5 且 6>4", "发送<空格>验证码", "**05*PUK*新PIN#", "A&B 套餐"]
)
def test_plain_signs_are_not_html(answer: str) -> None:
    assert content("问题", answer).answer == answer


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        EntryContent.model_validate({"question": "问", "answer": "答", "colour": "red"})
