"""Finds the entry that answers a question, and decides whether to answer, to ask back or to say
nothing.

The same class serves Rasa, the desk, the console and the evaluation. It reads the published
snapshot and swaps by itself as soon as the pointer changes (one ``stat`` per search).
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from knowledge_base.columns import members
from knowledge_base.index import NO_KEY, IndexUnavailable, VectorIndex
from knowledge_base.indexing import LOCAL, IndexStore
from knowledge_base.mapping import take
from knowledge_base.phrasings import EMPTY, Phrasings, Reminded, phrasings_of
from knowledge_base.ranking import Decision, RankingModel, Signals
from knowledge_base.snapshot import (
    POINTER,
    SnapshotContent,
    SnapshotError,
    current_version,
    read_content,
    snapshot_folder,
)
from knowledge_base.text import normalize
from knowledge_base.words import terms

log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
_NEAREST_FORMS = 120
_NEAREST_ANSWERS = 40
_BEST_WORDS = 40
_RETRIES = 3


class Encoder(Protocol):
    """What the searcher needs of an encoder."""

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: list[str], kind: Any = ...) -> Vectors: ...


@dataclass(frozen=True)
class Hit:
    """One entry found. ``score`` lies in 0..1; ``signals`` say where it comes from."""

    entry_id: str
    question: str
    matched_question: str
    answer: str
    rich: str | None
    follow_ups: list[str]
    score: float
    category: str
    signals: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class SearchResult:
    """Hits, best first, and what to do with them; ``reason`` is for editors, in Chinese."""

    decision: Decision
    hits: list[Hit]
    reason: str = ""
    version: str | None = None
    exact: bool = False
    """The text is, letter for letter, a question form of one entry only."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "decision": self.decision,
            "hits": [hit.to_dict() for hit in self.hits],
            "reason": self.reason,
            "version": self.version,
            "exact": self.exact,
        }


