"""Words: jieba with the telecom lexicon, the entity names and the catalogue's names on top.

The knowledge base's index is cut by the same jieba without the names, in another process; so names are
laid over the shared dictionary instead of being written into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from bot.nlu.entities.names import known_names
from knowledge_base.words import segmenter as shared_segmenter

_NAME_FREQUENCY = 20_000


class _Overlay(dict[str, int]):
    """A frequency table over another one; jieba only asks ``get``, ``in`` and ``[]``."""

    def __init__(self, base: dict[str, int]) -> None:
        super().__init__()
        self._base = base

    def get(self, key: str, default: Any = None) -> Any:
        found = dict.get(self, key)
        return self._base.get(key, default) if found is None else found

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._base

    def __missing__(self, key: str) -> int:
        return self._base[key]


class Segmenter:
    """Cuts folded text into words; exact mode without new-word guessing, so that cuts are stable."""

    def __init__(self) -> None:
        import jieba

        base = shared_segmenter()
        self._jieba = jieba.Tokenizer()
        self._jieba.FREQ, self._jieba.total = _Overlay(base.FREQ), base.total
        self._jieba.initialized = True
        for found in known_names().values():
            self.learn(found)

    def learn(self, names: Iterable[str]) -> None:
        """Adds names of two characters or more."""
        for name in names:
            if len(name) > 1:
                self._jieba.add_word(name, _NAME_FREQUENCY)

    def lcut(self, text: str) -> list[str]:
        """All words in order; together they are ``text``."""
        words: list[str] = self._jieba.lcut(text, HMM=False)
        return words

    def tokenize(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Words with half-open ranges."""
        yield from self._jieba.tokenize(text, HMM=False)


@lru_cache(maxsize=1)
def segmenter() -> Segmenter:
    """The process-wide segmenter."""
    return Segmenter()
