"""Milvus keeps the contract of indexes, on Milvus Lite; without it words and exact matches answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.database import Database
from core.errors import Unavailable
from core.settings import ROOT, Settings
from knowledge_base import milvus
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.index import IndexUnavailable, VectorIndex
from knowledge_base.indexing import LOCAL, index_store, store_from
from knowledge_base.milvus import Milvus, MilvusIndex, MilvusIndexes, MilvusMissingError
from knowledge_base.search import KnowledgeSearcher
from knowledge_base.service import KnowledgeService
from knowledge_base.snapshot import current_version
from tests.knowledge_base.conftest import ENTRIES, LIN, content
from tests.knowledge_base.index_contract import DIMENSION, VectorIndexContract
from tests.knowledge_base.milvus_lite import MilvusLite

QUESTIONS = [
    "国际漫游怎么收费",
    "出国了手机上网要花多少",
    "想换别家运营商号码能带走吗",
    "PUK码",
    "红烧肉怎么做",
]
PATIENT = {"timeout_s": 30.0, "pause_s": 0.0}


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milvus]:
    """In this process, in a file."""
    server = Milvus(str(tmp_path_factory.mktemp("milvus") / "vectors.db"), **PATIENT)
    yield server
    server.close()


@pytest.mark.integration
class TestMilvusIndex(VectorIndexContract):
    names = map("contract_{}".format, itertools.count())

    @pytest.fixture(autouse=True)
    def _server(self, lite: Milvus) -> None:
        self.server = lite

    def make(self) -> VectorIndex:
        return MilvusIndex.create(self.server, next(self.names), DIMENSION)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusLite]:
    server = MilvusLite(tmp_path_factory.mktemp("milvus-server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def running(process: MilvusLite) -> MilvusLite:
    """The server, started again if the test before left it dead."""
    process.start()
    return process


@pytest.fixture
def indexes(running: MilvusLite) -> MilvusIndexes:
    return MilvusIndexes(Milvus(running.uri, **PATIENT))


@pytest.fixture
async def service(
    database: Database, settings: Settings, encoder: SentenceEncoder, indexes: MilvusIndexes
) -> KnowledgeService:
    """The knowledge base with its vectors in Milvus."""
    return KnowledgeService(database, settings.knowledge_dir, encoder, indexes=indexes)


def collections(indexes: MilvusIndexes, version: str) -> list[str]:
    """Collections of one version."""
    wanted = milvus._names(version)
    there = indexes._server.ask(lambda client, _: client.list_collections())
    return [name for name in wanted if name in there]


@pytest.mark.integration
async def test_milvus_finds_what_faiss_finds(
    published: KnowledgeService, settings: Settings, encoder: SentenceEncoder
) -> None:
    local = KnowledgeSearcher(settings.knowledge_dir, encoder, LOCAL)
    for question in QUESTIONS:
        mine, theirs = (
            (await published.search(question)).to_dict(),
            local.search(question).to_dict(),
        )
        assert mine == theirs
    assert published.searcher.trouble is None


RASA_CODE = """
import json, os, sys
from pathlib import Path
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.indexing import store_from
from knowledge_base.search import KnowledgeSearcher

