"""Entries take effect and end by the clock, in every process, without a new publish."""

from __future__ import annotations

import time

import pytest

from core.settings import Settings
from knowledge_base.content import moment
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.search import KnowledgeSearcher
from knowledge_base.service import KnowledgeService
from tests.knowledge_base.conftest import LIN, content

pytestmark = pytest.mark.integration
QUESTION = "双十一活动怎么参加？"


async def test_every_process_follows_the_clock(
    published: KnowledgeService, settings: Settings, encoder: SentenceEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rasa = KnowledgeSearcher(settings.knowledge_dir, encoder)
    offer = content(QUESTION, "满减。", valid_from="2031-11-01T20:00:00", valid_to="2031-11-11")
    await published.store.create("promo", offer, LIN)
    await published.publisher.publish(LIN)
    begins, ends = moment("2031-11-01T20:00:00"), moment("2031-11-11", end=True)
    assert begins is not None
    assert ends is not None
    version = rasa.version

    def answered(at: float) -> list[bool]:
        with monkeypatch.context() as clock:
            clock.setattr(time, "time", lambda: at)
            results = [s.search(QUESTION) for s in (rasa, published.searcher)]
        return [r.decision == "answer" and r.hits[0].entry_id == "promo" for r in results]

    assert answered(begins - 1) == [False, False]
    assert answered(begins) == [True, True]
    assert answered(ends - 1) == [True, True]
    assert answered(ends) == [False, False]
    assert rasa.version == version


async def test_a_successor_takes_over_at_the_same_moment(
    published: KnowledgeService,
) -> None:
    old = content(QUESTION, "旧规则。", valid_to="2031-11-10")
    new = content(QUESTION, "新规则。", valid_from="2031-11-11")
    await published.store.create("old", old, LIN)
    await published.store.create("new", new, LIN)
    await published.publisher.publish(LIN)
    change = moment("2031-11-11")
    assert change is not None
    search = published.searcher.search
    for at, expected in ((change - 1, "old"), (change, "new")):
        result = search(QUESTION, moment=at)
        assert (result.decision, result.hits[0].entry_id) == ("answer", expected)
        assert not ({"old", "new"} - {expected}) & {hit.entry_id for hit in result.hits}
