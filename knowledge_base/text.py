"""Normalisation: the form in which questions are compared, encoded and indexed.

Originals are always kept; this form is never shown. It folds what customers vary without meaning
it: case, width, traditional characters, links, white space and closing punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_URL = re.compile(r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_BETWEEN_HAN = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_EDGE = " \t\n,.;:!?~-_…、。，；：！？～·'\"“”‘’「」『』()（）[]【】"
# OpenCC keeps these apart although mainland customers write both for one meaning.
_VARIANTS = str.maketrans({"帐": "账", "妳": "你", "唸": "念", "嘅": "的", "喺": "在", "咗": "了"})


def normalize(text: str) -> str:
    """The comparable form of ``text``; may be empty when nothing but punctuation was said."""
    folded = unicodedata.normalize("NFKC", text)
    folded = "".join(
        c for c in folded if unicodedata.category(c) not in ("Cf", "Cc") or c in "\n\t"
    )
    folded = _URL.sub(" ", folded)
    folded = _simplify(folded).translate(_VARIANTS).lower()
    folded = _SPACE.sub(" ", folded)
    folded = _BETWEEN_HAN.sub("", folded)
    return folded.strip(_EDGE)


def _simplify(text: str) -> str:
    converter, traditional = _converter()
    # Conversion costs 40 µs a sentence and nearly nobody needs it.
    if traditional.isdisjoint(text):
        return text
    converted: str = converter.convert(text)
    return converted


@lru_cache(maxsize=1)
def _converter() -> tuple[Any, frozenset[str]]:
    from pathlib import Path

    import opencc

    folder = Path(opencc.__file__).parent / "dictionary"
    lines = (folder / "TSCharacters.txt").read_text("utf-8").splitlines()
    pairs = [line.split() for line in lines if line.strip()]
    traditional = frozenset(p[0] for p in pairs if len(p) > 1 and p[0] not in p[1:])
    return opencc.OpenCC("t2s"), traditional
