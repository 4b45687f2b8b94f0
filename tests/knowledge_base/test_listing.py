"""The editors' list: tags, validity, sorting; and rows written before its columns existed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from core.database import Database
from knowledge_base import listing
from knowledge_base.listing import EntryFilter
from knowledge_base.models import KnowledgeEntry
from knowledge_base.store import KnowledgeStore
from knowledge_base.usage import FirstHit, UsageLog
from tests.knowledge_base.conftest import LIN, content

NOON = datetime(2026, 6, 15, 4, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time that the list takes for now; tests set its only item."""
    held = [NOON]
    monkeypatch.setattr(listing, "now", lambda: held[0])
    return held


async def ids(store: KnowledgeStore, **wanted: object) -> list[str]:
    views, total = await store.find(EntryFilter(**wanted))  # type: ignore[arg-type]
    assert total == len(views)
    return [view.entry.id for view in views]


async def test_tags_are_whole_words(store: KnowledgeStore, database: Database) -> None:
    await store.create("a", content("甲问题？", tags=["漫游", "资费_1"]), LIN)
    await store.create("b", content("乙问题？", tags=["漫游包"]), LIN)
    await store.create("c", content("丙问题？"), LIN)
    assert await ids(store, tag="漫游") == ["a"]
    assert await ids(store, tag="资费%1") == []
    assert await ids(store, tag="资费_1") == ["a"]
    assert await listing.tags(database) == [("漫游", 1), ("漫游包", 1), ("资费_1", 1)]
    await store.retire("b", LIN)
    assert [tag for tag, _ in await listing.tags(database)] == ["漫游", "资费_1"]


async def test_entries_move_through_their_dates_with_the_clock(
    store: KnowledgeStore, clock: list[datetime]
) -> None:
    await store.create("always", content("甲？"), LIN)
    promo = content("乙？", valid_from="2026-06-16", valid_to="2026-06-17")
    await store.create("promo", promo, LIN)

    async def shown() -> tuple[list[str], list[str], list[str]]:
        upcoming = await ids(store, effect="upcoming")
        active = await ids(store, effect="active")
        return upcoming, sorted(active), await ids(store, effect="expired")

    assert await shown() == (["promo"], ["always"], [])
    assert (await store.get("promo")).effect == "upcoming"
    # Midnight in Shanghai, not in Greenwich.
    clock[0] = datetime(2026, 6, 15, 16, tzinfo=UTC)
    assert await shown() == ([], ["always", "promo"], [])
    clock[0] = datetime(2026, 6, 17, 16, tzinfo=UTC)
    assert await shown() == ([], ["always"], ["promo"])
    assert (await store.get("promo")).effect == "expired"


async def test_lists_are_sorted_by_name_and_by_use(
    store: KnowledgeStore, database: Database
) -> None:
    for entry_id, question in (("a", "B问？"), ("b", "A问？"), ("c", "C问？")):
        await store.create(entry_id, content(question, category=f"类{entry_id}"), LIN)
    log = UsageLog(database)
    for number, entry_id in enumerate(["c", "c", "a"]):
        hit = FirstHit(entry_id, message_id=f"m{number}")
        await log.record("conv", number, "问", [hit])
    await log.react("conv", "m2", False)
    assert await ids(store) == ["c", "b", "a"]
    assert await ids(store, order="asc") == ["a", "b", "c"]
    assert await ids(store, sort="question") == ["b", "a", "c"]
    assert await ids(store, sort="category", order="desc") == ["c", "b", "a"]
    assert await ids(store, sort="asked") == ["c", "a", "b"]
    assert await ids(store, sort="unhelpful") == ["a", "b", "c"]


async def test_rows_of_an_older_version_are_completed(
    store: KnowledgeStore, database: Database
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    await store.create("a", content("甲？", tags=["漫游"], valid_to=ends), LIN)
    async with database.transaction() as session:
        await session.execute(
            update(KnowledgeEntry).values(tags_text=None, valid_to=None, author="")
        )
    assert await store.complete() == 1
    assert await store.complete() == 0
    entry = (await store.get("a")).entry
    assert (entry.tags_text, entry.author) == ("\n漫游\n", "editor01")
    assert entry.valid_to is not None
