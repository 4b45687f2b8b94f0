"""Golden questions: what must keep its answer (or stay unanswered) before a publish goes through."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from knowledge_base.building import VectorCache
from knowledge_base.models import GoldenQuestion
from knowledge_base.search import LoadedBase
from knowledge_base.text import normalize


@dataclass(frozen=True)
class GoldenFailure:
    """A golden question and what the base would do instead."""

    query: str
    expected: str | None
    found: str | None
    decision: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def failures(
    base: LoadedBase, questions: Sequence[GoldenQuestion], cache: VectorCache
) -> list[GoldenFailure]:
    """Asks every golden question of ``base``."""
    texts = [normalize(question.query) for question in questions]
    vectors = cache.encode(texts, "query")
    failed = []
    for question, text, vector in zip(questions, texts, vectors, strict=True):
        result = base.find(text, vector, 1, time.time())
        found = result.hits[0].entry_id if result.hits else None
        message = _complaint(question.entry_id, found, result.decision)
        if message:
            failed.append(
                GoldenFailure(question.query, question.entry_id, found, result.decision, message)
            )
    return failed


def _complaint(expected: str | None, found: str | None, decision: str) -> str | None:
    if expected is None:
        return None if decision != "answer" else f"应当不回答，却会用 {found} 回答"
    if found != expected:
        return f"应当命中 {expected}，首条却是 {found or '空'}"
    return None if decision != "none" else f"首条是 {expected}，但把握不够，不会回答"
