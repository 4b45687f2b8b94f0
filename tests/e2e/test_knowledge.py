"""Publish to answer, with every process running."""

from __future__ import annotations

import time

import pytest

from tests.system import Customer, StaffMember

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
