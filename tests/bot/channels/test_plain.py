"""Cards as lines, buttons as numbers, numbers as choices."""

from __future__ import annotations

import pytest

from bot.channels.plain import choices_of, numbered, picked, text_of

CHOICES = [
    {"title": "查话费", "payload": "查话费余额"},
    {"title": "查流量", "payload": "还剩多少流量"},
    {"title": "转人工", "payload": "转人工"},
]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 1), ("「2」", 1), ("２", 1), ("2.", 1), (" 2 ", 1), ("第二个", 1), ("二", 1), ("选3", 2),
        ("第1项", 0), ("查流量", 1), ("转人工", 2),
        ("0", None), ("4", None), ("20", None), ("2G", None), ("246810", None), ("第二个月", None), ("", None),
    ],
)  # fmt: skip
def test_picked(text: str, number: int | None) -> None:
    assert picked(text, CHOICES) == (None if number is None else CHOICES[number])


def test_nothing_was_offered() -> None:
    assert picked("2", []) is None


def test_a_bill_in_words() -> None:
    card = {
        "type": "bill", "month": "2026-10", "total": "158.40",
        "items": [{"name": "套餐", "amount": "129.00"},
                  {"name": "流量", "amount": "20.00", "change": "+20.00"}],
        "compare": {"month": "2026-09", "total": "134.00"},
    }  # fmt: skip
    assert text_of({"sender": "bot", "text": "**上月**账单", "card": card}) == (
        "上月账单\n【2026年10月账单】\n· 套餐 129.00元\n· 流量 20.00元（+20.00）\n"
        "合计 158.40元\n对比2026年9月：134.00元"
    )


def test_a_card_whose_every_figure_was_said_is_not_said_again() -> None:
    items = [{"name": "套餐", "amount": "129.00"}, {"name": "彩铃", "amount": "5.00"}]
    card = {
        "type": "bill",
        "title": "10月账单",
        "month": "2026-10",
        "total": "134.00",
        "items": items,
    }
    words = "您10月的账单是134元：套餐129.00元、彩铃5元。"
    assert text_of({"text": words, "card": card}) == words
    for less in ("您10月的账单是134元：套餐129.00元。", "您的账单是134元：套餐129元、5元。", ""):
        assert "【10月账单】" in text_of({"text": less, "card": card})
    plan = {"name": "畅享39元", "price": "39.00", "data_gb": 20, "minutes": 100, "reason": "更省"}
    plans = {"type": "plans", "title": "为您推荐", "plans": [plan]}
    words = "推荐畅享39元：每月39元，20GB流量、100分钟通话。"
    assert text_of({"text": words, "card": plans}) == words
    ticket = {"type": "ticket", "id": "T1", "status": "处理中", "steps": [{"text": "7日内处理"}]}
    assert "处理中" in text_of({"text": "工单T1，7日内。", "card": ticket})


def test_plans_usage_and_tickets_in_words() -> None:
    plans = {"type": "plans", "title": "套餐", "plans": [
        {"name": "畅享39元", "price": "39.00", "data_gb": 20, "minutes": 100, "extras": ["彩铃"],
         "reason": "更省"},
    ]}  # fmt: skip
    assert "· 畅享39元 39.00元/月，20GB，100分钟，彩铃（更省）" in text_of(
        {"text": "", "card": plans}
    )
    usage = {"type": "usage", "buckets": [
        {"name": "流量", "used": "15.8", "total": "10", "left": "0", "unit": "GB", "percent": 100},
    ]}  # fmt: skip
    assert "已用15.8GB，共10GB，剩余0GB" in text_of({"text": "", "card": usage})
    ticket = {
        "type": "ticket",
        "id": "T1",
        "title": "报修",
        "status": "处理中",
        "steps": [{"text": "已派单"}],
    }
    assert text_of({"text": "", "card": ticket}) == "【报修】工单号 T1，处理中\n· 已派单"


def test_whether_it_helped_is_not_offered() -> None:
    buttons = [
        {"title": "解决了", "payload": "解决了", "kind": "feedback"},
        {"title": "转人工", "payload": "转人工"},
    ]
    assert [c["title"] for c in choices_of({"buttons": buttons})] == ["转人工"]
    assert numbered(CHOICES).splitlines()[1:] == ["1. 查话费", "2. 查流量", "3. 转人工"]


def test_a_rating_is_a_number() -> None:
    said = {"text": "服务结束。", "card": {"type": "rating", "handoff_id": "h1"}}
    assert "1到5" in text_of(said)
    choices = choices_of(said)
    assert numbered(choices) == ""
    assert picked("5", choices) == {"title": "5分", "payload": "rating:5"}


def test_stars_that_hide_a_number_are_kept() -> None:
    hidden = "138****0001换成139****0009"
    assert text_of({"text": f"**已经**{hidden}"}) == f"已经{hidden}"


def test_links_stay_readable() -> None:
    assert text_of({"text": "看[这里](https://a.cn/b)"}) == "看这里 https://a.cn/b"
