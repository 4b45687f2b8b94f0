"""Measures retrieval on anybody's files, through the code that serves customers.

    python -m knowledge_base.evaluate CORPUS QUERIES OOS [--compare] [--report docs/eval/knowledge.md]

CORPUS lines are {"id", "category", "question", "similar": [], "answer"} (or our YAML files),
QUERIES {"query", "gold": [ids]}, OOS {"query"}. A base of that corpus alone is published into a
temporary folder, with the thresholds in force, and asked. The last line printed is JSON.

False answer: the base answers directly what it must not. Wrong refusal: it says nothing to what it
knows. Asking back is neither; its share is printed beside them, and ``equal_error`` is the rate at
the one threshold on the score where both errors are alike and nobody asks back.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base import report
from knowledge_base.building import VectorCache, build_content
from knowledge_base.calibrate import model_for
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.figures import equal_error, mean_reciprocal_rank, of_baseline, ranks, recall
from knowledge_base.lexical import LexicalIndex
from knowledge_base.reading import RawRow, detect, read_rows
from knowledge_base.rows import parse_row
from knowledge_base.search import KnowledgeSearcher, LoadedBase, SearchResult
from knowledge_base.seed_corpus import read_corpus
from knowledge_base.snapshot import (
    BaseEntry,
    SnapshotContent,
    point_to,
    snapshot_folder,
    write_content,
)
from knowledge_base.text import normalize
from knowledge_base.words import terms

DEPTH = 10
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """What was measured; rates lie in 0..1, times are milliseconds."""

    entries: int
    forms: int
    queries: int
    oos: int
    r_at_1: float
    r_at_3: float
    mrr: float
    false_answers: float
    wrong_refusals: float
    equal_error: float
    answered: float
    answered_wrong: float
    asked_back: float
    asked_back_oos: float
    median_ms: float
    p95_ms: float
    calibration: str
    encoder: str


def measure(
    searcher: KnowledgeSearcher, queries: Sequence[tuple[str, set[str]]], oos: Sequence[str]
) -> Figures:
    """Asks everything, one question at a time, encoding included."""
    searcher.search("预热")
    times: list[float] = []
    inside = [_timed(searcher, text, times) for text, _ in queries]
    outside = [_timed(searcher, text, times) for text in oos]
    base = searcher.base()
    if base is None:
        raise ValueError(searcher.problem or "nothing published")
    gold = [right for _, right in queries]
    places = ranks([[hit.entry_id for hit in r.hits] for r in inside], gold)
    answered = [place for place, r in zip(places, inside, strict=True) if r.decision == "answer"]
    meta = base.content.meta
    return Figures(
        entries=meta.entries, forms=meta.forms, queries=len(queries), oos=len(oos),
        r_at_1=recall(places, 1), r_at_3=recall(places, 3), mrr=mean_reciprocal_rank(places),
        false_answers=_share(outside, "answer"), wrong_refusals=_share(inside, "none"),
        equal_error=equal_error(_best_scores(inside), _best_scores(outside)),
        answered=_share(inside, "answer"),
        answered_wrong=sum(place != 1 for place in answered) / max(len(inside), 1),
        asked_back=_share(inside, "clarify"), asked_back_oos=_share(outside, "clarify"),
        median_ms=statistics.median(times), p95_ms=float(np.quantile(times, 0.95)),
        calibration=meta.ranking.origin, encoder=meta.encoder,
    )  # fmt: skip


def _timed(searcher: KnowledgeSearcher, text: str, times: list[float]) -> SearchResult:
    began = time.perf_counter()
    result = searcher.search(text, DEPTH)
    times.append((time.perf_counter() - began) * 1000)
    return result


def _share(results: Sequence[SearchResult], decision: str) -> float:
    return sum(r.decision == decision for r in results) / max(len(results), 1)


def _best_scores(results: Sequence[SearchResult]) -> list[float]:
    return [r.hits[0].score if r.hits else 0.0 for r in results]


def compare(
    content: SnapshotContent, encoder: SentenceEncoder,
    queries: Sequence[tuple[str, set[str]]], oos: Sequence[str],
) -> dict[str, dict[str, float]]:  # fmt: skip
    """The same questions put to BM25 alone, to question vectors alone and to our ranking without its memory."""
    words = LexicalIndex.build(
        [term for form in entry.forms for term in terms(normalize(form))]
        for entry in content.entries
    )
    vectors = encoder.encode([normalize(q) for q, _ in queries], "query")
    others = encoder.encode([normalize(q) for q in oos], "query")
    starts = content.form_starts[:-1]

    def near(rows: npt.NDArray[np.float32]) -> Doubles:
        return np.maximum.reduceat(rows @ content.forms.T, starts, axis=1).astype(np.float64)

    def worded(texts: Sequence[str]) -> Doubles:
        return np.array([words.scores(terms(normalize(text))) for text in texts], np.float64)

    gold = [right for _, right in queries]
    ids = [entry.entry_id for entry in content.entries]
    asked = [query for query, _ in queries]
    forgetful = LoadedBase(content)
    known = [
        forgetful.find(normalize(q), v, DEPTH, time.time())
        for q, v in zip(asked, vectors, strict=True)
    ]
    unknown = [
        forgetful.find(normalize(q), v, DEPTH, time.time())
        for q, v in zip(oos, others, strict=True)
    ]
    rankings = [[hit.entry_id for hit in result.hits] for result in known]
    return {
        "bm25": _baseline(worded(asked), worded(oos), ids, gold),
        "vectors": _baseline(near(vectors), near(others), ids, gold),
        "forgetful": of_baseline(rankings, _best_scores(known), gold, _best_scores(unknown)),
    }


def _baseline(
    inside: Doubles, outside: Doubles, ids: Sequence[str], gold: Sequence[set[str]]
) -> dict[str, float]:
    order = np.argsort(-inside, axis=1, kind="stable")[:, :DEPTH]
    rankings = [[ids[i] for i in row] for row in order]
    return of_baseline(rankings, list(inside.max(axis=1)), gold, list(outside.max(axis=1)))


def read_entries(path: Path) -> list[BaseEntry]:
    """A corpus file of any import format, or a folder of our YAML files.

    Raises:
        ValueError: a row cannot be used; the message names it.
    """
    if path.is_dir():
        return read_corpus(path)
    data = path.read_bytes()
    return [_entry(row) for row in read_rows(data, detect(path.name, "", data))]


def _entry(row: RawRow) -> BaseEntry:
    if row.error:
        raise ValueError(f"row {row.number}: {row.error}")
    entry_id, content = parse_row(row.values)
    return content.to_base_entry(entry_id or f"row-{row.number}", 1)


def read_queries(path: Path) -> list[tuple[str, set[str]]]:
    """(query, gold ids); the set is empty for out-of-base lines."""
    rows = (json.loads(line) for line in path.read_text("utf-8-sig").splitlines() if line.strip())
    return [(row["query"], {str(i) for i in row.get("gold", [])}) for row in rows]


def publish_alone(
    entries: Sequence[BaseEntry], encoder: SentenceEncoder, folder: Path,
    say: Callable[[str], None],
) -> SnapshotContent:  # fmt: skip
    """Publishes ``entries`` into ``folder`` with the calibration in force."""
    cache = VectorCache(encoder, None)
    model = model_for(entries, encoder, cache)

    def told(done: int, total: int) -> None:
        say(f"encoding {done} of {total} texts")

    content = build_content(entries, cache, encoder, model, told)
    cache.close()
    write_content(snapshot_folder(folder, content.meta.version), content)
    point_to(folder, content.meta.version)
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure retrieval on your own files.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("oos", type=Path)
    parser.add_argument("--encoder", type=Path, default=Path("var/models/encoder"))
    parser.add_argument("--compare", action="store_true", help="also BM25 and raw vectors alone")
    parser.add_argument("--report", type=Path, help="write the figures as Markdown")
    parser.add_argument(
        "--row", help="only keep these figures as a row of the report, by this name"
    )
    options = parser.parse_args()
    encoder = SentenceEncoder(options.encoder)
    queries = read_queries(options.queries)
    oos = [text for text, _ in read_queries(options.oos)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = publish_alone(read_entries(options.corpus), encoder, folder, _progress)
        figures: dict[str, Any] = asdict(measure(KnowledgeSearcher(folder, encoder), queries, oos))
    if options.compare:
        figures["alone"] = compare(content, encoder, queries, oos)
    if options.report:
        report.write(options.report, figures, options.row)
    _print(figures)


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")


def _print(figures: dict[str, Any]) -> None:
    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))
    for name, value in rounded.items():
        sys.stdout.write(f"{name:16} {value}\n")
    sys.stdout.write(json.dumps(rounded, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
