"""From the click on 发布 to a customer's answer, with every process running, over our own base.

``.venv/bin/python -m pytest tests/bench/test_knowledge_publish.py -m bench -s``
(10,000 entries: ``test_knowledge_import.py``)
"""

from __future__ import annotations

import statistics
import time

import pytest

from tests.system import Customer, StaffMember, System

pytestmark = pytest.mark.bench
PUBLISH_TO_ANSWER_S = 1.0
ROUNDS = 5


def test_publish_to_answer(system: System) -> None:
    """An entry is changed, published, asked for by a customer and looked for at the console."""
    editor, customer = StaffMember(system, "editor01"), Customer(system)
    entry = {"id": "bench-badge", "category": "测试", "question": "小蜜蜂徽章有什么用？"}
    editor.post("/knowledge/entries", {**entry, "answer": "还没有用处。"})
    editor.post("/knowledge/publish", {"ids": [entry["id"]], "force": True})
    assert "还没有用处" in customer.say("小蜜蜂徽章有什么用")
    published, answered = [], []
    for number in range(ROUNDS):
        words = {
            "question": f"小蜜蜂徽章第{number}代有什么用？",
            "answer": f"第{number}代只作纪念。",
        }
        editor.put(f"/knowledge/entries/{entry['id']}", {**entry, **words})
        began = time.perf_counter()
        editor.post("/knowledge/publish", {"ids": [entry["id"]], "force": True})
        published.append(time.perf_counter() - began)
        reply = customer.say(words["question"])
        answered.append(time.perf_counter() - began)
        assert words["answer"] in reply
        hits = editor.get("/knowledge/search", q=words["question"], k=1)["hits"]
        assert hits[0]["answer"] == words["answer"]
    print(
        f"\npublish to a customer's answer: median {statistics.median(answered):.2f} s, "
        f"longest {max(answered):.2f} s (of it the publish {statistics.median(published):.2f} s)"
    )
    assert statistics.median(answered) <= PUBLISH_TO_ANSWER_S
