"""Publishing with the real encoder: fast, atomic, and safe when it fails half way."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest

from core import events, redis_keys
from core.database import Database
from core.errors import Conflict, NotFound
from core.events import LiveBus
from core.settings import Settings
from knowledge_base import publishing
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.publishing import PublishRefused
from knowledge_base.search import KnowledgeSearcher
from knowledge_base.service import KnowledgeService
from knowledge_base.snapshot import current_version
from tests.knowledge_base.conftest import ENTRIES, LIN, ZHOU, content

pytestmark = pytest.mark.integration


async def test_published_entries_answer_and_drafts_do_not(published: KnowledgeService) -> None:
    await published.store.create("esim", content("eSIM怎么开通？"), LIN)
    assert (await published.search("国际漫游怎么收费")).hits[0].entry_id == "roaming-fee"
    assert all(h.entry_id != "esim" for h in (await published.search("eSIM怎么开通")).hits)


async def test_publish_reaches_another_process_within_a_second(
    published: KnowledgeService, settings: Settings, encoder: SentenceEncoder
) -> None:
    elsewhere = KnowledgeSearcher(settings.knowledge_dir, encoder)
    assert elsewhere.search("怎么给手机号过户").decision != "answer"
    await published.store.create("transfer", content("怎么给手机号过户？"), LIN)
    began = time.monotonic()
    report = await published.publisher.publish(LIN)
    hit = elsewhere.search("怎么给手机号过户").hits[0]
    assert time.monotonic() - began < 1.0
    assert (hit.entry_id, hit.score) == ("transfer", 1.0)
    assert report.published == ["transfer"]
    assert report.entries == len(ENTRIES) + 1


async def test_only_the_ids_given_go_live(published: KnowledgeService) -> None:
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    await published.store.create("b", content("新问题乙是什么？"), LIN)
    assert (await published.publisher.publish(LIN, ["a"])).published == ["a"]
    assert (await published.store.get("b")).entry.state == "draft"
    with pytest.raises(NotFound):
        await published.publisher.publish(LIN, ["nowhere"])


async def test_publishing_nothing_new_keeps_the_version(published: KnowledgeService) -> None:
    before = published.searcher.version
    report = await published.publisher.publish(LIN)
    assert (report.version, report.published) == (before, [])


async def test_retiring_takes_the_entry_from_customers_at_the_next_publish(
    published: KnowledgeService,
) -> None:
    await published.store.retire("puk-locked", LIN)
    assert (await published.search("PUK码在哪里看")).hits[0].entry_id == "puk-locked"
    assert (await published.publisher.publish(LIN)).removed == ["puk-locked"]
    assert all(h.entry_id != "puk-locked" for h in (await published.search("PUK码在哪里看")).hits)


async def test_disabled_entries_are_not_served(published: KnowledgeService) -> None:
    data = ENTRIES["puk-locked"].model_copy(update={"enabled": False})
    await published.store.save("puk-locked", data, LIN)
    await published.publisher.publish(LIN)
    assert all(h.entry_id != "puk-locked" for h in (await published.search("PUK码在哪里看")).hits)


async def test_validity_dates_count_at_the_moment_of_the_search(
    published: KnowledgeService,
) -> None:
    offer = content("双十一活动怎么参加？", valid_from="2031-11-01", valid_to="2031-11-11")
    await published.store.create("promo", offer, LIN)
    await published.publisher.publish(LIN)
    base = published.searcher.base()
    assert base is not None
    entry = next(e for e in base.content.entries if e.entry_id == "promo")
    assert entry.valid_from is not None
    inside, after = entry.valid_from + 10 * 86400, entry.valid_from + 11 * 86400
    search = published.searcher.search
    assert search("双十一活动怎么参加", moment=inside).hits[0].entry_id == "promo"
    assert all(h.entry_id != "promo" for h in search("双十一活动怎么参加", moment=after).hits)
    assert all(h.entry_id != "promo" for h in search("双十一活动怎么参加").hits)


async def test_the_event_is_announced(published: KnowledgeService, bus: LiveBus) -> None:
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    async with bus.listen(redis_keys.KNOWLEDGE_CHANNEL) as queue:
        await asyncio.sleep(0.1)
        report = await published.publisher.publish(LIN)
        event = await asyncio.wait_for(queue.get(), 3)
    assert event == {"type": events.KNOWLEDGE_PUBLISHED, "version": report.version}


async def test_a_crash_while_writing_leaves_the_base_untouched(
    published: KnowledgeService, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_version(settings.knowledge_dir)

    def crash(folder: Path, _: object) -> None:
        folder.mkdir(parents=True)
        (folder / "entries.jsonl").write_text('{"half', "utf-8")
        raise OSError(28, "No space left on device")

    await published.store.create("a", content("新问题甲是什么？"), LIN)
    monkeypatch.setattr(publishing, "write_content", crash)
    with pytest.raises(OSError, match="No space"):
        await published.publisher.publish(LIN)
    assert current_version(settings.knowledge_dir) == before
    assert (await published.store.get("a")).entry.state == "draft"
    assert (await published.search("国际漫游怎么收费")).decision == "answer"
    monkeypatch.undo()
    assert (await published.publisher.publish(LIN)).published == ["a"]
    folders = list((settings.knowledge_dir / "snapshots").iterdir())
    assert all((folder / "meta.json").exists() for folder in folders)


async def test_a_crash_after_the_pointer_moved_is_put_right(
    published: KnowledgeService, settings: Settings, database: Database,
    encoder: SentenceEncoder,
) -> None:  # fmt: skip
    before = current_version(settings.knowledge_dir)
    assert before is not None
    # What a killed process leaves: the folder and the pointer, but no committed row.
    snapshots = settings.knowledge_dir / "snapshots"
    ghost = snapshots / "99990101T000000-ghost0"
    ghost.mkdir()
    for file in (snapshots / before).iterdir():
        (ghost / file.name).write_bytes(file.read_bytes())
    (settings.knowledge_dir / "CURRENT").write_text(ghost.name + "\n", "utf-8")
    again = KnowledgeService(database, settings.knowledge_dir, encoder)
    assert await again.publisher.ensure(LIN) is None
    assert current_version(settings.knowledge_dir) == before


async def test_five_snapshots_are_kept_and_any_can_come_back(
    published: KnowledgeService, settings: Settings
) -> None:
    first = published.searcher.version
    assert first is not None
    for i in range(4):
        text = content("国际漫游怎么收费？", f"第{i}次修改的答案。")
        await published.store.save("roaming-fee", text, ZHOU)
        await published.publisher.publish(ZHOU)
    assert len(await published.publisher.snapshots()) == 5
    await published.publisher.roll_back(first, LIN)
    answer = (await published.search("国际漫游怎么收费")).hits[0].answer
    assert answer == ENTRIES["roaming-fee"].answer
    view = await published.store.get("roaming-fee")
    assert (view.entry.state, view.content.answer) == ("published", answer)
    # The rolled-back text must not come back by itself with the next publish.
    assert (await published.publisher.publish(LIN)).published == []
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    await published.publisher.publish(LIN)
    assert (await published.search("国际漫游怎么收费")).hits[0].answer == answer
    assert len(list((settings.knowledge_dir / "snapshots").iterdir())) == 5


async def test_rolling_back_a_birth_retires_the_entry(published: KnowledgeService) -> None:
    first = published.searcher.version
    assert first is not None
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    await published.publisher.publish(LIN)
    await published.publisher.roll_back(first, LIN)
    with pytest.raises(NotFound):
        await published.store.get("a")
    assert (await published.store.get("a", retired=True)).entry.state == "retired"


async def test_unknown_snapshots_are_refused(published: KnowledgeService) -> None:
    for version in ("20200101T000000-abcdef", "../../etc", ".."):
        with pytest.raises(NotFound):
            await published.publisher.roll_back(version, LIN)


async def test_another_encoders_snapshot_is_refused_and_rebuilt(
    published: KnowledgeService, settings: Settings, encoder: SentenceEncoder
) -> None:
    version = published.searcher.version
    assert version is not None
    path = settings.knowledge_dir / "snapshots" / version / "meta.json"
    meta = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**meta, "encoder": "another"}), "utf-8")
    fresh = KnowledgeSearcher(settings.knowledge_dir, encoder)
    result = fresh.search("国际漫游怎么收费")
    assert result.decision == "none"
    assert fresh.problem is not None
    assert "编码模型" in fresh.problem
    report = await published.publisher.ensure(LIN)
    assert report is not None
    assert fresh.search("国际漫游怎么收费").decision == "answer"
    assert fresh.problem is None


async def test_a_damaged_snapshot_leaves_the_old_base_answering(
    published: KnowledgeService, settings: Settings
) -> None:
    await published.search("国际漫游怎么收费")
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    report = await published.publisher.publish(LIN)
    assert report.version is not None
    folder = settings.knowledge_dir / "snapshots" / report.version
    (folder / "forms.npy").write_bytes(b"not an array")
    assert (await published.search("国际漫游怎么收费")).decision == "answer"
    assert not published.ready


async def test_golden_questions_stop_a_publish_unless_forced(published: KnowledgeService) -> None:
    await published.add_golden("国际漫游怎么收费", "roaming-fee", LIN)
    await published.add_golden("红烧肉怎么做才不腻", None, LIN)
    before = published.searcher.version
    await published.store.retire("roaming-fee", LIN)
    with pytest.raises(PublishRefused) as refused:
        await published.publisher.publish(LIN)
    assert [f["query"] for f in refused.value.data["failures"]] == ["国际漫游怎么收费"]
    assert published.searcher.version == before
    report = await published.publisher.publish(LIN, force=True)
    assert len(report.golden_failures) == 1
    assert published.searcher.version == report.version


async def test_two_publishers_do_not_run_at_once(
    published: KnowledgeService, settings: Settings, database: Database,
    encoder: SentenceEncoder,
) -> None:  # fmt: skip
    other = KnowledgeService(database, settings.knowledge_dir, encoder)
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    results = await asyncio.gather(
        published.publisher.publish(LIN), other.publisher.publish(ZHOU), return_exceptions=True
    )
    done = [r for r in results if not isinstance(r, BaseException)]
    refused = [r for r in results if isinstance(r, Conflict)]
    assert len(done) + len(refused) == 2
    assert sum(len(r.published) for r in done) == 1


async def test_a_save_during_the_publish_stays_a_draft(
    published: KnowledgeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()
    real = publishing.write_content

    def slow(folder: Path, made: object) -> None:
        started.set()
        go_on.wait(10)
        real(folder, made)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "write_content", slow)
    await published.store.save("roaming-fee", content("国际漫游怎么收费？", "第一稿。"), LIN)
    running = asyncio.create_task(published.publisher.publish(LIN))
    await asyncio.to_thread(started.wait, 10)
    await published.store.save("roaming-fee", content("国际漫游怎么收费？", "第二稿。"), ZHOU)
    go_on.set()
    await running
    view = await published.store.get("roaming-fee")
    assert (view.entry.state, view.content.answer) == ("draft", "第二稿。")
    assert (await published.search("国际漫游怎么收费")).hits[0].answer == "第一稿。"


async def test_searches_go_on_while_snapshots_change(published: KnowledgeService) -> None:
    stop = threading.Event()
    wrong: list[object] = []

    def searching() -> None:
        while not stop.is_set():
            result = published.searcher.search("国际漫游怎么收费")
            if result.decision != "answer" or result.hits[0].entry_id != "roaming-fee":
                wrong.append(result)

    threads = [threading.Thread(target=searching) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(7):
        await published.store.create(f"n{i}", content(f"第{i}个新问题是什么？"), LIN)
        await published.publisher.publish(LIN)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
