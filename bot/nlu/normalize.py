"""Text normalisation with a way back: every character knows which raw characters it came from.

What customers vary without meaning it is folded (width, traditional characters, case, emoji, repeated
punctuation, the fillers of voice recognition); spans found in the folded text are mapped back, so that an
entity's value is always the customer's own words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

MAX_CHARACTERS = 2000
_LONGEST_RUN = 3
_SPOKEN_DIGITS = frozenset("零〇一幺二三四五六七八九")
_HAN = re.compile(r"[\u3400-\u9fff]")
# What OpenCC leaves apart although customers write both for one meaning.
_VARIANTS = {
    "帐": "账",
    "妳": "你",
    "唸": "念",
    "嘅": "的",
    "喺": "在",
    "咗": "了",
    "冇": "没",
    "唔": "不",
}
_EMOJI_WORDS = {
    "👌": "好的", "👍": "好的", "🆗": "好的", "✅": "好的", "🙏": "谢谢", "🌹": "谢谢", "❤": "谢谢",
    "👋": "你好", "😡": "生气", "🤬": "生气", "😠": "生气", "💢": "生气", "👎": "不满意", "❌": "不要",
    "😂": "哈哈", "🤣": "哈哈", "😄": "哈哈", "😭": "难过", "😢": "难过", "❓": "?", "⭐": "星", "💯": "真棒",
    "👏": "真棒", "💪": "真棒", "🤮": "恶心", "💩": "垃圾",
}  # fmt: skip
# WeChat sends its own pictures as words in brackets.
_STICKER = re.compile(r"\[[\u4e00-\u9fff]{1,4}\]")
_FILLER = re.compile(
    r"(?:^|(?<=[,。!?;、… ]))(?:呃+|额+|嗯+|唉+|诶+|欸+|哎+呀?|啊+|哦+|噢+)[,、。…~ ]*(?=\w)"
)
_STUTTER = re.compile(r"(那个|就是说?|这个|然后|我想|我要|帮我)[,、 ]*(?:\1[,、 ]*)+")
_SINGLE_STUTTER = re.compile(r"([我你他这那就帮想要])\1+(?=[\u4e00-\u9fff])")


@dataclass(frozen=True)
class Normalized:
    """A folded text and its origin.

    Attributes:
        text: the folded form; empty when nothing readable was sent.
        raw: what the customer sent.
        origins: for each character of ``text`` the half-open raw range it came from.
    """

    text: str
    raw: str
    origins: tuple[tuple[int, int], ...]

    def fingerprint(self) -> str:
        """Rasa asks every value on a training message for a stable hash."""
        return self.raw

    def __deepcopy__(self, memo: dict[int, Any]) -> Normalized:
        return self

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The raw half-open range of ``text[start:end]``; ``start < end`` is expected."""
        return self.origins[start][0], self.origins[end - 1][1]

    def raw_text(self, start: int, end: int) -> str:
        """The customer's own words for ``text[start:end]``."""
        first, last = self.raw_span(start, end)
        return self.raw[first:last]


class _Draft:
    """Characters with origins under edit."""

    def __init__(self, chars: list[str], origins: list[tuple[int, int]]) -> None:
        self.chars = chars
        self.origins = origins

    @property
    def text(self) -> str:
        return "".join(self.chars)

    def drop(self, spans: list[tuple[int, int]]) -> None:
        """Deletes non-overlapping ranges."""
        for start, end in reversed(spans):
            del self.chars[start:end]
            del self.origins[start:end]


def normalize(raw: str) -> Normalized:
    """Folds ``raw``; never raises, and reads at most ``MAX_CHARACTERS`` of it."""
    draft = _fold_characters(raw[:MAX_CHARACTERS])
    _simplify(draft)
    _collapse_runs(draft)
    _drop_spaces(draft)
    _drop_fillers(draft)
    _drop_edges(draft)
    return Normalized(draft.text, raw, tuple(draft.origins))


