"""BM25 (Robertson & Zaragoza 2009) over inverted lists in flat numpy arrays.

Weights are computed when the index is built, so that a query only adds up the lists of its terms.
Terms are known by their hashes: as strings in a dictionary they weigh more than the lists.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base.columns import Hashes, hashed, starts_of
from knowledge_base.mapping import span

K1, B = 1.2, 0.6
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint16]
_MOST_COUNTED = 65_535


@dataclass(frozen=True)
class Counted:
    """How often a term stands in a document, beside each document number of an index's lists, and
    how many terms each document has, shape (size,)."""

    counts: Counts
    lengths: Ints


@dataclass(frozen=True)
class Postings:
    """Which term stands how often in which document: ``terms``, ``documents`` and ``counts`` lie side by
    side, for each term in the order of the documents.

    Attributes:
        hashes: of the terms, sorted; ``terms`` are places in it.
        lengths: number of terms of each document.
    """

    hashes: Hashes
    terms: Ints
    documents: Ints
    counts: Counts
    lengths: Ints

    @classmethod
    def of(cls, documents: Iterable[Sequence[str]]) -> Postings:
        """Counts the terms of each document."""
        vocabulary: dict[str, int] = {}
        terms, numbers, counts, lengths = (array("i") for _ in range(4))
        for number, words in enumerate(documents):
            lengths.append(len(words))
            for word, count in Counter(words).items():
                terms.append(vocabulary.setdefault(word, len(vocabulary)))
                numbers.append(number)
                counts.append(min(count, _MOST_COUNTED))
        hashes = np.array([hashed(word) for word in vocabulary], np.uint64)
        place = np.empty(len(hashes), np.int32)
        order = np.argsort(hashes)
        place[order] = np.arange(len(hashes), dtype=np.int32)
        return cls(
            hashes[order], place[np.array(terms, np.int32)], np.array(numbers, np.int32),
            np.array(counts, np.uint16), np.array(lengths, np.int32),
        )  # fmt: skip

    def placed(self, places: npt.NDArray[np.int64], size: int) -> Postings:
        """The same with document i as document ``places[i]`` of ``size``, or nowhere where that is negative.

        Args:
            places: shape (documents,), rising where they are not negative.
        """
        here = places >= 0
        lengths = np.zeros(size, np.int32)
        lengths[places[here]] = self.lengths[here]
        stays = here[self.documents]
        documents = places[self.documents[stays]].astype(np.int32)
        return Postings(self.hashes, self.terms[stays], documents, self.counts[stays], lengths)

    def joined(self, other: Postings) -> Postings:
        """Both together, as two indexes gave them (by term, then by document); each document has its terms in
        one of them. What is few is put in between what is many, and nothing is sorted again."""
        unknown = np.setdiff1d(other.hashes, self.hashes, assume_unique=True)
        hashes = np.insert(self.hashes, np.searchsorted(self.hashes, unknown), unknown)
        size = len(self.lengths)
        mine, theirs = (np.searchsorted(hashes, p.hashes)[p.terms] for p in (self, other))
        places = np.searchsorted(mine * size + self.documents, theirs * size + other.documents)
        return Postings(
            hashes, np.insert(mine, places, theirs).astype(np.int32),
            np.insert(self.documents, places, other.documents),
            np.insert(self.counts, places, other.counts), self.lengths + other.lengths,
        )  # fmt: skip


class LexicalIndex:
    """Scores every document for a bag of terms.

    Args:
        hashes: of the terms, sorted, shape (terms,).
        starts: list boundaries, shape (terms + 1,).
        documents: document numbers of all lists, one list after another.
        weights: BM25 weight beside each document number.
        rarity: idf of each term.
        size: number of documents.
    """

    def __init__(
        self, hashes: Hashes, starts: npt.NDArray[np.int64], documents: Ints,
        weights: Floats, rarity: Floats, size: int,
    ) -> None:  # fmt: skip
        self._hashes = hashes
        self._starts = starts
        self.documents = documents
        self.weights = weights
        self._rarity = rarity
        self.size = size
        self.counted: Counted | None = None
        """Known where the index was made, not where it was read: a search needs none of it."""
        # What an unknown term would weigh: it counts against the share of the query that is
        # covered.
        self._unknown = float(np.log(1 + (size + 0.5) / 0.5))

    @classmethod
    def build(cls, documents: Iterable[Sequence[str]]) -> LexicalIndex:
        """Builds the index from each document's terms (repetitions count)."""
        return cls.of(Postings.of(documents))

    @classmethod
    def of(cls, postings: Postings) -> LexicalIndex:
        """The index of what stands in each document; the same whichever way that was put together."""
        per_term = np.bincount(postings.terms, minlength=len(postings.hashes))
        used = per_term > 0
        order = np.argsort(postings.terms, kind="stable")
        documents, counts = postings.documents[order], postings.counts[order]
        hashes, per_term = postings.hashes[used], per_term[used]
        size, length = len(postings.lengths), postings.lengths.astype(np.float32)
        rarity = np.log(1 + (size - per_term + 0.5) / (per_term + 0.5)).astype(np.float32)
        mean = float(length.mean()) if size else 1.0
        norm = K1 * (1 - B + B * length / max(mean, 1e-9))
        frequency = counts.astype(np.float32)
        weights = np.repeat(rarity, per_term) * frequency * (K1 + 1)
        weights /= frequency + norm[documents]
        made = cls(hashes, starts_of(per_term), documents, weights.astype(np.float32), rarity, size)
        made.counted = Counted(counts, postings.lengths)
        return made

    def postings(self, counted: Counted) -> Postings:
        """What the index was made of; raises ValueError when ``counted`` is another one's."""
        if len(counted.counts) != len(self.documents) or len(counted.lengths) != self.size:
            raise ValueError("the counts do not fit the lists")
        numbers = np.arange(len(self._hashes), dtype=np.int32)
        terms = np.repeat(numbers, np.diff(self._starts))
        return Postings(
            self._hashes, terms, np.asarray(self.documents), counted.counts, counted.lengths
        )

    def scores(self, terms: Sequence[str]) -> Floats:
        """BM25 of every document, shape (size,); zero where nothing is shared."""
        out = np.zeros(self.size, np.float32)
        for number in self._numbers(terms):
            if number >= 0:
                part = int(self._starts[number]), int(self._starts[number + 1])
                # A document stands once in a list, so plain indexing adds correctly.
                out[span(self.documents, *part)] += span(self.weights, *part)
        return out

    def weight_of(self, terms: Sequence[str]) -> float:
        """The most any document can score for the terms, unknown ones at the rarest value."""
        numbers = self._numbers(terms)
        total = sum(self._unknown if n < 0 else float(self._rarity[n]) for n in numbers)
        return total * (K1 + 1)

    def _numbers(self, terms: Sequence[str]) -> list[int]:
        """Numbers of the lists of different terms, -1 for those no document holds."""
        wanted = np.array([hashed(term) for term in set(terms)], np.uint64)
        if not len(self._hashes):
            return [-1] * len(wanted)
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        numbers: list[int] = np.where(self._hashes[places] == wanted, places, -1).tolist()
        return numbers

    def save(self, folder: Path) -> None:
        """Writes three files (no pickles); the lists can be mapped."""
        np.savez(
            folder / "terms.npz", hashes=self._hashes, starts=self._starts, rarity=self._rarity,
            size=np.array(self.size),
        )  # fmt: skip
        np.save(folder / "postings.npy", self.documents)
        np.save(folder / "weights.npy", self.weights)

    @classmethod
    def load(cls, folder: Path, read: Callable[[Path], npt.NDArray[Any]] = np.load) -> LexicalIndex:
        """Raises what numpy raises for damaged files, and ValueError when they do not fit.

        Args:
            read: reads, or maps, one array.
        """
        documents, weights = read(folder / "postings.npy"), read(folder / "weights.npy")
        with np.load(folder / "terms.npz", allow_pickle=False) as data:
            if data["starts"][-1] != len(documents) or len(documents) != len(weights):
                raise ValueError("the lists do not fit the terms")
            return cls(
                data["hashes"], data["starts"], documents, weights, data["rarity"],
                int(data["size"]),
            )  # fmt: skip
