"""Evaluation sentences: JSON lines {"text", "intent", "entities": [{"entity", "value"}], "hard"?}."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sentence:
    """One annotated sentence. ``entities``: (type, the substring as typed)."""

    text: str
    intent: str
    entities: tuple[tuple[str, str], ...]
    hard: bool = False


class BadEvaluationFile(ValueError):
    """A line is not what the format asks for; the message names file and line."""


def read_sentences(paths: Sequence[Path]) -> list[Sentence]:
    """All sentences of the files in order.

    Raises:
        BadEvaluationFile: a line is no JSON object with "text" and "intent".
    """
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
            if line.strip():
                found.append(_sentence(line, f"{path}:{number}"))
    if not found:
        raise BadEvaluationFile(f"no sentences in {', '.join(map(str, paths))}")
    return found


def _sentence(line: str, where: str) -> Sentence:
    try:
        row = json.loads(line)
        entities = tuple((str(e["entity"]), str(e["value"])) for e in row.get("entities") or ())
        return Sentence(str(row["text"]), str(row["intent"]), entities, bool(row.get("hard")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadEvaluationFile(f"{where}: {error!r}") from error
