"""Index terms: words, bigrams, characters; silent and without shared temp files."""

from __future__ import annotations

import subprocess
import sys

from core.settings import ROOT
from knowledge_base.words import terms


def test_terms_hold_words_bigrams_and_characters() -> None:
    found = terms("国际漫游怎么收费")
    assert {"国际", "漫游", "收费", "#漫游", "#游怎", "@漫"} <= set(found)
    assert "怎么" not in found


def test_latin_and_digits_are_words() -> None:
    assert {"5g", "volte"} <= set(terms("5g和volte"))


def test_nothing_gives_nothing() -> None:
    assert terms("") == []


def test_loading_prints_nothing_and_leaves_no_cache_behind(tmp_path: object) -> None:
    code = "from knowledge_base.words import terms; terms('查话费')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]
