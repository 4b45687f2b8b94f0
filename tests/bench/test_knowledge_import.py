"""Import and publish of 10,000 rows through the service that the app holds, encoding included.

``.venv/bin/python -m pytest tests/bench/test_knowledge_import.py -m bench -s``
"""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.database import Database
from core.settings import Settings
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.models import Editor
from knowledge_base.service import KnowledgeService
from tests.bench.big_base import Writer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]
ROWS, SIMILAR = 10_000, 2
IMPORT_S = 300


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
