"""Near duplicates and contradictions, with the real encoder."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge_base.building import VectorCache
from knowledge_base.closeness import Thresholds, held_out, measure, nearest_of_others
from knowledge_base.duplicates import Duplicates
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.service import KnowledgeService
from tests.knowledge_base.conftest import ENTRIES, LIN, content

pytestmark = pytest.mark.integration
ROAMING = "国际漫游怎么收费？"


async def test_the_same_question_with_other_figures_is_a_conflict(
    published: KnowledgeService,
) -> None:
    near = published.duplicates.near
    (first, *_) = await near("携号转网需要什么条件", answer="入网满180天、无欠费就可以转。")
    assert (first.entry_id, first.level) == ("port-conditions", "same")
    assert first.conflict == "数字对不上：这里是 180，那条是 120"
    (first, *_) = await near("携号转网需要什么条件", answer="今天食堂供应红烧肉和清炒时蔬。")
    assert first.conflict == "两条的答案说法不一样"
    agreeing = "携号转网要实名、没有欠费、没有未到期的合约，并且入网满120天。"
    (first, *_) = await near("携号转网需要什么条件", answer=agreeing)
    assert first.conflict is None


async def test_what_the_bot_answers_today_is_named(published: KnowledgeService) -> None:
    (first, *_) = await published.duplicates.near("人在国外用手机上网怎么收费的呀")
    assert first.entry_id == "roaming-fee"
    assert first.published


async def test_drafts_count_and_the_entry_itself_does_not(published: KnowledgeService) -> None:
    await published.store.create("transfer", content("怎么给手机号过户？"), LIN)
    (draft, *_) = await published.duplicates.near("怎么给手机号过户")
    assert (draft.entry_id, draft.published, draft.score) == ("transfer", False, 1.0)
    near = await published.duplicates.near("怎么给手机号过户", besides="transfer")
    assert all(item.entry_id != "transfer" for item in near)
    assert all(
        item.entry_id != "roaming-fee"
        for item in await published.duplicates.near(ROAMING, besides="roaming-fee")
    )


async def test_thresholds_come_from_the_base_and_let_few_distinct_entries_pass(
    published: KnowledgeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = published.searcher.base()
    assert base is not None
    assert published.duplicates.thresholds(base) == Thresholds()
    found = measure(base, false_close=0.25)
    to_form, to_middle = nearest_of_others(base)
    assert np.mean((to_form >= found.same) | (to_middle >= found.close)) <= 0.35
    assert 0 < found.close <= 1
    assert 0 < found.same <= 1
    monkeypatch.setattr("knowledge_base.duplicates._ENOUGH_ENTRIES", 3)
    assert published.duplicates.thresholds(base) == measure(base)


async def test_a_question_is_near_to_what_the_answer_is_about(published: KnowledgeService) -> None:
    # No question form comes near to it; the answer does.
    near = await published.duplicates.near("欠着费或者合约没到期能不能携号转网")
    assert "port-conditions" in [item.entry_id for item in near]
    assert await published.duplicates.near("周末去哪里爬山比较好") == []


async def test_an_entry_that_is_not_yet_in_effect_is_named(published: KnowledgeService) -> None:
    later = content("双十一活动怎么参加？", valid_from="2031-11-01", valid_to="2031-11-11")
    await published.store.create("promo", later, LIN)
    await published.publisher.publish(LIN)
    (first, *_) = await published.duplicates.near("双十一活动怎么参加")
    assert (first.entry_id, first.level, first.published) == ("promo", "same", True)


def test_what_is_caught_is_measured_without_the_question_itself(encoder: SentenceEncoder) -> None:
    entries = [item.to_base_entry(entry_id, 1) for entry_id, item in ENTRIES.items()]
    figures = held_out(entries, encoder, VectorCache(encoder, None))
    assert figures["asked"] == 10
    assert 0 <= figures["distinct_called_same"] <= figures["distinct_warned"] <= 1
    assert figures["own_caught"] > 0.5


async def test_an_empty_base_still_compares_drafts(service: KnowledgeService) -> None:
    await service.store.create("a", content(ROAMING), LIN)
    (draft,) = await service.duplicates.near(ROAMING)
    assert (draft.level, draft.published) == ("same", False)
    assert isinstance(service.duplicates, Duplicates)
