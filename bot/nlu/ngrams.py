"""N-gram features: characters, syllables (typos keep their sound) and words, weighted by TF-IDF."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from bot.nlu.paths import LEXICON_DIR

PINYIN = LEXICON_DIR / "pinyin.txt"
MOODS = LEXICON_DIR / "mood.txt"
TRADES = LEXICON_DIR / "other_trades.txt"
_LONG_NUMBER = re.compile(r"\d{7,}")
_DIGIT = re.compile(r"\d")
_MAX_UNITS = 400
Floats = npt.NDArray[np.float32]
Grams = Callable[[str, Sequence[str]], list[str]]


@lru_cache(maxsize=1)
def syllables() -> dict[str, str]:
    """Character → toneless syllable, with the sounds that accents and typists swap folded."""
    table: dict[str, str] = {}
    for line in PINYIN.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            reading, chars = line.split(" ", 1)
            table.update(dict.fromkeys(chars, _fold_reading(reading)))
    return table


def _fold_reading(reading: str) -> str:
    """zh/ch/sh, the -ng finals and n-/l- sound alike to half of the country."""
    flat_tongue = re.sub(r"^([zcs])h", r"\1", reading)
    return re.sub(r"(?<=[aei])ng$", "n", flat_tongue)


def mask_digits(text: str) -> str:
    """Numbers matter by their kind, not by their value."""
    return _DIGIT.sub("0", _LONG_NUMBER.sub("№", text))


def _windows(units: Sequence[str], shortest: int, longest: int, glue: str) -> list[str]:
    padded = ["^", *units[:_MAX_UNITS], "$"]
    return [
        glue.join(padded[i : i + n])
        for n in range(shortest, longest + 1)
        for i in range(len(padded) - n + 1)
    ]


def character_grams(text: str, _: Sequence[str]) -> list[str]:
    return _windows(mask_digits(text), 1, 4, "")


def syllable_grams(text: str, _: Sequence[str]) -> list[str]:
    table = syllables()
    return _windows([table.get(c, c) for c in mask_digits(text)], 1, 3, "-")


def word_grams(_: str, words: Sequence[str]) -> list[str]:
    return _windows([mask_digits(w) for w in words], 1, 2, " ")


@lru_cache(maxsize=1)
def _trades() -> tuple[re.Pattern[str], dict[str, str]]:
    """Pattern of all words of ``other_trades.txt``, longest first, and each word's trade."""
    trade_of: dict[str, str] = {}
    for line in TRADES.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            trade, words = line.split(": ", 1)
            trade_of.update(dict.fromkeys(words.split(), trade))
    longest_first = sorted(trade_of, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), trade_of


def trade_marks(text: str, _: Sequence[str]) -> list[str]:
    """Which trades a text names, and whether it names anything of ours beside them."""
    pattern, trade_of = _trades()
    found = {trade_of[word] for word in pattern.findall(text)}
    others = sorted(found - {"own"})
    if not others:
        return ["ours"] if "own" in found else ["no trade"]
    beside = "with ours" if "own" in found else "alone"
    return ["other", f"other {beside}", *(f"{trade} {beside}" for trade in others)]


_REFUSED = re.compile(r"(?:不是|不要|别|不用|甭|不想|不需要|不问|不查|没让)([^,。!?;、…~\s]{1,10})")
_CLAUSE = re.compile(r"[,。!?;、…~\s]+")


def ending_grams(text: str, _: Sequence[str]) -> list[str]:
    """Characters of the last clause, where the point of a rambling message is."""
    clauses = [c for c in _CLAUSE.split(text) if len(c) > 1]
    return _windows(mask_digits(clauses[-1]), 2, 4, "") if len(clauses) > 1 else []


def refusal_grams(text: str, _: Sequence[str]) -> list[str]:
    """What is refused: the characters that follow a refusal, apart from those that do not."""
    return [
        gram
        for match in _REFUSED.finditer(text)
        for gram in _windows(mask_digits(match.group(1)), 2, 3, "")
    ]


@lru_cache(maxsize=1)
def _moods() -> dict[str, re.Pattern[str]]:
    found = {}
    for line in MOODS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            mood, words = line.split(": ", 1)
            longest_first = sorted(words.split(), key=len, reverse=True)
            found[mood] = re.compile("|".join(map(re.escape, longest_first)))
    return found


