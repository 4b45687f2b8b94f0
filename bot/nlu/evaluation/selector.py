"""Rasa's ResponseSelector on our corpus, for comparison: ``python -m bot.nlu.evaluation.selector``.

Every entry becomes a retrieval intent with its question forms as examples, as Rasa's documentation has it
for FAQs. Takes many minutes on two cores; the figures are kept beside the report on retrieval.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bot.nlu.evaluation import running, stock
from bot.nlu.paths import ROOT
from knowledge_base import figures, report

CONFIG = """\
recipe: default.v1
language: zh
assistant_id: selector
pipeline:
  - name: JiebaTokenizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 4
  - name: ResponseSelector
    retrieval_intent: faq
policies: []
"""
_MARKS = re.compile(r"[\[\](){}]")


def write_project(corpus: Path, folder: Path) -> None:
    """Writes NLU examples, responses and configuration into ``folder``."""
    nlu, responses = [], {}
    for file in sorted(corpus.glob("*.yml")):
        for entry in yaml.safe_load(file.read_text("utf-8"))["entries"]:
            forms = [entry["question"], *entry.get("similar", [])]
            lines = "".join(f"- {_MARKS.sub(' ', form)}\n" for form in forms)
            nlu.append({"intent": f"faq/{entry['id']}", "examples": lines})
            responses[f"utter_faq/{entry['id']}"] = [{"text": entry["question"]}]
    _write(folder / "nlu.yml", {"version": "3.1", "nlu": nlu})
    _write(
        folder / "domain.yml", {"version": "3.1", "intents": [{"faq": {}}], "responses": responses}
    )
    (folder / "config.yml").write_text(CONFIG, "utf-8")


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")


def rankings(agent: Any, texts: Sequence[str]) -> list[tuple[list[str], float]]:
    """Entry ids, best first, and the confidence of the first, for each text."""
    found = []
    for output, _ in running.parse_all(agent, texts):
        ranking = output["response_selector"]["faq"]["ranking"]
        ids = [item["intent_response_key"].removeprefix("faq/") for item in ranking]
        found.append((ids, float(ranking[0]["confidence"]) if ranking else 0.0))
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Rasa's ResponseSelector on our corpus.")
    parser.add_argument("--corpus", type=Path, default=ROOT / "knowledge_base" / "corpus")
    parser.add_argument("--queries", type=Path, default=ROOT / "data/retrieval/dev.jsonl")
    parser.add_argument("--oos", type=Path, default=ROOT / "data/retrieval/dev_oos.jsonl")
    parser.add_argument("--report", type=Path, default=ROOT / "docs/eval/knowledge.md")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    running.quiet()
    queries = _rows(options.queries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(options.corpus, folder)
        trained = stock.train(
            folder / "config.yml", folder, "selector", folder / "nlu.yml", folder / "domain.yml"
        )
        agent, _ = running.load(trained.model)
        inside = rankings(agent, [row["query"] for row in queries])
        outside = rankings(agent, [row["query"] for row in _rows(options.oos)])
    told = figures.of_baseline(
        [ids for ids, _ in inside], [best for _, best in inside],
        [set(row["gold"]) for row in queries], [best for _, best in outside],
    )  # fmt: skip
    report.keep_row(options.report, "Rasa's ResponseSelector", told)
    print(json.dumps({**told, "training_seconds": round(trained.seconds, 1)}))


if __name__ == "__main__":
    main()
