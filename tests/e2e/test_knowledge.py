"""Publish to answer, with every process running."""

from __future__ import annotations

import time

import pytest

from tests.system import Customer, StaffMember, System

pytestmark = pytest.mark.e2e


def test_published_entries_answer_within_a_second(customer: Customer, editor: StaffMember) -> None:
    question = "畅通营业厅里的小蜜蜂徽章有什么用"
    entry = {
        "id": "test-bee-badge",
        "category": "测试",
        "question": question,
        "similar": ["小蜜蜂徽章干嘛的"],
        "answer": "小蜜蜂徽章是测试用的纪念徽章，没有别的用处。",
    }
    created = editor.post("/knowledge/entries", entry)
    editor.post("/knowledge/publish", {"force": True})
    published = time.monotonic()
    while "纪念徽章" not in customer.say(question):
        assert time.monotonic() - published < 2, "not answered in time"
    hits = editor.get("/knowledge/search", q=question, k=3)
    assert hits["decision"] == "answer"
    assert hits["hits"][0]["entry_id"] == created.get("id", "test-bee-badge")


def test_what_did_not_help_reaches_the_editors(system: System, editor: StaffMember) -> None:
    customer = Customer(system)
    customer.say("国际漫游怎么收费")
    offered = [button["title"] for reply in customer.send("没解决")["replies"]
               for button in reply.get("buttons") or ()]  # fmt: skip
    assert "转人工" in offered
    groups = editor.get("/knowledge/inbox", kind="unhelpful")["groups"]
    assert any("国际漫游怎么收费" in finding["text"] for g in groups for finding in g["findings"])


def test_the_console_wants_a_second_person(system: System) -> None:
    first, second = StaffMember(system, "editor01"), StaffMember(system, "editor02")
    entry = {"id": "test-second", "question": "审核测试用的一条怎么办？", "answer": "看看就好。"}
    first.post("/knowledge/entries", entry)
    first.post("/knowledge/entries/test-second/review", {"action": "submit"})
    done = second.post("/knowledge/entries/test-second/review", {"action": "approve"})
    assert done["state"] == "approved"
    assert first.post("/knowledge/publish", {"ids": ["test-second"]})["published"] == 1