def _fold_characters(raw: str) -> _Draft:
    words_only = _without_stickers(raw)
    has_words = any(c.isalnum() for c in words_only)
    chars: list[str] = []
    origins: list[tuple[int, int]] = []
    for at, char in enumerate(words_only):
        for folded in _fold(char, has_words):
            chars.append(folded)
            origins.append((at, at + 1))
    return _Draft(chars, origins)


def _without_stickers(raw: str) -> str:
    """Blanks WeChat stickers unless nothing else was sent; the length stays."""
    blanked = _STICKER.sub(lambda m: " " * len(m.group()), raw) if "[" in raw else raw
    return blanked if blanked.strip() else raw


def _fold(char: str, has_words: bool) -> str:
    if char < "\x7f":
        return char.lower() if char >= " " else " "
    if char == "／":
        # A leading half-width slash would be read by Rasa as an intent, not as words.
        return char
    category = unicodedata.category(char)
    if category in ("So", "Sk", "Cn", "Co"):
        return " " if has_words else _EMOJI_WORDS.get(char, " ")
    if category in ("Cf", "Mn", "Me", "Cs"):
        return ""
    if category == "Cc" or category.startswith("Z"):
        return " "
    return _PUNCTUATION.get(char) or unicodedata.normalize("NFKC", char).lower()


_PUNCTUATION = {"。": "。", "．": ".", "～": "~", "【": "[", "】": "]", "“": '"', "”": '"', "‘": "'",
                "’": "'", "—": "-", "–": "-", "‐": "-", "…": "…", "·": "·", "，": ",", "〇": "〇"}  # fmt: skip


def _simplify(draft: _Draft) -> None:
    converter, traditional = _converter()
    text = draft.text
    if not traditional.isdisjoint(text):
        converted = converter.convert(text)
        # The conversion is character for character but for rare phrases, where offsets matter more.
        if len(converted) != len(text):
            converted = "".join(converter.convert(c)[:1] or c for c in text)
        draft.chars = list(converted)
    draft.chars = [_VARIANTS.get(c, c) for c in draft.chars]


@lru_cache(maxsize=1)
def _converter() -> tuple[Any, frozenset[str]]:
    import opencc

    folder = Path(opencc.__file__).parent / "dictionary"
    pairs = [line.split() for line in (folder / "TSCharacters.txt").read_text("utf-8").splitlines()]
    traditional = frozenset(p[0] for p in pairs if len(p) > 1 and p[0] not in p[1:])
    return opencc.OpenCC("t2s"), traditional


def _collapse_runs(draft: _Draft) -> None:
    """Runs of one character keep three, of punctuation one; digits, spoken ones too, all stay."""
    spans: list[tuple[int, int]] = []
    chars = draft.chars
    start = 0
    for at in range(1, len(chars) + 1):
        if at < len(chars) and chars[at] == chars[start]:
            continue
        keep = _LONGEST_RUN if chars[start].isalnum() else 1
        if at - start > keep and not _is_digit(chars[start]):
            spans.append((start + keep, at))
        start = at
    draft.drop(spans)


def _is_digit(char: str) -> bool:
    return char.isdigit() or char in _SPOKEN_DIGITS


def _drop_spaces(draft: _Draft) -> None:
    """Spaces stay only between Latin words and numbers."""
    chars = draft.chars
    spans = []
    for at, char in enumerate(chars):
        if char != " ":
            continue
        beside = chars[max(at - 1, 0)] + (chars[at + 1] if at + 1 < len(chars) else " ")
        if at == 0 or at + 1 == len(chars) or not _both_latin(beside):
            spans.append((at, at + 1))
    draft.drop(spans)


def _both_latin(pair: str) -> bool:
    return all(c.isascii() or not _HAN.match(c) for c in pair)


def _drop_fillers(draft: _Draft) -> None:
    for pattern in (_FILLER,):
        draft.drop([m.span() for m in pattern.finditer(draft.text)])
    for pattern in (_STUTTER, _SINGLE_STUTTER):
        draft.drop([(m.end(1), m.end()) for m in pattern.finditer(draft.text)])


def _drop_edges(draft: _Draft) -> None:
    text = draft.text
    lead = len(text) - len(text.lstrip(" ,。、;…~·"))
    draft.drop([(0, lead)] if lead else [])
