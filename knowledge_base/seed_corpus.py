"""Reads our seed corpus, the YAML files of ``corpus/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from knowledge_base.content import EntryContent
from knowledge_base.snapshot import BaseEntry

CORPUS = Path(__file__).with_name("corpus")


def corpus_rows(folder: Path = CORPUS) -> Iterator[tuple[str, EntryContent]]:
    """(id, content) of every entry of every file, in file order.

    Raises:
        ValueError: a file or an entry is not as it must be; the message names both.
    """
    for path in sorted(folder.glob("*.yml")):
        # libyaml is ten times faster and reads the same.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            data = yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            raise ValueError(f"{path.name}: {error}") from error
        if not isinstance(data, dict) or not isinstance(data.get("entries"), list):
            raise ValueError(f"{path.name}: no list of entries")
        for row in data["entries"]:
            yield _row(path, data["category"], dict(row))


def _row(path: Path, category: str, row: dict[str, Any]) -> tuple[str, EntryContent]:
    entry_id = str(row.pop("id"))
    try:
        return entry_id, EntryContent.model_validate({"category": category, **row})
    except ValueError as error:
        raise ValueError(f"{path.name}: {entry_id}: {error}") from error


def read_corpus(folder: Path = CORPUS) -> list[BaseEntry]:
    """The corpus as it would be served."""
    return [content.to_base_entry(entry_id, 1) for entry_id, content in corpus_rows(folder)]
