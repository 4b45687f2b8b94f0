"""Cutting long texts into parts that fit a platform's limit in bytes, at the best place there is."""

from __future__ import annotations

import unicodedata

_ENDS = ("\n\n", "\n", "。！？!?；;…", "，,、：: ")
"""Where to cut, best first: between paragraphs, lines, sentences, clauses."""
_CLOSING = "”’」』）)】》\"'"
_JOINER = "\u200d"


def size(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode())


def split(text: str, limit: int) -> list[str]:
    """Parts of at most ``limit`` bytes, in order; nothing but the white space at a cut is lost."""
    parts: list[str] = []
    rest = text.strip()
    while size(rest) > limit:
        cut = _cut(rest, _fitting(rest, limit))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in [*parts, rest] if part]


def _fitting(text: str, limit: int) -> int:
    """How many characters fit."""
    return len(text.encode()[:limit].decode(errors="ignore"))


def _cut(text: str, most: int) -> int:
    # A cut in the first third would make many tiny parts.
    least = max(1, most // 3)
    for ends in _ENDS:
        found = _last_end(text, ends, least, most)
        if found:
            return found
    return _between_characters(text, most)


def _last_end(text: str, ends: str, least: int, most: int) -> int | None:
    whole = ends == "\n\n"
    for place in range(most, least, -1):
        before = text[place - 2 : place] if whole else text[place - 1]
        if before == ends if whole else before in ends:
            end = place
            while end < most and text[end] in _CLOSING:
                end += 1
            follows = text[end : end + 1]
            if not (follows and follows in _CLOSING):
                return end
    return None


def _between_characters(text: str, most: int) -> int:
    """The last place where no character seen as one is torn apart."""
    for place in range(most, 0, -1):
        after, before = text[place : place + 1], text[place - 1]
        mark = bool(after) and unicodedata.category(after) in ("Mn", "Me", "Mc", "Sk")
        if not mark and after != _JOINER and before != _JOINER:
            return place
    return max(1, most)
