"""What the encoder learns from: every phrasing once, neighbours together, no false negatives."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from knowledge_base.embedding.finetune import RUN, IntentPairs, KnowledgePairs, Pair, batches

ENTRIES = [f"e-{i:02d}" for i in range(40)]
NEAR = {entry: [x for x in ENTRIES if x != entry][:12] for entry in ENTRIES}


@pytest.fixture
def pairs(tmp_path: Path) -> KnowledgePairs:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "train").mkdir()
    blocks = [
        f"- id: {e}\n  question: 标准问题{e}\n  similar: [相似甲{e}, 相似乙{e}]\n  answer: 答案{e}"
        for e in ENTRIES
    ]
    (tmp_path / "corpus" / "all.yml").write_text("entries:\n" + "\n".join(blocks), "utf-8")
    said = [{"query": f"客户说{e}第{i}句", "gold": [e]} for e in ENTRIES for i in range(5)]
    said += [
        {"query": "两条都能答", "gold": ["e-00", "e-01"]},
        {"query": "没这条", "gold": ["gone"]},
    ]
    lines = "\n".join(json.dumps(x, ensure_ascii=False) for x in said)
    (tmp_path / "train" / "a.jsonl").write_text(lines, "utf-8")
    return KnowledgePairs(tmp_path / "corpus", tmp_path / "train", seed=3)


def test_every_phrasing_comes_once_an_epoch(pairs: KnowledgePairs) -> None:
    lefts = Counter(pair.left for pair in pairs.epoch(NEAR))
    assert set(lefts.values()) == {1}
    assert len(lefts) == len(ENTRIES) * 7 + 1  # Five said, two similar each, and the shared one.
    assert not any("没这条" in left for left in lefts)


def test_no_phrasing_is_paired_with_itself(pairs: KnowledgePairs) -> None:
    assert all(pair.left != pair.right for pair in pairs.epoch(NEAR))


def test_a_run_holds_an_entry_and_its_neighbours(pairs: KnowledgePairs) -> None:
    first = [min(pair.keys) for _, pair in zip(range(RUN), pairs.epoch(NEAR), strict=False)]
    assert set(first[1:]) <= set(NEAR[first[0]])
    assert len(set(first)) == RUN


def test_no_batch_holds_a_false_negative(pairs: KnowledgePairs) -> None:
    for batch in batches(pairs.epoch(NEAR), 16):
        keys = [key for pair in batch for key in pair.keys]
        assert len(keys) == len(set(keys))


def test_batches_hand_on_what_does_not_fit() -> None:
    pairs = [Pair(f"甲{i}", f"乙{i}", frozenset([f"k{i % 5}"])) for i in range(20)]
    made = list(batches(iter(pairs), 5))
    assert [len(batch) for batch in made] == [5, 5, 5, 5]
    assert {pair.left for batch in made for pair in batch} == {f"甲{i}" for i in range(20)}


def test_intents_teach_meaning_not_attitude(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        "nlu:\n- intent: query_bill\n  examples: |\n    - 查[上个月](date)账单\n    - 话费多少\n"
        "- intent: chitchat\n  examples: |\n    - 你好呀\n    - 吃了吗\n",
        "utf-8",
    )
    pair = next(IntentPairs(tmp_path, seed=1).epoch())
    assert pair.keys == {"query_bill"}
    assert {pair.left, pair.right} == {"query: 查上个月账单", "query: 话费多少"}
