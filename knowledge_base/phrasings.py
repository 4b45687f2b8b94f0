"""What customers have said before, and which question they meant: a memory that any base can use.

Colloquial questions share little with the entry that answers them, but much with each other. So the way
from a question to an entry may lead over a remembered phrasing (expansion of documents by queries;
Nogueira et al. 2019, here without writing into the entry): phrasings are remembered by topic, an entry is
linked to the topics whose phrasings lie near its own questions and its answer, and what is near to a
topic's phrasings is near to the entry.

``knowledge_base.remembering`` makes the memory beside the encoder. Reading it needs nothing of the
application, because Rasa does it too.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from knowledge_base.columns import starts_of

log = logging.getLogger(__name__)
FILE = "phrasings.npz"
LINKS = 3
LINKED_FROM = 0.62
"""The least strength of a link. Of our own topics 95 % are as near to an entry of theirs that is worded
otherwise; one of ten entries that have no topic finds a wrong one."""
DISTANCE_COST = 0.1
"""What a phrasing's cosine loses for each unit that its topic's link lacks in strength."""
SHARPNESS = 50.0
"""Of the soft maximum over a topic's phrasings: several that are near say more than one."""
UNLINKED_BONUS = 0.03
"""What the best of an entry's own forms is worth more where no topic speaks for it: of twenty phrasings
one lies nearer than of five forms."""
NONE = -1
_PER_TOPIC = 8
_TOPICS = 6
Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Topics of each entry: numbers and strengths, shape (entries, ``LINKS``); ``NONE`` where there is none."""

    topics: npt.NDArray[np.int32]
    strengths: Vectors

    @classmethod
    def none(cls, entries: int) -> Links:
        """No entry is linked."""
        shape = (entries, LINKS)
        return cls(np.full(shape, NONE, np.int32), np.zeros(shape, np.float32))

    def save(self, path: Path) -> None:
        np.savez(path, topics=self.topics, strengths=self.strengths)

    @classmethod
    def load(cls, path: Path) -> Links:
        """Raises what numpy raises for damaged files."""
        with np.load(path, allow_pickle=False) as data:
            return cls(data["topics"], data["strengths"])


@dataclass(frozen=True)
class Phrasings:
    """The memory.

    Attributes:
        names: of the topics.
        vectors: of the phrasings, topic after topic, shape (phrasings, dimension), unit length.
        starts: topic i owns the rows ``starts[i]:starts[i + 1]``.
        form_mean: mean vector of question forms in general, shape (dimension,); ``answer_mean`` of answers.
        digest: names what is remembered, and by which encoder; empty for no memory.
    """

    names: tuple[str, ...] = ()
    vectors: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    starts: Ints = field(default_factory=lambda: np.zeros(1, np.int64))
    form_mean: Vectors = field(default_factory=lambda: np.zeros(0, np.float32))
    answer_mean: Vectors = field(default_factory=lambda: np.zeros(0, np.float32))
    digest: str = ""

    def heard(self, vector: Vectors) -> Vectors:
        """How near a query's vector is to each topic, shape (topics,).

        The soft maximum (log-sum-exp) of its cosines with the topic's phrasings, a little above the highest.
        """
        # Cosines are at most 1, so nothing overflows.
        parts: Vectors = np.exp(np.float32(SHARPNESS) * (self.vectors @ vector - 1))
        sums = np.maximum(np.add.reduceat(parts, self.starts[:-1]), 1e-30)
        return np.asarray(1 + np.log(sums) / SHARPNESS, np.float32)

    def links(self, forms: Vectors, form_starts: Ints, answers: Vectors) -> Links:
        """Links of entries, given the vectors of their question forms and answers.

        A link's strength is the mean of two cosines with the topic's centre, that of the entry's
        mean form and that of its answer, each relative to what is usual.
        """
        found = Links.none(len(answers))
        if not self.digest or not len(answers):
            return found
        counts = np.diff(form_starts)[:, None]
        own = (np.add.reduceat(forms, form_starts[:-1], axis=0) / counts).astype(np.float32)
        near = unit(own - self.form_mean) @ self.centres.T
        near = (near + unit(answers - self.answer_mean) @ self.centres.T) / 2
        count = min(LINKS, near.shape[1])
        best = np.argsort(-near, axis=1, kind="stable")[:, :count]
        strengths = np.take_along_axis(near, best, axis=1)
        found.topics[:, :count] = np.where(strengths >= LINKED_FROM, best, NONE)
        found.strengths[:, :count] = strengths
        return found

    def without(self, names: Collection[str]) -> Phrasings:
        """The memory without some topics."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        if not kept:
            return EMPTY
        parts = [self.vectors[self.starts[i] : self.starts[i + 1]] for i in kept]
        digest = hashlib.sha256(repr((self.digest, kept)).encode()).hexdigest()[:16]
        return Phrasings(
            tuple(self.names[i] for i in kept), np.concatenate(parts), starts_of(map(len, parts)),
            self.form_mean, self.answer_mean, digest,
        )  # fmt: skip

    @cached_property
    def centres(self) -> Vectors:
        """Of the topics, relative to what is usual, shape (topics, dimension), unit length."""
        sizes = np.diff(self.starts)[:, None]
        means = np.add.reduceat(self.vectors, self.starts[:-1], axis=0) / sizes
        return unit((means - means.mean(axis=0)).astype(np.float32))

    def save(self, path: Path) -> None:
        """Vectors are kept in half precision."""
        np.savez(
            path, names=np.array(self.names), vectors=self.vectors.astype(np.float16),
            starts=self.starts, form_mean=self.form_mean, answer_mean=self.answer_mean,
            digest=np.array(self.digest),
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Phrasings:
        """Raises what numpy raises for damaged files."""
        with np.load(path, allow_pickle=False) as data:
            return cls(
                tuple(data["names"].tolist()), data["vectors"].astype(np.float32), data["starts"],
                data["form_mean"], data["answer_mean"], str(data["digest"]),
            )  # fmt: skip


EMPTY = Phrasings()


class Reminded:
    """A base's links with the memory they were made with (by its digest); without it no entry is spoken for."""

    def __init__(self, links: Links, digest: str, memory: Phrasings) -> None:
        self._memory = memory if digest == memory.digest else EMPTY
        self._links = links
        self._by_topic = _entries_by_topic(links, len(memory.names)) if self._memory.digest else []

    def hear(self, vector: Vectors) -> Vectors:
        """Nearness of a query to each topic, shape (topics,); empty without a memory."""
        return self._memory.heard(vector) if self._memory.digest else np.zeros(0, np.float32)

    def candidates(self, heard: Vectors) -> Ints:
        """Entries that the nearest topics speak for."""
        if not len(heard):
            return np.empty(0, np.int64)
        count = min(_TOPICS, len(heard))
        nearest = np.argpartition(-heard, count - 1)[:count]
        return np.concatenate([self._by_topic[topic] for topic in nearest])

    def phrased(self, found: Ints, heard: Vectors, own: Vectors) -> Vectors:
        """How near the query is to phrasings that mean each of the entries ``found``.

        Args:
            own: cosine with the best question form of each; it stands where no topic does.
        """
        if not len(heard):
            return own + np.float32(UNLINKED_BONUS)
        topics, strengths = self._links.topics[found], self._links.strengths[found]
        near = heard[np.maximum(topics, 0)] - DISTANCE_COST * (1 - strengths)
        near = np.where(topics >= 0, near, -np.inf).max(axis=1)
        linked = topics[:, 0] >= 0
        result: Vectors = np.where(linked, near, own + UNLINKED_BONUS).astype(np.float32)
        return result

    def centres(self, entries: Ints) -> Vectors:
        """Centre of each entry's strongest topic, zero where it has none, shape (entries, dimension or 1)."""
        if not self._memory.digest:
            return np.zeros((len(entries), 1), np.float32)
        topics = self._links.topics[entries, 0]
        found = self._memory.centres[np.maximum(topics, 0)]
        return np.where((topics >= 0)[:, None], found, np.float32(0))


def _entries_by_topic(links: Links, topics: int) -> list[Ints]:
    """The strongest entries of each topic, at most ``_PER_TOPIC``."""
    entries, places = np.nonzero(links.topics >= 0)
    order = np.argsort(-links.strengths[entries, places], kind="stable")
    lists: list[list[int]] = [[] for _ in range(topics)]
    for entry, topic in zip(entries[order], links.topics[entries, places][order], strict=True):
        if len(lists[topic]) < _PER_TOPIC:
            lists[topic].append(int(entry))
    return [np.array(members, np.int64) for members in lists]


def phrasings_of(encoder: Any) -> Phrasings:
    """The memory beside an encoder's model; an empty one where nothing was remembered."""
    folder = getattr(encoder, "folder", None)
    path = None if folder is None else Path(folder).resolve() / FILE
    return _read(path, path.stat().st_mtime_ns) if path and path.exists() else EMPTY


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int) -> Phrasings:
    try:
        return Phrasings.load(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        log.error(
            "remembered phrasings are unreadable, rebuild them with `make encoder`: %s", error
        )
        return EMPTY


def unit(vectors: Vectors) -> Vectors:
    """Of unit length along the last axis."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = (vectors / np.maximum(norms, 1e-9)).astype(np.float32)
    return result