class LoadedBase:
    """A snapshot ready to be searched."""

    def __init__(
        self, content: SnapshotContent, indexes: IndexStore = LOCAL, memory: Phrasings = EMPTY
    ) -> None:
        self.content = content
        self.ranking: RankingModel = content.meta.ranking
        self._owner = np.repeat(np.arange(len(content.entries)), np.diff(content.form_starts))
        self._forms, self._answers = indexes.open(content)
        self.form_mean, self.answer_mean = content.columns.form_mean, content.columns.answer_mean
        self._indexes = indexes
        self.reminded = Reminded(content.links, content.meta.phrasings, memory)

    def find(self, text: str, vector: Vectors, k: int, moment: float) -> SearchResult:
        """Searches for a normalised text with its vector (dimension,)."""
        words = terms(text)
        covered, heard = self._lexical(words), self.reminded.hear(vector)
        found = self._candidates(text, vector, covered, heard, moment)
        version = self.content.meta.version
        if not len(found):
            return SearchResult("none", [], "知识库里没有可用的条目。", version)
        signals, matched = self._signals(found, vector, covered, heard)
        scores = self.ranking.scores(signals)
        exact = self._exact_entry(text, found)
        order = np.argsort(-scores, kind="stable")
        if exact is not None:
            order = np.concatenate([[exact], order[order != exact]])
        return self._result(
            text, found, signals, matched, scores, order[: max(k, 1)], exact is not None
        )

    def nearest(self, vector: Vectors) -> float:
        """Plain cosine with the nearest question form."""
        scores, _ = self._forms.search(vector[None, :], 1)
        return float(scores[0, 0])

    def around(self, text: str, vector: Vectors) -> npt.NDArray[np.int64]:
        """Entries (row numbers, rising) that a search for a normalised text would look at, in effect or not."""
        covered, heard = self._lexical(terms(text)), self.reminded.hear(vector)
        return self._candidates(text, vector, covered, heard, None)

    def signals(self, text: str, vector: Vectors) -> tuple[list[str], Signals]:
        """Candidates' entry ids and signals for a normalised text, as ``calibrate`` needs them."""
        covered, heard = self._lexical(terms(text)), self.reminded.hear(vector)
        found = self._candidates(text, vector, covered, heard, time.time())
        signals, _ = self._signals(found, vector, covered, heard)
        return [self.content.entries[i].entry_id for i in found], signals

    def _lexical(self, words: list[str]) -> Vectors:
        total = self.content.lexical.weight_of(words)
        return self.content.lexical.scores(words) / max(total, 1e-6)

    def _candidates(
        self, text: str, vector: Vectors, covered: Vectors, heard: Vectors, moment: float | None
    ) -> npt.NDArray[np.int64]:
        if not self.content.entries:
            return np.empty(0, np.int64)
        forms = self._near(self._forms, len(self.content.forms), vector, _NEAREST_FORMS)
        answers = self._near(self._answers, len(self.content.answers), vector, _NEAREST_ANSWERS)
        count = min(_BEST_WORDS, len(covered))
        worded = np.argpartition(-covered, count - 1)[:count] if count else np.empty(0, np.int64)
        exact = np.array(self._exact(text), np.int64)
        said = self.reminded.candidates(heard)
        parts = [self._owner[forms], answers, worded[covered[worded] > 0], said, exact]
        found = np.unique(np.concatenate(parts)).astype(np.int64)
        return found if moment is None else found[self.content.columns.in_effect(found, moment)]

    def _near(
        self, index: VectorIndex, size: int, vector: Vectors, k: int
    ) -> npt.NDArray[np.int64]:
        """The nearest rows; none where the index cannot be reached: words still find entries."""
        if not size:
            return np.empty(0, np.int64)
        try:
            _, rows = index.search(vector[None, :], min(k, size))
        except IndexUnavailable:
            return np.empty(0, np.int64)
        found: npt.NDArray[np.int64] = rows[0][rows[0] != NO_KEY]
        return found

    def _exact(self, text: str) -> list[int]:
        """Entries one of whose question forms is, normalised, ``text``."""
        return [
            owner
            for owner in self.content.columns.owners(text)
            if any(normalize(form) == text for form in self.content.entries[owner].forms)
        ]

    def _signals(
        self, found: npt.NDArray[np.int64], vector: Vectors, covered: Vectors, heard: Vectors
    ) -> tuple[Signals, list[int]]:
        content, usual = self.content, float(vector @ self.form_mean)
        near, centre, matched = best_in_groups(content.forms, content.form_starts, found, vector)
        against, _, _ = best_in_groups(content.negatives, content.negative_starts, found, vector)
        return Signals(
            question=near - usual,
            centre=centre - usual,
            answer=take(content.answers, found) @ vector - float(vector @ self.answer_mean),
            phrased=self.reminded.phrased(found, heard, near) - usual,
            lexical=covered[found],
            negative=np.maximum(against - near, 0),
            vector=vector,
            nearest=float(near.max()),
        ), matched

    def _exact_entry(self, text: str, found: npt.NDArray[np.int64]) -> int | None:
        owners = [o for o in self._exact(text) if o in found]
        return int(np.searchsorted(found, owners[0])) if len(owners) == 1 else None

    def _result(
        self, text: str, found: npt.NDArray[np.int64], signals: Signals, matched: list[int],
        scores: Vectors, order: npt.NDArray[np.int64], exact: bool,
    ) -> SearchResult:  # fmt: skip
        best = int(order[0])
        known, sure = self.ranking.probabilities(scores, signals, best)
        decision: Decision = "answer" if exact else self.ranking.decide(known, sure)
        top = 1.0 if exact else known
        # The others share the first one's probability by their softmax ratio to it.
        ratios = np.minimum(
            np.exp(np.clip(scores - scores[best], -30, 0)), 0.9999 if exact else 1.0
        )
        hits = [
            self._hit(int(found[i]), matched[i], top if i == best else top * float(ratios[i]),
            signals.at(i)) for i in map(int, order)
        ]  # fmt: skip
        reason = _reason(decision, known, sure, exact, self.ranking)
        if self._indexes.trouble is not None:
            reason += f"（只按字面检索：{self._indexes.trouble}）"
        return SearchResult(decision, hits, reason, self.content.meta.version, exact)

    def _hit(self, entry: int, form: int, score: float, signals: dict[str, float]) -> Hit:
        item = self.content.entries[entry]
        return Hit(
            entry_id=item.entry_id, question=item.question, matched_question=item.forms[form],
            answer=item.answer, rich=item.rich, follow_ups=list(item.follow_ups),
            score=round(score, 4), category=item.category, signals=signals,
        )  # fmt: skip


