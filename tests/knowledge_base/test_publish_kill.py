"""A process killed in the middle of a publish, wherever it is: the published base stays whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.database import Database
from core.settings import ROOT, Settings
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.service import KnowledgeService
from knowledge_base.snapshot import current_version
from tests.knowledge_base.conftest import LIN, ZHOU, content

pytestmark = pytest.mark.integration
CHILD = """
import asyncio, sys, time
from pathlib import Path
from core.database import Database
from bot.migrations import tables
from knowledge_base import publishing
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.models import Editor
from knowledge_base.service import KnowledgeService

url, folder, model, where = sys.argv[1:]
tables.load()
write, point = publishing.write_content, publishing.point_to

def wait():
    print("here", flush=True)
    time.sleep(60)

def half(path, content):
    path.mkdir(parents=True)
    (path / "entries.jsonl").write_text('{"half', "utf-8")
    wait()

def written(path, content):
    write(path, content)
    wait()

def pointed(*args):
    point(*args)
    wait()

if where == "half":
    publishing.write_content = half
elif where == "written":
    publishing.write_content = written
else:
    publishing.point_to = pointed
service = KnowledgeService(Database(url), Path(folder), SentenceEncoder(Path(model)))
asyncio.run(service.publisher.publish(Editor("editor01", "林编辑")))
"""


def kill_while_publishing(database: Database, settings: Settings, model: Path, where: str) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(settings.knowledge_dir), str(model), where],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == "here"
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()


@pytest.mark.parametrize("where", ["half", "written", "pointed"])
async def test_the_published_base_stays_whole(
    published: KnowledgeService, settings: Settings, database: Database,
    encoder: SentenceEncoder, encoder_dir: Path, where: str,
) -> None:  # fmt: skip
    before = current_version(settings.knowledge_dir)
    await published.store.create("a", content("怎么给手机号过户？", "带身份证办理。"), LIN)
    await published.store.save("roaming-fee", content("国际漫游怎么收费？", "新答案。"), ZHOU)
    kill_while_publishing(database, settings, encoder_dir, where)
    again = KnowledgeService(database, settings.knowledge_dir, encoder)
    await again.publisher.ensure(LIN)
    assert current_version(settings.knowledge_dir) == before
    hit = (await again.search("国际漫游怎么收费")).hits[0]
    assert "新答案" not in hit.answer
    assert (await again.store.get("a")).entry.state == "draft"
    report = await again.publisher.publish(LIN)
    assert sorted(report.published) == ["a", "roaming-fee"]
    assert (await again.search("国际漫游怎么收费")).hits[0].answer == "新答案。"
    folders = list((settings.knowledge_dir / "snapshots").iterdir())
    assert all((folder / "meta.json").exists() for folder in folders)
