from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.nlu.segments import pieces, requests


def by_word(texts: Sequence[str]) -> list[tuple[str, float]]:
    table = {
        "余额": "query_balance",
        "流量包": "order_addon",
        "账单": "query_bill",
        "谢谢": "thank",
    }
    return [(next((v for k, v in table.items() if k in t), "inform"), 0.95) for t in texts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("查下余额,顺便加个流量包", ["查下余额", "加个流量包"]),
        ("查余额。另外账单发我", ["查余额", "账单发我"]),
        ("看下余额,再查账单,还有加个流量包", ["看下余额", "查账单", "加个流量包"]),
    ],
)
def test_takes_requests_apart(text: str, parts: list[str]) -> None:
    found = requests(text, by_word)
    assert [text[r.start : r.end] for r in found] == parts


@pytest.mark.parametrize(
    "text",
    [
        "查下余额", "不是查账单,顺便说我要余额", "如果余额不够,再加流量包", "谢谢。查余额", "查余额。查余额",
        "昨天营业厅的人说账单不对,我很生气",
    ],
)  # fmt: skip
def test_leaves_one_request_whole(text: str) -> None:
    assert requests(text, by_word) == []


def test_unsure_pieces_are_not_requests() -> None:
    assert (
        requests("查余额。加流量包", lambda texts: [("query_balance", 0.5), ("order_addon", 0.99)])
        == []
    )


def test_a_long_story_is_not_cut() -> None:
    assert pieces("查余额。" * 50) == []
