"""Import and publish of 10,000 rows through the service that the app holds, encoding included; then one of
them is changed, and published, and asked for here and in a process like Rasa's.

``.venv/bin/python -m pytest tests/bench/test_knowledge_import.py -m bench -s``
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.database import Database
from core.settings import ROOT, Settings
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.models import Editor
from knowledge_base.service import KnowledgeService
from tests.bench.big_base import Writer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]
ROWS, SIMILAR = 10_000, 2
IMPORT_S = 300
CHANGES = 5


def made_file() -> bytes:
    """Rows with an answer and some similar questions, all different."""
    writer = Writer(np.random.default_rng(11))
    rows = (
        {
            "id": f"row-{i:05}", "category": "量", "question": f"{writer.question()}{i}？",
            "similar": [f"{writer.question()}{i}-{j}" for j in range(SIMILAR)],
            "answer": writer.answer(),
        } for i in range(ROWS)
    )  # fmt: skip
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


@contextmanager
def rasa_like(folder: Path, model: Path) -> Iterator[Callable[[str], str]]:
    """Asks a process of the Rasa environment: the first entry's id."""
    process = subprocess.Popen(
        [str(ROOT / ".venv-rasa/bin/python"), "-m", "tests.bench.answering", str(folder), str(model)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    to, back = process.stdin, process.stdout

    def ask(question: str) -> str:
        to.write(question + "\n")
        to.flush()
        return back.readline().strip()

    try:
        yield ask
    finally:
        to.close()
        process.wait(20)
        back.close()


async def change_one(service: KnowledgeService, editor: Editor, ask: Callable[[str], str]) -> None:
    """Prints how long a changed entry takes to be answered with in both processes."""
    took = []
    for number in range(CHANGES):
        view = await service.store.get(f"row-{number:05}")
        question = f"第{number}张小蜜蜂徽章有什么用"
        content = view.content.model_copy(update={"question": question})
        await service.store.save(view.entry.id, content, editor)
        began, used = time.perf_counter(), time.process_time()
        await service.publisher.publish(editor)
        published, used = time.perf_counter(), time.process_time() - used
        assert ask(question) == view.entry.id
        elsewhere = time.perf_counter()
        assert (await service.search(question, 1)).hits[0].entry_id == view.entry.id
        here = time.perf_counter() - elsewhere
        took.append((elsewhere - began, published - began, used, here))
    answered, published, used, here = (
        statistics.median(times) for times in zip(*took, strict=True)
    )
    print(
        f"one entry changed: publish to answer {answered:.2f} s (publish {published:.2f} s, of "
        f"which {used:.2f} s of a processor, "
        f"first answer in Rasa's process {answered - published:.2f} s, in this one {here:.2f} s)"
    )


async def test_ten_thousand_rows_in_five_minutes(
    database: Database, settings: Settings, encoder_dir: Path
) -> None:
    encoder = SentenceEncoder(encoder_dir)
    service = KnowledgeService(database, settings.knowledge_dir, encoder)
    data, editor = made_file(), Editor("editor01", "林编辑")
    phases: dict[str, float] = {}

    def tell(phase: str, done: int, total: int) -> None:
        phases.setdefault(phase, time.perf_counter())

    began = time.perf_counter()
    report = await service.importer.run(data, "jsonl", editor, tell=tell)
    imported = time.perf_counter()
    published = await service.publisher.publish(editor)
    ended = time.perf_counter()
    marks = [*phases.items(), ("end", imported)]
    parts = ", ".join(f"{name} {after - at:.0f} s" for (name, at), (_, after) in pairwise(marks))
    print(
        f"\n{ROWS:,} rows, {ROWS * (SIMILAR + 2):,} texts, {len(data) / 2**20:.1f} MB: "
        f"imported in {imported - began:.0f} s ({parts}), published in {ended - imported:.0f} s"
    )
    assert (report.created, report.failed) == (ROWS, 0)
    assert published.entries == ROWS
    assert imported - began < IMPORT_S
    with rasa_like(settings.knowledge_dir, encoder_dir) as ask:
        assert ask("话费")
        await change_one(service, editor, ask)
