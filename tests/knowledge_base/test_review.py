"""Four eyes: who may approve, what goes live without it, what stays on record."""

from __future__ import annotations

import pytest

from core.database import Database
from core.errors import Conflict
from knowledge_base.publishing import ReviewNeeded
from knowledge_base.review import OwnWork, Review
from knowledge_base.service import KnowledgeService
from knowledge_base.store import KnowledgeStore
from tests.knowledge_base.conftest import LIN, ZHOU, content


@pytest.fixture
def review(database: Database) -> Review:
    return Review(database)


async def test_a_colleague_approves_what_was_handed_in(
    store: KnowledgeStore, review: Review
) -> None:
    await store.create("a", content("问题？"), LIN)
    await review.act("a", "submit", LIN)
    with pytest.raises(OwnWork):
        await review.act("a", "approve", LIN)
    await review.act("a", "approve", ZHOU, "可以")
    (revision,) = await store.revisions("a")
    assert (revision.state, revision.approver, revision.approver_name) == (
        "approved", "editor02", "周编辑",
    )  # fmt: skip
    acts = await review.acts("a")
    assert [(act.act, act.by, act.comment) for act in acts] == [
        ("approve", "editor02", "可以"), ("submit", "editor01", ""),
    ]  # fmt: skip


async def test_sent_back_with_a_comment_it_is_a_draft_again(
    store: KnowledgeStore, review: Review
) -> None:
    await store.create("a", content("问题？"), LIN)
    await review.act("a", "submit", LIN)
    await review.act("a", "return", ZHOU, "第二句有歧义")
    assert (await store.get("a")).entry.state == "draft"
    assert (await review.acts("a"))[0].comment == "第二句有歧义"


async def test_a_change_after_the_approval_needs_a_new_one(
    store: KnowledgeStore, review: Review
) -> None:
    await store.create("a", content("问题？", "旧。"), LIN)
    await review.act("a", "submit", LIN)
    await review.act("a", "approve", ZHOU)
    await store.save("a", content("问题？", "新。"), LIN)
    assert (await store.get("a")).entry.state == "draft"
    assert [r.state for r in await store.revisions("a")] == ["draft", "retired"]


async def test_the_last_writer_is_the_author(store: KnowledgeStore, review: Review) -> None:
    await store.create("a", content("问题？", "旧。"), LIN)
    await store.save("a", content("问题？", "新。"), ZHOU)
    await review.act("a", "submit", LIN)
    with pytest.raises(OwnWork):
        await review.act("a", "approve", ZHOU)
    await review.act("a", "approve", LIN)


async def test_acts_have_their_order(store: KnowledgeStore, review: Review) -> None:
    await store.create("a", content("问题？"), LIN)
    for act in ("approve", "return"):
        with pytest.raises(Conflict):
            await review.act("a", act, ZHOU)
    await review.act("a", "submit", LIN)
    with pytest.raises(Conflict):
        await review.act("a", "submit", LIN)
    with pytest.raises(Conflict, match="林编辑"):
        await review.act("a", "approve", ZHOU, version=1)


async def test_without_four_eyes_authors_approve_themselves(
    store: KnowledgeStore, database: Database
) -> None:
    await store.create("a", content("问题？"), LIN)
    alone = Review(database, four_eyes=False)
    await alone.act("a", "submit", LIN)
    await alone.act("a", "approve", LIN)
    assert (await store.get("a")).entry.state == "approved"


@pytest.mark.integration
async def test_a_reviewed_publish_leaves_the_rest(published: KnowledgeService) -> None:
    await published.store.create("seen", content("新问题甲是什么？"), LIN)
    await published.store.create("unseen", content("新问题乙是什么？"), LIN)
    with pytest.raises(ReviewNeeded) as refused:
        await published.publisher.publish(ZHOU, reviewed=True)
    assert refused.value.data["waiting"] == ["seen", "unseen"]
    await published.review.act("seen", "submit", LIN)
    await published.review.act("seen", "approve", ZHOU)
    plan = await published.publisher.preview(reviewed=True)
    assert (plan.added, plan.changed, plan.waiting) == (["seen"], [], ["unseen"])
    with pytest.raises(ReviewNeeded):
        await published.publisher.publish(LIN, ["unseen"], reviewed=True)
    report = await published.publisher.publish(LIN, reviewed=True)
    assert (report.published, report.waiting) == (["seen"], ["unseen"])
    (revision,) = await published.store.revisions("seen")
    assert (revision.approver, revision.published_by) == ("editor02", "editor01")
    assert (await published.store.get("unseen")).entry.state == "draft"


@pytest.mark.integration
async def test_a_removal_needs_nobody_else(published: KnowledgeService) -> None:
    await published.store.retire("puk-locked", LIN)
    report = await published.publisher.publish(LIN, reviewed=True)
    assert report.removed == ["puk-locked"]
