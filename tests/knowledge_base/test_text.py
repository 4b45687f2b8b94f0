"""Normalisation: what customers vary without meaning it compares as the same."""

from __future__ import annotations

import pytest

from knowledge_base.text import normalize


@pytest.mark.parametrize(
    ("said", "folded"),
    [
        ("  怎么查话费？？ ", "怎么查话费"),
        ("怎麼查詢話費帳單", "怎么查询话费账单"),
        ("ＶｏＬＴＥ怎么开", "volte怎么开"),
        ("５Ｇ套餐", "5g套餐"),
        ("话 费 多 少", "话费多少"),
        ("看这个 https://example.com/a?b=1 怎么回事", "看这个怎么回事"),
        ("零\u200b宽\ufeff空格", "零宽空格"),
        ("“eSIM”怎么办理。。。", "esim”怎么办理"),
        ("？！……", ""),
        ("", ""),
        ("wifi 6 路由器", "wifi 6 路由器"),
    ],
)
def test_normalize(said: str, folded: str) -> None:
    assert normalize(said) == folded


def test_normalizing_twice_changes_nothing() -> None:
    for text in ("帳單要去哪裡看！", "ＰＵＫ碼", "【畅通】验证码是123456，请勿泄露"):
        assert normalize(normalize(text)) == normalize(text)


@pytest.mark.parametrize("text", ["\x00\x01\x02", "\ud800", "😀" * 500, "a" * 100_000])
def test_hostile_text_does_no_harm(text: str) -> None:
    assert isinstance(normalize(text), str)
