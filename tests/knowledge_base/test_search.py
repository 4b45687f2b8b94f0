"""The searcher with the real encoder: hits, decisions, odd input, speed."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.settings import ROOT
from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.ranking import base_model
from knowledge_base.search import KnowledgeSearcher, LoadedBase
from knowledge_base.service import KnowledgeService
from knowledge_base.snapshot import BaseEntry
from knowledge_base.text import normalize
from tests.knowledge_base.conftest import ENTRIES

pytestmark = pytest.mark.integration


def test_an_unpublished_base_says_nothing(tmp_path: Path, encoder: SentenceEncoder) -> None:
    result = KnowledgeSearcher(tmp_path, encoder).search("国际漫游怎么收费")
    assert (result.decision, result.hits) == ("none", [])
    assert "还没有发布" in result.reason


@pytest.mark.parametrize("entry_id", list(ENTRIES))
async def test_every_form_of_a_question_finds_its_entry(
    published: KnowledgeService, entry_id: str
) -> None:
    for form in (ENTRIES[entry_id].question, *ENTRIES[entry_id].similar):
        result = await published.search(form + "！")
        assert result.decision == "answer"
        assert (result.hits[0].entry_id, result.hits[0].score) == (entry_id, 1.0)
        assert result.hits[0].matched_question == form


async def test_other_words_find_it_too(published: KnowledgeService) -> None:
    for text, entry_id in (
        ("去泰国玩手机流量咋收钱", "roaming-fee"), ("想换到别家运营商但号码不变", "port-conditions"),
        ("家裡寬頻好慢", "broadband-slow"), ("上月的账单在哪查", "bill-query"),
    ):  # fmt: skip
        assert (await published.search(text)).hits[0].entry_id == entry_id


async def test_what_is_none_of_our_business_is_not_answered(published: KnowledgeService) -> None:
    for text in ("红烧肉怎么做才不腻", "世界杯谁赢了", "二元一次方程咋解"):
        assert (await published.search(text)).decision != "answer"


async def test_hits_are_sorted_and_scored(published: KnowledgeService) -> None:
    hits = (await published.search("在国外上网怎么收费", k=5)).hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len({hit.entry_id for hit in hits}) == len(hits)


@pytest.mark.parametrize(
    "text",
    ["", " ", "？？？", "\x00", "a", "😀", "话" * 2000, "' OR 1=1 --", "<script>", "/intent"],
)
async def test_odd_texts_do_no_harm(published: KnowledgeService, text: str) -> None:
    assert (await published.search(text)).decision in ("none", "clarify", "answer")


async def test_a_vector_given_is_used(
    published: KnowledgeService, encoder: SentenceEncoder
) -> None:
    text = "在国外上网怎么收费"
    vector = encoder.encode([normalize(text)])[0]
    given = published.searcher.search(text, vector=vector)
    assert given.to_dict() == published.searcher.search(text).to_dict()


async def test_results_are_plain_json(published: KnowledgeService) -> None:
    result = (await published.search("国际漫游怎么收费")).to_dict()
    assert json.loads(json.dumps(result)) == result
    assert set(result["hits"][0]) >= {
        "entry_id", "question", "matched_question", "answer", "rich", "follow_ups", "score", "category",
    }  # fmt: skip


def test_negative_questions_push_their_entry_away(encoder: SentenceEncoder) -> None:
    entries = [
        BaseEntry("bill", "怎么查话费账单", "账单在App里查。", negative=("通话详单怎么查",)),
        BaseEntry("other", "宽带怎么移机", "移机请预约。"),
    ]
    without = [BaseEntry("bill", "怎么查话费账单", "账单在App里查。"), entries[1]]
    cache = VectorCache(encoder, None)
    text = "通话详单怎么查询"
    vector = encoder.encode([text])[0]
    pushed, plain = (
        LoadedBase(build_content(e, cache, encoder, base_model("e"))).signals(text, vector)
        for e in (entries, without)
    )
    model = base_model("e")
    assert model.scores(pushed[1])[pushed[0].index("bill")] < (
        model.scores(plain[1])[plain[0].index("bill")] - 1
    )


def test_the_same_question_in_two_entries_is_not_taken_for_certain(
    encoder: SentenceEncoder,
) -> None:
    twice = [BaseEntry(i, "怎么办理停机", f"答案{i}。") for i in ("a", "b")]
    model = base_model(encoder.fingerprint)
    base = LoadedBase(build_content(twice, VectorCache(encoder, None), encoder, model))
    result = base.find("怎么办理停机", encoder.encode(["怎么办理停机"])[0], 2, 0)
    assert {hit.entry_id for hit in result.hits} == {"a", "b"}
    assert result.hits[0].score < 1.0


def test_an_empty_base_can_be_published_and_searched(encoder: SentenceEncoder) -> None:
    content = build_content([], VectorCache(encoder, None), encoder, base_model("e"))
    assert LoadedBase(content).find("话费", np.zeros(384, np.float32), 5, 0).decision == "none"


def test_the_serving_half_needs_nothing_of_the_application() -> None:
    code = (
        "import sys, knowledge_base.search, knowledge_base.embedding.encoder, knowledge_base.rendering;"
        "heavy = {'core', 'pydantic', 'sqlalchemy', 'yaml', 'structlog', 'fastapi'};"
        "sys.exit(bool(heavy & {m.split('.')[0] for m in sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.bench
async def test_search_is_fast(published: KnowledgeService) -> None:
    times = []
    for _ in range(100):
        began = time.perf_counter()
        published.searcher.search("在国外上网怎么收费")
        times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.012
