"""BM25 (Robertson & Zaragoza 2009) over inverted lists in flat numpy arrays.

Weights are computed when the index is built, so that a query only adds up the lists of its terms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

K1, B = 1.2, 0.6
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


class LexicalIndex:
    """Scores every document for a bag of terms.

    Args:
        vocabulary: term → number of its list.
        starts: list boundaries, shape (terms + 1,).
        documents: document numbers of all lists, one list after another.
        weights: BM25 weight beside each document number.
        rarity: idf of each term.
        size: number of documents.
    """

    def __init__(
        self, vocabulary: dict[str, int], starts: npt.NDArray[np.int64], documents: Ints,
        weights: Floats, rarity: Floats, size: int,
    ) -> None:  # fmt: skip
        self._vocabulary = vocabulary
        self._starts = starts
        self._documents = documents
        self._weights = weights
        self._rarity = rarity
        self.size = size
        # What an unknown term would weigh: it counts against the share of the query that is
        # covered.
        self._unknown = float(np.log(1 + (size + 0.5) / 0.5))

    @classmethod
    def build(cls, documents: Iterable[Sequence[str]]) -> LexicalIndex:
        """Builds the index from each document's terms (repetitions count)."""
        vocabulary: dict[str, int] = {}
        term_numbers: list[int] = []
        numbers: list[int] = []
        counts: list[int] = []
        lengths: list[int] = []
        for number, words in enumerate(documents):
            lengths.append(len(words))
            for word, count in Counter(words).items():
                term_numbers.append(vocabulary.setdefault(word, len(vocabulary)))
                numbers.append(number)
                counts.append(count)
        return cls._assemble(vocabulary, term_numbers, numbers, counts, lengths)

    @classmethod
    def _assemble(
        cls, vocabulary: dict[str, int], term_numbers: list[int], numbers: list[int],
        counts: list[int], lengths: list[int],
    ) -> LexicalIndex:  # fmt: skip
        size = len(lengths)
        terms = np.array(term_numbers, np.int64)
        order = np.argsort(terms, kind="stable")
        documents = np.array(numbers, np.int32)[order]
        frequency = np.array(counts, np.float32)[order]
        per_term = np.bincount(terms, minlength=len(vocabulary))
        starts = np.concatenate([[0], np.cumsum(per_term)]).astype(np.int64)
        rarity = np.log(1 + (size - per_term + 0.5) / (per_term + 0.5)).astype(np.float32)
        length = np.array(lengths, np.float32)
        mean = float(length.mean()) if size else 1.0
        norm = K1 * (1 - B + B * length / max(mean, 1e-9))
        weights = np.repeat(rarity, per_term) * frequency * (K1 + 1)
        weights /= frequency + norm[documents]
        return cls(vocabulary, starts, documents, weights.astype(np.float32), rarity, size)

    def scores(self, terms: Sequence[str]) -> Floats:
        """BM25 of every document, shape (size,); zero where nothing is shared."""
        out = np.zeros(self.size, np.float32)
        for term in set(terms):
            number = self._vocabulary.get(term)
            if number is not None:
                part = slice(self._starts[number], self._starts[number + 1])
                # A document stands once in a list, so plain indexing adds correctly.
                out[self._documents[part]] += self._weights[part]
        return out

    def weight_of(self, terms: Sequence[str]) -> float:
        """The most any document can score for the terms, unknown ones at the rarest value."""
        known = (self._vocabulary.get(term) for term in set(terms))
        total = sum(self._unknown if n is None else float(self._rarity[n]) for n in known)
        return total * (K1 + 1)

    def save(self, path: Path) -> None:
        """Writes one uncompressed ``.npz`` (no pickles)."""
        names = "\n".join(self._vocabulary).encode("utf-8")
        np.savez(
            path, starts=self._starts, documents=self._documents, weights=self._weights,
            rarity=self._rarity, size=np.array(self.size), terms=np.frombuffer(names, np.uint8),
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> LexicalIndex:
        with np.load(path, allow_pickle=False) as data:
            names = data["terms"].tobytes().decode("utf-8")
            vocabulary = {name: i for i, name in enumerate(names.split("\n"))} if names else {}
            return cls(
                vocabulary, data["starts"], data["documents"], data["weights"],
                data["rarity"], int(data["size"]),
            )  # fmt: skip