def mood_marks(text: str, _: Sequence[str]) -> list[str]:
    """Kinds of feeling words, how many of each, and raised voices."""
    counts = {mood: len(pattern.findall(text)) for mood, pattern in _moods().items()}
    felt = [mood for mood, count in counts.items() if count]
    marks = [*felt, *(f"{mood}+" for mood, count in counts.items() if count > 1)]
    marks += [f"{a}&{b}" for i, a in enumerate(felt) for b in felt[i + 1 :]]
    marks += [mark for mark in ("!", "!!", "生气") if mark in text]
    return marks or ["flat"]


VIEWS: dict[str, Grams] = {
    "characters": character_grams,
    "syllables": syllable_grams,
    "words": word_grams,
    "trades": trade_marks,
    "ending": ending_grams,
    "refusal": refusal_grams,
    "mood": mood_marks,
}
INTENT_VIEWS = ("characters", "syllables", "words", "trades", "ending", "refusal")
MOOD_VIEWS = ("characters", "mood")


class TfIdf:
    """TF-IDF of one view with logarithmic counts and unit rows (as scikit-learn computes it).

    Args:
        view: key of ``VIEWS``.
        vocabulary: gram → column.
        idf: weight of each column.
    """

    def __init__(self, view: str, vocabulary: dict[str, int], idf: Floats) -> None:
        self.view = view
        self._grams = VIEWS[view]
        self._vocabulary = vocabulary
        self._idf = idf

    @property
    def size(self) -> int:
        return len(self._idf)

    @classmethod
    def fit(cls, view: str, texts: Sequence[tuple[str, Sequence[str]]], least: int = 2) -> TfIdf:
        """Learns the grams that at least ``least`` texts (text, words) share."""
        grams = VIEWS[view]
        seen: Counter[str] = Counter()
        for text, words in texts:
            seen.update(set(grams(text, words)))
        kept = sorted(g for g, n in seen.items() if n >= least)
        counts = np.array([seen[g] for g in kept], np.float32)
        idf = np.log((1 + len(texts)) / (1 + counts)) + 1
        return cls(view, {g: i for i, g in enumerate(kept)}, idf.astype(np.float32))

    def row(self, text: str, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], Floats]:
        """Columns and weights of one text, both shape (n,)."""
        known = Counter(
            column
            for gram in self._grams(text, words)
            if (column := self._vocabulary.get(gram)) is not None
        )
        columns = np.fromiter(known.keys(), np.int64, len(known))
        counts = np.fromiter(known.values(), np.float32, len(known))
        weights = (1 + np.log(counts)) * self._idf[columns] if len(known) else counts
        norm = float(np.sqrt((weights * weights).sum()))
        return columns, (weights / norm if norm else weights).astype(np.float32)

    def matrix(self, texts: Iterable[tuple[str, Sequence[str]]]) -> csr_matrix:
        """All rows as a sparse matrix."""
        rows = [self.row(text, words) for text, words in texts]
        starts = np.concatenate([[0], np.cumsum([len(c) for c, _ in rows])])
        columns = np.concatenate([c for c, _ in rows]) if rows else np.empty(0, np.int64)
        weights = np.concatenate([w for _, w in rows]) if rows else np.empty(0, np.float32)
        return csr_matrix((weights, columns, starts), shape=(len(rows), self.size))

    def save(self, folder: Path) -> None:
        """Writes ``<view>.json`` (grams in column order) and ``<view>.npy``."""
        ordered = sorted(self._vocabulary, key=self._vocabulary.__getitem__)
        (folder / f"{self.view}.json").write_text(json.dumps(ordered, ensure_ascii=False), "utf-8")
        np.save(folder / f"{self.view}.npy", self._idf)

    @classmethod
    def load(cls, folder: Path, view: str) -> TfIdf:
        grams = json.loads((folder / f"{view}.json").read_text("utf-8"))
        idf = np.load(folder / f"{view}.npy", allow_pickle=False)
        return cls(view, {g: i for i, g in enumerate(grams)}, idf)
