"""A process that answers from a published base as Rasa does: a question a line, the first entry's id back.

    python -m tests.bench.answering KNOWLEDGE_DIR ENCODER_DIR

It runs in either environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.search import KnowledgeSearcher


def main(folder: Path, model: Path) -> None:
    searcher = KnowledgeSearcher(folder, SentenceEncoder(model))
    for line in sys.stdin:
        hits = searcher.search(line.strip(), 1).hits
        print(hits[0].entry_id if hits else "", flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
