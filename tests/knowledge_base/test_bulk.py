"""Many drafts at once: all or none, and never over a colleague's save."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Conflict
from knowledge_base import bulk
from knowledge_base.bulk import apply_rows
from knowledge_base.listing import EntryFilter
from knowledge_base.store import KnowledgeStore
from tests.knowledge_base.conftest import LIN, ZHOU, content


async def test_rows_become_drafts_like_any_other(store: KnowledgeStore) -> None:
    rows = [("a", content("甲？", tags=["漫游"], valid_to="2020-01-01")), ("b", content("乙？"))]
    assert await apply_rows(store.database, rows, LIN, dry_run=True) == ["created", "created"]
    assert (await store.find(EntryFilter()))[1] == 0
    assert await apply_rows(store.database, rows, LIN) == ["created", "created"]
    view = await store.get("a")
    assert (view.entry.state, view.entry.author, view.effect) == ("draft", "editor01", "expired")
    assert (await store.find(EntryFilter(tag="漫游")))[1] == 1
    assert await apply_rows(store.database, rows, ZHOU) == ["unchanged", "unchanged"]
    changed = [("a", content("甲？", "新答案。"))]
    assert await apply_rows(store.database, changed, ZHOU) == ["updated"]
    assert [(r.number, r.state, r.note) for r in await store.revisions("a")] == [
        (2, "draft", "导入"), (1, "retired", "导入"),
    ]  # fmt: skip
    saved = await store.save("a", content("甲？", "再改。"), LIN, version=2)
    assert saved.entry.latest_revision == 3


async def test_fields_a_row_does_not_mention_stay(store: KnowledgeStore) -> None:
    await store.create("a", content("甲？", tags=["漫游"], similar=["甲一？"]), LIN)
    await apply_rows(store.database, [("a", content("甲？", "新答案。"))], LIN)
    kept = (await store.get("a")).content
    assert (kept.answer, kept.tags, kept.similar) == ("新答案。", ["漫游"], ["甲一？"])


async def test_retired_entries_come_back(store: KnowledgeStore) -> None:
    await store.create("a", content("甲？"), LIN)
    await store.retire("a", LIN)
    assert await apply_rows(store.database, [("a", content("甲？"))], LIN) == ["updated"]
    assert (await store.get("a")).entry.state == "draft"


async def test_a_save_in_between_is_seen_and_kept(
    store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create("a", content("甲？", "旧。"), LIN)
    real = bulk._unchanged
    saves = iter(["周改。", None])

    async def raced(session: Any, work: Any) -> bool:
        # The writer's turn comes just before ours, while nothing is held yet.
        words = next(saves)
        if words is None:
            return await real(session, work)
        return False

    await store.save("a", content("甲？", "周改。", tags=["周"]), ZHOU)
    monkeypatch.setattr(bulk, "_unchanged", raced)
    assert await apply_rows(store.database, [("a", content("甲？", "导入。"))], LIN) == ["updated"]
    assert (await store.get("a")).content.tags == ["周"]
    assert len(await store.revisions("a")) == 3


async def test_endless_saves_in_between_are_a_conflict(
    store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(session: Any, work: Any) -> bool:
        return False

    monkeypatch.setattr(bulk, "_unchanged", never)
    with pytest.raises(Conflict):
        await apply_rows(store.database, [("a", content("甲？"))], LIN)
    assert (await store.find(EntryFilter()))[1] == 0


async def test_a_stale_version_is_noticed(store: KnowledgeStore) -> None:
    await store.create("a", content("甲？"), LIN)
    async with store.database.reading() as session:
        known = await bulk._latest(session, ["a"])
    work = bulk._prepare([("a", content("甲？", "新。"))], known, LIN, bulk._silent)
    await store.save("a", content("甲？", "周改。"), ZHOU)
    async with store.database.transaction() as session:
        assert not await bulk._unchanged(session, work)


async def test_apply_is_all_or_nothing(
    store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = content("问题一？")
    bad = content("问题二？")
    monkeypatch.setattr(type(bad), "model_dump", _explode_on("问题二？", type(bad).model_dump))
    with pytest.raises(RuntimeError):
        await apply_rows(store.database, [("a", good), ("b", bad)], LIN)
    monkeypatch.undo()
    assert (await store.find(EntryFilter()))[1] == 0


def _explode_on(question: str, real: object) -> object:
    def dump(self: object, **options: object) -> object:
        if getattr(self, "question", "") == question:
            raise RuntimeError("disk full")
        return real(self, **options)  # type: ignore[operator]

    return dump
