"""What the next publish must know of a snapshot, to take over from it what did not change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knowledge_base.columns import Hashes
from knowledge_base.lexical import Counted

FILE = "marks.npz"


@dataclass(frozen=True)
class Marks:
    """A mark of each entry's searched texts, shape (entries,), and the word counts. Searches need neither."""

    texts: Hashes
    counted: Counted

    def save(self, folder: Path) -> None:
        np.savez(
            folder / FILE, texts=self.texts, counts=self.counted.counts,
            lengths=self.counted.lengths,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> Marks:
        """Raises what numpy raises for missing and damaged files."""
        with np.load(folder / FILE, allow_pickle=False) as data:
            return cls(data["texts"], Counted(data["counts"], data["lengths"]))
