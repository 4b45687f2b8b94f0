"""The learned half: a conditional random field over characters that weighs the rules' candidates.

Lafferty, McCallum & Pereira 2001, by crfsuite. It knows what rules cannot: that 59 is a plan after 换成,
a sum after 充, and that an unheard-of place before 营业厅 is an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.nlu.entities.matcher import Candidate
from bot.nlu.ngrams import syllables

_WINDOW = 3
_MAX_CHARACTERS = 400
# Words anywhere in the message that tell what its numbers are about.
_TOPICS = (
    "充", "交", "扣", "改", "换", "办", "升", "降", "退", "订", "加", "开通", "套餐", "档", "卡", "宽带",
    "账号", "户号", "工单", "单号", "进度", "投诉", "举报", "营业厅", "网点", "门店", "厅", "附近", "在哪", "地址",
    "星", "分", "评", "满意", "发票", "账单", "话费", "流量", "漫游", "出国", "国外", "信号", "没网", "短信",
    "电话", "号码", "余额", "多少钱", "积分", "机票", "火车", "酒店", "天气",
)  # fmt: skip


@dataclass(frozen=True)
class Tagged:
    """A half-open range of the folded text, its label and the tagger's marginal probability."""

    start: int
    end: int
    label: str
    confidence: float


def features(text: str, words: Sequence[str], candidates: Sequence[Candidate]) -> list[list[str]]:
    """One list of feature names per character of ``text[:400]``.

    Args:
        words: the text cut into words, nothing left out, so that their lengths give positions.
    """
    text = text[:_MAX_CHARACTERS]
    proposals = _proposals(len(text), candidates)
    word_marks = _word_marks(text, words)
    kinds = [_kind(c) for c in text]
    sounds = [syllables().get(c, c) for c in text]
    shown = ["0" if c.isdigit() else c for c in text]
    topics = [topic for topic in _TOPICS if topic in text]
    rows = []
    for i in range(len(text)):
        row = ["bias", *word_marks[i], f"p={sounds[i]}", *_around(i, shown, kinds)]
        for proposal in proposals[i]:
            row.append(proposal)
            row += [f"{proposal}|{topic}" for topic in topics]
        for step in (-1, 1):
            if 0 <= i + step < len(text):
                row += [f"{step}:{p}" for p in proposals[i + step]]
                row += [f"{step}:{mark}" for mark in word_marks[i + step][:1]]
        rows.append(row)
    return rows


def _around(i: int, shown: Sequence[str], kinds: Sequence[str]) -> list[str]:
    found = []
    size = len(shown)
    for step in range(-_WINDOW, _WINDOW + 1):
        at = i + step
        found.append(f"{step}={shown[at]}" if 0 <= at < size else f"{step}=#")
        if abs(step) <= 1:
            found.append(f"{step}k={kinds[at]}" if 0 <= at < size else f"{step}k=#")
    for first, last in ((-2, 0), (-1, 1), (0, 2), (1, 3)):
        if i + first >= 0 and i + last <= size:
            found.append(f"{first}b=" + "".join(shown[i + first : i + last]))
    return found


def _kind(char: str) -> str:
    if char.isdigit():
        return "d"
    if char.isascii():
        return "a" if char.isalpha() else "p"
    if "\u4e00" <= char <= "\u9fff":
        return "n" if char in "零一二两三四五六七八九十百千万半几俩仨" else "h"
    return "p"


def _word_marks(text: str, words: Sequence[str]) -> list[list[str]]:
    marks: list[list[str]] = []
    for number, word in enumerate(words):
        before = words[number - 1] if number else "^"
        after = words[number + 1] if number + 1 < len(words) else "$"
        shape = "".join("0" if c.isdigit() else c for c in word)
        for place in range(len(word)):
            where = (
                "S"
                if len(word) == 1
                else "B"
                if not place
                else "E"
                if place == len(word) - 1
                else "I"
            )
            marks.append(
                [f"w={shape}|{where}", f"w-={before}", f"w+={after}", f"wp={where}{len(word)}"]
            )
    marks += [["w=?"]] * max(0, len(text) - len(marks))
    return marks[: len(text)]


def _proposals(size: int, candidates: Sequence[Candidate]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(size)]
    for c in candidates:
        for at in range(c.start, min(c.end, size)):
            where = "B" if at == c.start else "E" if at == c.end - 1 else "I"
            mark = f"c={where}-{c.label}-{c.source}"
            if mark not in rows[at]:
                rows[at].append(mark)
    return rows


def to_tags(size: int, spans: Sequence[tuple[int, int, str]]) -> list[str]:
    """BIO tags of annotated spans, cut to the characters the tagger reads."""
    tags = ["O"] * min(size, _MAX_CHARACTERS)
    for start, end, label in spans:
        for at in range(start, min(end, len(tags))):
            tags[at] = ("B-" if at == start else "I-") + label
    return tags


def train(rows: Sequence[tuple[list[list[str]], list[str]]], path: Path, rounds: int = 80) -> None:
    """Fits the field on (features, tags) and writes crfsuite's own model file (no pickle)."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for sequence, tags in rows:
        trainer.append(pycrfsuite.ItemSequence(sequence), tags)
    trainer.set_params(
        {"c1": 0.05, "c2": 0.05, "max_iterations": rounds, "feature.minfreq": 2, "epsilon": 1e-4}
    )
    trainer.train(str(path))


class Tagger:
    """Serves a trained field."""

    def __init__(self, path: Path) -> None:
        import pycrfsuite

        self._tagger: Any = pycrfsuite.Tagger()
        # Held in memory, because Rasa removes the unpacked model's folder after loading.
        self._content = path.read_bytes()
        self._tagger.open_inmemory(self._content)

    def tag(self, sequence: list[list[str]]) -> list[Tagged]:
        """Entities of a text given by its ``features``."""
        if not sequence:
            return []
        tags = self._tagger.tag(sequence)
        return [
            Tagged(start, end, label, self._confidence(tags, start, end))
            for start, end, label in spans_of(tags)
        ]

    def _confidence(self, tags: list[str], start: int, end: int) -> float:
        return float(min(self._tagger.marginal(tags[at], at) for at in range(start, end)))


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Entities of a BIO sequence."""
    found: list[tuple[int, int, str]] = []
    start = 0
    for at in range(1, len(tags) + 1):
        inside = at < len(tags) and tags[at] == "I-" + tags[start][2:]
        if not inside:
            if tags[start] != "O":
                found.append((start, at, tags[start][2:]))
            start = at
    return found