def best_in_groups(
    vectors: Vectors, starts: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], query: Vectors
) -> tuple[Vectors, Vectors, list[int]]:
    """Best and mean cosine within each group of rows and the place of the best; -1 for an empty group."""
    best, mean = np.full((2, len(groups)), -1.0, np.float32)
    places = np.zeros(len(groups), np.int64)
    counts = starts[groups + 1] - starts[groups]
    filled = np.flatnonzero(counts)
    if not len(filled):
        return best, mean, places.tolist()
    sizes = counts[filled]
    begins = np.cumsum(sizes) - sizes
    near = take(vectors, members(starts, groups[filled])) @ query
    best[filled] = np.maximum.reduceat(near, begins)
    mean[filled] = np.add.reduceat(near, begins) / sizes
    tops = np.flatnonzero(near == np.repeat(best[filled], sizes))
    _, first = np.unique(np.searchsorted(begins, tops, side="right"), return_index=True)
    places[filled] = tops[first] - begins
    return best, mean, places.tolist()


def _reason(decision: Decision, known: float, sure: float, exact: bool, model: RankingModel) -> str:
    if exact:
        return "与知识库中的问法完全一致，直接回答。"
    if decision == "none":
        return f"库内把握 {known:.2f}，低于 {model.none_below:.2f}，不回答。"
    if decision == "answer":
        return f"库内把握 {known:.2f}，首条把握 {sure:.2f}，直接回答。"
    if known < model.answer_from:
        return f"库内把握 {known:.2f}，不到直接回答的 {model.answer_from:.2f}，先请客户确认。"
    return f"首条把握 {sure:.2f}，不到 {model.sure_from:.2f}，几条相近，先请客户确认。"


class KnowledgeSearcher:
    """Searches the published base; safe to share between threads.

    Args:
        knowledge_dir: where snapshots are published.
        encoder: must be the one the snapshot was made with; another one's snapshot is refused.
        indexes: where the vectors are searched.
    """

    def __init__(self, knowledge_dir: Path, encoder: Encoder, indexes: IndexStore = LOCAL) -> None:
        self._dir = knowledge_dir
        self._encoder = encoder
        self._indexes = indexes
        self._lock = threading.Lock()
        self._base: LoadedBase | None = None
        self._stamp: tuple[int, int] | None = None
        self.problem: str | None = None
        """Why the newest snapshot cannot be used (Chinese),
        or None. An older one stays in force.
        """

    @property
    def trouble(self) -> str | None:
        """Why vectors cannot be searched at the moment (Chinese), or None."""
        return self._indexes.trouble

    @property
    def version(self) -> str | None:
        """The version that answers now."""
        base = self.base()
        return base.content.meta.version if base else None

    def search(
        self, text: str, k: int = 5, vector: Vectors | None = None, moment: float | None = None
    ) -> SearchResult:
        """The ``k`` best entries for ``text`` and the decision.

        Args:
            vector: ``encode([normalize(text)], "query")[0]`` when the caller has it already.
            moment: unix seconds at which entries must be valid; now by default.
        """
        base = self.base()
        folded = normalize(text)
        if base is None:
            return SearchResult("none", [], self.problem or "知识库还没有发布。")
        if not folded:
            return SearchResult("none", [], "没有可检索的文字。", base.content.meta.version)
        if vector is None:
            vector = self._encoder.encode([folded], "query")[0]
        return base.find(folded, vector, k, time.time() if moment is None else moment)

    def base(self) -> LoadedBase | None:
        """The base in force, reloaded first if the pointer moved."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return self._base
        # While one thread loads, the others go on with the old base; the very first ones wait.
        if self._lock.acquire(blocking=self._base is None):
            try:
                if stamp != self._stamp:
                    self._reload()
            finally:
                self._lock.release()
        return self._base

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._dir / POINTER).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _reload(self) -> None:
        for attempt in range(_RETRIES):
            stamp = self._read_stamp()
            version = current_version(self._dir)
            try:
                self._base = self._load(version)
                self.problem = None
                break
            except SnapshotError as error:
                # The pointer may have moved on, and its old target been cleared away, meanwhile.
                if self._read_stamp() == stamp or attempt == _RETRIES - 1:
                    self.problem = str(error)
                    log.error("knowledge snapshot refused: %s", error)
                    break
        self._stamp = stamp

    def _load(self, version: str | None) -> LoadedBase | None:
        if version is None:
            return None
        folder = snapshot_folder(self._dir, version)
        content = read_content(folder, self._encoder.fingerprint)
        return LoadedBase(content, self._indexes, phrasings_of(self._encoder))
