"""Notes for agents in Chatwoot: everything that was said, readable, and harmless."""

from __future__ import annotations

from typing import Any

import pytest

from handoff.context import ContextPackage
from handoff.integration.chatwoot import notes
from handoff.integration.people import clean_name, outside_agent
from handoff.summary import summarise


def package(transcript: list[dict[str, Any]], **fields: Any) -> ContextPackage:
    """A package as the handoff gives it."""
    known: dict[str, Any] = {
        "handoff_id": "h_1",
        "built_at": "2026-11-23T10:00:00+08:00",
        "conversation": {
            "conversation_id": "c_1", "channel": "wechat", "channels": ["wechat", "web"],
            "started_at": "2026-11-23T10:00:00+08:00",
        },
        "customer": {"name": "张伟", "tier": "gold", "masked_phone": "138****0001", "verification": "verified"},
        "why": {
            "trigger": "complaint", "trigger_text": "投诉", "skill_group": "complaints",
            "skill_group_text": "投诉处理", "asked_group": "complaints", "priority": 40,
            "priority_reasons": ["金卡客户 +20", "投诉 +20"], "complaint_grade": "normal",
        },
        "wants": {"request": "多扣20元要求退费", "intent": None, "slots": {}, "entities": []},
        "tried": [{"summary": "已查账单", "figures": {"流量超出": "20.00元"}}],
        "knowledge_shown": [],
        "mood": {"label": "angry", "trend": "worse", "points": []},
        "transcript": transcript,
    }  # fmt: skip
    built = ContextPackage.model_validate(known | fields)
    built.summary = summarise(built)
    return built


def line(text: str, sender: str = "customer", **fields: Any) -> dict[str, Any]:
    at = "2026-11-23T02:30:00+00:00"
    return {"sender": sender, "text": text, "created_at": at, "audience": "all", **fields}


def test_five_seconds() -> None:
    text = notes.handed_over(
        package(
            [],
            no_need_to_ask=["手机号：138****0001", "余额：56.30元"],
            open_tickets=[{"id": "261123000001", "title": "望京断网", "status": "processing"}],
            suggested_replies=[
                {"question": "流量超出怎么收费", "answer": "每GB5元"},
                {"question": "空"},
            ],
        )
    )
    assert text.startswith("**【转人工】**\n客户：张伟 · 金卡 · 已验证身份\n诉求：多扣20元要求退费")
    for words in (
        "20.00元", "愤怒，越来越差", "- 余额：56.30元", "- 261123000001 望京断网（处理中）",
        "金卡客户 +20，投诉 +20",
        "- 流量超出怎么收费：每GB5元", "客户来自微信公众号、网页",
    ):  # fmt: skip
        assert words in text


def test_a_hundred_turns_over_two_channels_are_all_there() -> None:
    turns = [line(f"第{n}句" + "啊" * 120, "customer" if n % 2 else "bot") for n in range(100)]
    card = {"type": "bill", "title": "上月账单", "month": "2026-10", "total": "158.40",
            "items": [{"name": "流量超出", "amount": "20.00"}]}  # fmt: skip
    turns[50]["card"] = card
    earlier = {
        "conversation_id": "c_0", "channel": "web", "started_at": "2026-11-20T02:00:00+00:00",
        "messages": [line("上次也是这个问题"), line("记一下", "agent", audience="staff", agent_name="林小雨")],
    }  # fmt: skip
    pages = notes.records(package(turns, earlier=[earlier]))
    assert len(pages) > 1
    assert all(len(page) <= notes.NOTE_CHARS + 200 for page in pages)
    whole = "\n".join(pages)
    assert [whole.index(f"第{n}句") for n in range(100)] == sorted(
        whole.index(f"第{n}句") for n in range(100)
    )
    assert "〔上月账单；2026-10；158.40；流量超出 20.00〕" in whole
    assert "**11-20 网页会话**" in whole
    assert "10:30 客户：上次也是这个问题" in whole
    assert "林小雨（内部备注）：记一下" in whole
    assert pages[0].startswith("**聊天记录**（1/")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[李雷](mention://user/1/x)", r"\[李雷\](mention://user/1/x)"),
        ("![a](http://e/x.png)", r"\!\[a\](http://e/x.png)"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("**大字** _斜_ `码` ~删~ |表|", r"\*\*大字\*\* \_斜\_ \`码\` \~删\~ \|表\|"),
        ("号码13912345678，身份证110101199001011234", r"号码139\*\*\*\*5678，身份证1101"),
        ("第一行\n# 第二行", "第一行 # 第二行"),
    ],
)
def test_customers_write_no_markdown_into_notes(said: str, shown: str) -> None:
    (record,) = notes.records(package([line(said)]))
    assert shown in record


def test_a_line_that_would_be_a_heading_or_a_list() -> None:
    for start in ("# 标题", "- 一", "+ 一", "1. 一", "> 引用"):
        said = notes.rated(1, start)
        assert said.splitlines()[1].removeprefix("客户留言：") != start


def test_what_an_agent_writes_as_the_customer_reads_it() -> None:
    assert (
        notes.plain("**您好**，1\\. 重启光猫\\\n2\\. 再试 \\*号键")
        == "您好，1. 重启光猫\n2. 再试 *号键"
    )
    assert notes.plain("  C:\\路径  ") == "C:\\路径"


def test_an_empty_talk_has_no_record() -> None:
    assert notes.records(package([])) == []


def test_names() -> None:
    assert clean_name("  李\n雷\u200b\u202e ") == "李 雷"
    assert clean_name("") == "客服"
    assert len(clean_name("长" * 99)) == 20
    assert outside_agent("chatwoot", "7", "李雷").id == "chatwoot:7"
