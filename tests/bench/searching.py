"""A process that does nothing but search a published base, and tells what that takes.

    python -m tests.bench.searching KNOWLEDGE_DIR QUERIES ENCODER_DIR

QUERIES is an ``.npz`` of ``texts`` and ``vectors``; encoding is left out of the times. It runs in
either environment. The last line printed is JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.search import KnowledgeSearcher
from knowledge_base.words import segmenter


def memory() -> dict[str, int]:
    """Resident MB of this process: all, its own, of mapped files, and the most there ever was."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines if " kB" in line}
    names = {"all": "VmRSS", "own": "RssAnon", "mapped": "RssFile", "peak": "VmHWM"}
    return {name: found[key] for name, key in names.items()}


def main(folder: Path, queries: Path, model: Path) -> None:
    with np.load(queries) as data:
        texts, vectors = data["texts"].tolist(), data["vectors"]
    encoder = SentenceEncoder(model)
    encoder.encode(["预热"])
    segmenter()
    searcher = KnowledgeSearcher(folder, encoder)
    before = memory()
    began = time.perf_counter()
    if searcher.base() is None:
        sys.exit(searcher.problem)
    loaded = time.perf_counter() - began
    times = []
    for text, vector in zip(texts, vectors, strict=True):
        began = time.perf_counter()
        searcher.search(text, 3, vector)
        times.append((time.perf_counter() - began) * 1000)
    figures = {
        "load_s": round(loaded, 2), "median_ms": round(float(np.median(times)), 2),
        "p95_ms": round(float(np.quantile(times, 0.95)), 2),
        "before_mb": before["all"], "resident_mb": memory(),
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
