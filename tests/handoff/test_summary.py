from __future__ import annotations

from typing import Any

import pytest

from handoff.context import ContextPackage, HandoffRequest, MoodPoint
from handoff.summary import closing_summary, mood_of, mood_point, no_need_to_ask, summarise

TRIED = {
    "action": "action_explain_bill", "intent": "explain_bill", "at": "2026-11-23T10:00:00+08:00",
    "summary": "已对比近两个月账单",
    "figures": {"2026-10": "158.40元", "2026-09": "134.00元", "流量超出": "+20.00元"},
}  # fmt: skip


def _package(**changes: Any) -> ContextPackage:
    base: dict[str, Any] = {
        "handoff_id": "h_1",
        "built_at": "2026-11-23T10:00:00+00:00",
        "conversation": {
            "conversation_id": "c_1", "channel": "web", "channels": ["web"],
            "started_at": "2026-11-23T09:00:00+00:00",
        },
        "customer": {
            "customer_id": "1", "name": "张伟", "masked_phone": "138****0001", "tier": "gold",
            "plan": "5G畅享129元", "balance": "56.30", "arrears": "0.00", "tenure_months": 64,
            "verification": "verified",
        },
        "why": {
            "trigger": "asked", "trigger_text": "客户要求人工", "skill_group": "billing",
            "skill_group_text": "话费账务", "asked_group": "billing", "priority": 20,
            "priority_reasons": ["金卡客户 +20"], "complaint_grade": None,
        },
        "wants": {
            "request": "想知道上个月话费为什么变多", "intent": "explain_bill",
            "slots": {"filled": {"month": "上个月"}, "missing": []},
            "entities": [{"entity": "month", "value": "上个月"}],
        },
        "tried": [TRIED],
        "knowledge_shown": [],
        "mood": {"label": "negative", "trend": "worse", "points": []},
    }  # fmt: skip
    return ContextPackage.model_validate(base | changes)


def test_five_lines_of_facts() -> None:
    assert summarise(_package()).text == (
        "客户：张伟 · 金卡 · 已验证身份 · 5G畅享129元 · 在网5年\n"
        "诉求：想知道上个月话费为什么变多\n"
        "原因：客户要求人工\n"
        "已做：已对比近两个月账单（2026-10 158.40元，2026-09 134.00元，流量超出 +20.00元）\n"
        "情绪：不满，越来越差"
    )


def test_the_matter_is_told_in_the_customers_own_words() -> None:
    """The last line before a person comes is often a threat or a 「转人工」, and not what it is about."""
    before, later = "2026-11-23T01:00:00+00:00", "2099-01-01T00:00:00+00:00"
    said = [
        ("customer", "你们乱扣费", before), ("bot", "请说说是什么事情", before),
        ("customer", "138****0002", before), ("customer", "246810", before),
        ("customer", "这个视频会员我根本没开通过！你们这是消费欺诈，一直扣到现在也没有人管", before),
        ("customer", "转人工", before), ("customer", "取消排队", before),
        ("customer", "我已经咨询律师了，再不退钱我就去工信部投诉", before),
        ("customer", "接通以后说的话在会话里看", later),
    ]  # fmt: skip
    package = _package(
        transcript=[{"sender": who, "text": text, "created_at": at} for who, text, at in said],
        wants={"request": "客户要投诉，原话：「我已经咨询律师了，再不退钱我就去工信部投诉」",
               "intent": "file_complaint", "slots": {}, "entities": []},
    )  # fmt: skip
    assert summarise(package).wants == (
        "客户要投诉，原话：「我已经咨询律师了，再不退钱我就去工信部投诉」"
        "；此前说过「你们乱扣费」「这个视频会员我根本没开通过！你们这是消费欺诈，一直扣到现在…」"
    )


def test_a_stranger_with_nothing_done_invents_nothing() -> None:
    package = _package(
        customer={}, tried=[], mood={},
        wants={"request": "", "intent": None, "slots": {}, "entities": []},
    )  # fmt: skip
    summary = summarise(package)
    assert summary.who == "未登录客户 · 未验证身份"
    assert summary.wants == "尚未说明"
    assert summary.tried == "机器人尚未办理任何操作"
    assert summary.mood == "平稳"
    assert not any(character.isdigit() for character in summary.text)
    assert no_need_to_ask(package) == []


def test_figures_in_the_sentence_are_not_repeated() -> None:
    step = TRIED | {
        "summary": "上月账单158.40元，前月134.00元",
        "figures": {"上月": "158.40", "前月": "134.00"},
    }
    assert summarise(_package(tried=[step])).tried == "上月账单158.40元，前月134.00元"


def test_arrears_contract_age_and_missing_slots_show() -> None:
    package = _package(
        customer={"name": "李娜", "arrears": "12.50", "contract_end": "2026-12-18", "elderly": True},
        wants={
            "request": "改套餐", "intent": "change_package",
            "slots": {"filled": {}, "missing": ["package_name"]}, "entities": [],
        },
    )  # fmt: skip
    summary = summarise(package)
    assert "老年客户" in summary.who
    assert "欠费12.50元" in summary.who
    assert "合约2026-12-18到期" in summary.who
    assert summary.why == "客户要求人工，还缺套餐"


def test_knowledge_shown_and_reaction() -> None:
    shown = [{"entry_id": "k1", "question": "国际漫游怎么收费", "reaction": "unhelpful"}]
    tried = summarise(_package(tried=[], knowledge_shown=shown)).tried
    assert tried == "看过知识《国际漫游怎么收费》，客户反应：没有用"


def test_what_the_agent_need_not_ask() -> None:
    lines = no_need_to_ask(_package())
    assert "身份已验证" in lines
    assert "手机号：138****0001" in lines
    assert "月份：上个月" in lines
    assert "余额：56.30元" in lines
    assert not any(line.startswith("欠费") for line in lines)


@pytest.mark.parametrize(
    ("labels", "label", "trend"),
    [
        ([], "neutral", "steady"),
        (["neutral"], "neutral", "steady"),
        (["neutral", "neutral", "angry", "angry"], "angry", "worse"),
        (["angry", "negative", "neutral", "positive"], "positive", "better"),
        (["negative", "negative"], "negative", "steady"),
        (["something new"], "neutral", "steady"),
    ],
)
def test_mood_and_trend(labels: list[str], label: str, trend: str) -> None:
    mood = mood_of([MoodPoint(seq=seq, label=name) for seq, name in enumerate(labels, 1)])
    assert (mood.label, mood.trend) == (label, trend)


@pytest.mark.parametrize("damaged", [None, {}, {"sentiment": "bad"}, {"sentiment": {"label": 3}}])
def test_damaged_understanding_has_no_mood(damaged: dict[str, Any] | None) -> None:
    assert mood_point(1, damaged) is None


def test_closing_summary_starts_from_facts() -> None:
    text = closing_summary(_package())
    assert "想知道上个月话费为什么变多" in text
    assert text.endswith("处理结果：")


def test_a_damaged_directive_costs_only_what_is_damaged() -> None:
    request = HandoffRequest.from_directive(
        {"name": "handoff", "trigger": "no such trigger", "request": "查账单", "tried": [TRIED, "broken"],
         "slots": None, "knowledge_shown": 7, "skill_group": "billing"}
    )  # fmt: skip
    assert request.trigger == "asked"
    assert request.request == "查账单"
    assert request.skill_group == "billing"
    assert [step.summary for step in request.tried] == ["已对比近两个月账单"]
    assert request.knowledge_shown == []