folder, model, questions = sys.argv[1:]
searcher = KnowledgeSearcher(Path(folder), SentenceEncoder(Path(model)), store_from(os.environ))
found = [searcher.search(question) for question in json.loads(questions)]
found = [[result.decision, [hit.entry_id for hit in result.hits]] for result in found]
print(json.dumps([searcher.trouble, found]))
"""


def rasa_searches(knowledge_dir: Path, model: Path, uri: str) -> Any:
    """[trouble, [[decision, ids]]] of ``QUESTIONS``, searched in the Rasa environment."""
    variables = {
        **os.environ, "PYTHONPATH": str(ROOT),
        "CHANGDA_VECTOR_INDEX": "milvus", "CHANGDA_MILVUS_URI": uri,
    }  # fmt: skip
    python = str(ROOT / ".venv-rasa" / "bin" / "python")
    done = subprocess.run(
        [python, "-c", RASA_CODE, str(knowledge_dir), str(model), json.dumps(QUESTIONS)],
        env=variables, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.integration
async def test_rasa_searches_milvus_with_its_own_client(
    published: KnowledgeService, settings: Settings, encoder: SentenceEncoder,
    encoder_dir: Path, running: MilvusLite,
) -> None:  # fmt: skip
    trouble, found = await asyncio.to_thread(
        rasa_searches, settings.knowledge_dir, encoder_dir, running.uri
    )
    assert trouble is None
    local = KnowledgeSearcher(settings.knowledge_dir, encoder, LOCAL)
    for question, (decision, ids) in zip(QUESTIONS, found, strict=True):
        result = local.search(question)
        assert (decision, ids) == (result.decision, [hit.entry_id for hit in result.hits])


async def back(service: KnowledgeService) -> None:
    """Waits until vectors are searched again: gRPC takes a moment to try a dead address anew."""
    async with asyncio.timeout(60):
        while True:
            await service.search("国际漫游怎么收费呢")
            if service.searcher.trouble is None:
                return
            await asyncio.sleep(0.2)


@pytest.mark.integration
async def test_words_and_exact_matches_answer_while_milvus_is_down(
    published: KnowledgeService, running: MilvusLite
) -> None:
    assert (await published.search("国际漫游怎么收费")).decision == "answer"
    running.kill()
    exact = await published.search("出国上网一天多少钱")
    assert (exact.decision, exact.hits[0].entry_id) == ("answer", "roaming-fee")
    worded = await published.search("国际漫游收费")
    assert worded.hits[0].entry_id == "roaming-fee"
    assert "只按字面检索" in worded.reason
    assert "Milvus" in (published.searcher.trouble or "")
    assert published.ready
    running.start()
    await back(published)
    assert "只按字面检索" not in (await published.search("国际漫游怎么收费呢")).reason


@pytest.mark.integration
async def test_a_publish_without_milvus_leaves_everything_as_it_was(
    published: KnowledgeService, settings: Settings, running: MilvusLite, indexes: MilvusIndexes
) -> None:
    before = current_version(settings.knowledge_dir)
    running.kill()
    await published.store.create("a", content("新问题甲是什么？"), LIN)
    with pytest.raises(Unavailable, match="没有发布"):
        await published.publisher.publish(LIN)
    assert current_version(settings.knowledge_dir) == before
    assert (await published.store.get("a")).entry.state == "draft"
    folders = settings.knowledge_dir / "snapshots"
    assert len(list(folders.iterdir())) == 2
    running.start()
    await back(published)
    report = await published.publisher.publish(LIN)
    assert {folder.name for folder in folders.iterdir()} == {before, report.version}
    assert (await published.search("新问题甲是什么")).hits[0].entry_id == "a"


@pytest.mark.integration
async def test_collections_go_with_their_snapshots(
    published: KnowledgeService, settings: Settings, indexes: MilvusIndexes
) -> None:
    first = published.searcher.version
    assert first is not None
    assert len(collections(indexes, first)) == 2
    # What a process killed in the middle of a publish leaves: an incomplete folder, full collections.
    ghost = settings.knowledge_dir / "snapshots" / "20200101T000000-ghost0"
    ghost.mkdir()
    for name in milvus._names(ghost.name):
        MilvusIndex.create(indexes._server, name, 4)
    for i in range(5):
        await published.store.save("roaming-fee", content("国际漫游怎么收费？", f"答案{i}。"), LIN)
        await published.publisher.publish(LIN)
    assert collections(indexes, first) == []
    assert collections(indexes, ghost.name) == []
    assert not ghost.exists()
    kept = await published.publisher.snapshots()
    assert [len(collections(indexes, row.version)) for row in kept] == [2] * 5
    await published.publisher.roll_back(kept[-1].version, LIN)
    assert "答案0" in (await published.search("国际漫游怎么收费")).hits[0].answer


@pytest.mark.integration
async def test_a_base_published_before_milvus_came_is_taken_in(
    database: Database, settings: Settings, encoder: SentenceEncoder, indexes: MilvusIndexes
) -> None:
    local = KnowledgeService(database, settings.knowledge_dir, encoder)
    await local.store.create("roaming-fee", ENTRIES["roaming-fee"], LIN)
    await local.publisher.publish(LIN)
    moved = KnowledgeService(database, settings.knowledge_dir, encoder, indexes=indexes)
    result = await moved.search("国际漫游收费")
    assert "重新发布" in result.reason
    assert await moved.publisher.ensure(LIN) is None
    assert (await moved.search("出境上网贵不贵")).reason.count("只按字面检索") == 0
    assert moved.searcher.trouble is None


class Refusing:
    """A client that cannot connect, and counts how often it was made to try."""

    tries = 0

    def __init__(self, **_: Any) -> None:
        type(self).tries += 1
        raise ConnectionRefusedError(111, "refused")


def test_after_a_failure_searches_leave_milvus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus, "_client_class", lambda: Refusing)
    Refusing.tries = 0
    moment = 100.0
    monkeypatch.setattr(milvus.time, "monotonic", lambda: moment)
    server = Milvus("http://127.0.0.1:1", pause_s=5)
    for _ in range(3):
        with pytest.raises(IndexUnavailable, match="连不上"):
            server.ask(lambda client, _: client)
    assert Refusing.tries == 1
    with pytest.raises(IndexUnavailable):
        server.ask(lambda client, _: client, patient=True)
    assert Refusing.tries == 2
    moment = 106.0
    with pytest.raises(IndexUnavailable):
        server.ask(lambda client, _: client)
    assert Refusing.tries == 3


def test_a_missing_client_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MilvusMissingError, match="make install-milvus"):
        index_store("milvus", "http://127.0.0.1:19530")


def test_the_environment_names_the_store() -> None:
    assert store_from({}) is LOCAL
    assert store_from({"CHANGDA_VECTOR_INDEX": "faiss"}) is LOCAL
    with pytest.raises(ValueError, match="CHANGDA_MILVUS_URI"):
        store_from({"CHANGDA_VECTOR_INDEX": "milvus"})
    with pytest.raises(ValueError, match="faiss or milvus"):
        store_from({"CHANGDA_VECTOR_INDEX": "other"})
    made = store_from({"CHANGDA_VECTOR_INDEX": "milvus", "CHANGDA_MILVUS_URI": "http://h:19530"})
    assert isinstance(made, MilvusIndexes)


def test_the_client_reads_no_env_file() -> None:
    """pymilvus would put the nearest ``.env``, ours, into the environment of every process."""
    code = (
        "import os; from knowledge_base.milvus import _client_class; before = dict(os.environ);"
        "_client_class(); os.environ.pop('PYTHON_DOTENV_DISABLED');"
        "assert not {k for k in os.environ if k not in before and k.startswith('CHANGDA')}"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0
