"""Our own corpus: whole, and seeded without ever touching people's work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from core.database import Database
from core.settings import Settings
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.rendering import placeholders
from knowledge_base.search import KnowledgeSearcher
from knowledge_base.seed_corpus import corpus_rows
from knowledge_base.seeding import seed_knowledge
from knowledge_base.store import KnowledgeStore
from tests.knowledge_base.conftest import LIN, content

FILE = """\
category: 测试
entries:
  - id: one
    question: 第一个问题怎么办？
    similar: [头一个问题咋整]
    answer: 第一个答案。
    tags: [400]
  - id: two
    question: 第二个问题怎么办？
    answer: {answer}
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.yml").write_text(FILE.format(answer="第二个答案。"), "utf-8")
    return folder


def test_our_corpus_is_whole() -> None:
    rows = list(corpus_rows())
    assert max(Counter(entry_id for entry_id, _ in rows).values()) == 1
    questions = Counter(item.question for _, item in rows)
    assert [q for q, count in questions.items() if count > 1] == []
    assert all(len(item.similar) >= 4 for _, item in rows)
    assert all(item.category for _, item in rows)


def test_our_corpus_types_no_price_of_a_plan() -> None:
    for entry_id, item in corpus_rows():
        for name in placeholders(item.answer) + placeholders(item.rich or ""):
            assert name.split(".")[0] in ("offer", "rate"), entry_id


@pytest.mark.integration
async def test_seeding_publishes_once_and_again_changes_nothing(
    database: Database, settings: Settings, encoder: SentenceEncoder, corpus: Path
) -> None:
    said: list[str] = []
    first = await seed_knowledge(database, settings.knowledge_dir, encoder, said.append, corpus)
    assert (first.created, first.unchanged) == (2, 0)
    found = KnowledgeSearcher(settings.knowledge_dir, encoder).search("头一个问题咋整")
    assert (found.decision, found.hits[0].entry_id) == ("answer", "one")
    again = await seed_knowledge(database, settings.knowledge_dir, encoder, said.append, corpus)
    assert (again.created, again.unchanged, again.version) == (0, 2, first.version)


@pytest.mark.integration
async def test_a_newer_corpus_updates_only_what_nobody_touched(
    database: Database, settings: Settings, encoder: SentenceEncoder, corpus: Path
) -> None:
    store = KnowledgeStore(database)
    await seed_knowledge(database, settings.knowledge_dir, encoder, print, corpus)
    await store.save("one", content("第一个问题怎么办？", "编辑改过的。"), LIN)
    (corpus / "a.yml").write_text(FILE.format(answer="新的第二个答案。"), "utf-8")
    report = await seed_knowledge(database, settings.knowledge_dir, encoder, print, corpus)
    assert (report.updated, report.kept) == (1, 1)
    searcher = KnowledgeSearcher(settings.knowledge_dir, encoder)
    assert searcher.search("第二个问题怎么办").hits[0].answer == "新的第二个答案。"
    # The editor's draft waits for the editor.
    assert searcher.search("第一个问题怎么办").hits[0].answer == "第一个答案。"
    assert (await store.get("one")).content.answer == "编辑改过的。"


@pytest.mark.parametrize(
    "text", ["category: x\nentries:\n  - id: a\n    question: 问\n", "entries: [}", "- a"]
)
def test_a_broken_corpus_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yml").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"bad\.yml"):
        list(corpus_rows(tmp_path))
