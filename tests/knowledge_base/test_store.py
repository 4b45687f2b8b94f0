"""Entries and revisions in SQL."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import Conflict, InvalidInput, NotFound
from knowledge_base.listing import EntryFilter
from knowledge_base.store import KnowledgeStore, checked_id, difference
from tests.knowledge_base.conftest import LIN, ZHOU, content


async def test_saving_adds_a_revision_and_says_who(store: KnowledgeStore) -> None:
    await store.create("a", content("问题？", "旧答案。"), LIN)
    view = await store.save("a", content("问题？", "新答案。"), ZHOU)
    assert (view.content.answer, view.entry.updated_by_name) == ("新答案。", "周编辑")
    revisions = await store.revisions("a")
    assert [(r.number, r.state, r.author) for r in revisions] == [
        (2, "draft", "editor02"),
        (1, "retired", "editor01"),
    ]


async def test_the_same_content_again_changes_nothing(store: KnowledgeStore) -> None:
    first = await store.create("a", content("问题？"), LIN)
    again = await store.save("a", content("问题？"), ZHOU)
    assert (again.entry.version, again.entry.updated_by) == (first.entry.version, LIN.id)
    assert len(await store.revisions("a")) == 1


async def test_of_two_saves_at_once_one_wins_and_names_itself(store: KnowledgeStore) -> None:
    view = await store.create("a", content("问题？"), LIN)
    version = view.entry.version
    results = await asyncio.gather(
        store.save("a", content("问题？", "林的答案。"), LIN, version),
        store.save("a", content("问题？", "周的答案。"), ZHOU, version),
        return_exceptions=True,
    )
    refused = [r for r in results if isinstance(r, Conflict)]
    assert len(refused) == 1
    winner = (await store.get("a")).entry.updated_by_name
    assert refused[0].data["editor"] == winner
    assert winner in refused[0].detail


async def test_retired_entries_are_hidden_and_can_come_back(store: KnowledgeStore) -> None:
    await store.create("a", content("问题？"), LIN)
    await store.retire("a", LIN)
    with pytest.raises(NotFound):
        await store.get("a")
    assert (await store.find(EntryFilter()))[1] == 0
    assert (await store.find(EntryFilter(state="retired")))[1] == 1
    await store.roll_back("a", 1, ZHOU)
    assert (await store.get("a")).entry.state == "draft"
    await store.retire("a", LIN)
    assert (await store.create("a", content("新问题？"), LIN)).entry.question == "新问题？"


async def test_without_an_id_one_is_made(store: KnowledgeStore) -> None:
    one, two = [(await store.create(None, content("问题？"), LIN)).entry.id for _ in range(2)]
    assert one != two


@pytest.mark.parametrize("entry_id", ["", " ", "a/b", "..", "a b", "x" * 81, "a?b", "a\nb", "<b>"])
def test_ids_that_cannot_stand_in_a_url_are_refused(entry_id: str) -> None:
    with pytest.raises(InvalidInput):
        checked_id(entry_id)


@pytest.mark.parametrize("entry_id", ["bill-1", "话费.1", "K_001", "42"])
def test_usual_ids_are_taken(entry_id: str) -> None:
    assert checked_id(f" {entry_id} ") == entry_id


async def test_unknown_entries_and_revisions(store: KnowledgeStore) -> None:
    for call in (
        store.get("x"), store.save("x", content("问"), LIN), store.retire("x", LIN),
        store.revisions("x"), store.compare("x", 1, 2), store.roll_back("x", 1, LIN),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await call


def test_difference_names_fields_and_list_items() -> None:
    old = content("问？", "答。", similar=["甲", "乙"]).model_dump()
    new = content("问？", "答二。", similar=["乙", "丙"]).model_dump()
    changes = {change["field"]: change for change in difference(old, new)}
    assert set(changes) == {"answer", "similar"}
    assert (changes["similar"]["added"], changes["similar"]["removed"]) == (["丙"], ["甲"])
