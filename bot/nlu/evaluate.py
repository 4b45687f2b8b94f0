"""Measures understanding with the trained model and the real pipeline.

``python -m bot.nlu.evaluate``                 our development set → docs/eval/nlu.md and plots
``python -m bot.nlu.evaluate --file x.jsonl``  any file; figures only
``… --train --compare --stock``                the slow figures as well: training from nothing, other
                                               classifiers, the stock Rasa pipeline; kept for later reports

Either way the last line is JSON with the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.nlu.evaluation import compare, plots, running, stock, summary
from bot.nlu.evaluation.data import BadEvaluationFile, Sentence, read_sentences
from bot.nlu.evaluation.figures import Parsed
from bot.nlu.paths import ROOT, var_dir

DEVELOPMENT = (ROOT / "data/eval/nlu_dev_a.jsonl", ROOT / "data/eval/nlu_dev_b.jsonl")
SENTIMENT = ROOT / "data/eval/sentiment_dev.jsonl"
REPORT = ROOT / "docs" / "eval" / "nlu.md"
_STOCK = (
    "Stock Rasa is JiebaTokenizer, word and character n-grams, DIET and FallbackClassifier with their defaults, "
    f"trained on the same text; DIET had {stock.STOCK_EPOCHS} of its 300 epochs, which would take hours."
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    running.quiet()
    try:
        sentences = read_sentences([options.file] if options.file else DEVELOPMENT)
        agent, seconds = running.load(options.model)
    except (BadEvaluationFile, OSError) as error:
        print(f"evaluation impossible: {error}")
        return 1
    parsed = _run(agent, sentences)
    found = summary.summarise(sentences, parsed)
    told = {
        **found.to_dict(), "load_seconds": round(seconds, 2),
        "memory_mb": round(running.peak_memory_mb()),
    }  # fmt: skip
    if not options.file:
        told |= _own_report(agent, sentences, parsed, found, told, options)
    print(summary.headline(told))
    print(json.dumps(told, ensure_ascii=False))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Evaluate understanding.")
    parser.add_argument("--file", type=Path, help="JSON lines in place of the development set")
    default = var_dir() / "models" / "rasa" / "changda.tar.gz"
    parser.add_argument("--model", type=Path, default=default)
    parser.add_argument("--stock", action="store_true", help="compare with stock Rasa (slow)")
    parser.add_argument("--compare", action="store_true", help="compare classifiers (minutes)")
    parser.add_argument("--train", action="store_true", help="train from nothing and time it")
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args(arguments)


def _run(agent: Any, sentences: Sequence[Sentence]) -> list[Parsed]:
    outputs = running.parse_all(agent, [s.text for s in sentences])
    return [running.to_parsed(output, seconds) for output, seconds in outputs]


def _own_report(
    agent: Any, sentences: Sequence[Sentence], parsed: Sequence[Parsed], found: summary.Summary,
    told: dict[str, Any], options: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    """Writes report and plots; returns the figures that only this mode has."""
    mood = _sentiment(agent)
    slow = _remembered(options.report) | _slow_figures(sentences, options)
    more = {"sentiment_accuracy": mood["accuracy"], "sentiment_macro_f1": mood["macro_f1"]}
    if "training_seconds" in slow:
        more["training_seconds"] = slow["training_seconds"]
    folder = options.report.parent
    folder.mkdir(parents=True, exist_ok=True)
    plots.confusion(sentences, parsed, folder / "nlu_confusion.png")
    plots.reliability_curve(found.calibration, folder / "nlu_reliability.png")
    text = _markdown(sentences, parsed, found, {**told, **more}, slow, mood)
    options.report.write_text(text, "utf-8")
    kept = json.dumps(slow, ensure_ascii=False, indent=1)
    options.report.with_suffix(".json").write_text(kept + "\n", "utf-8")
    return more


def _slow_figures(sentences: Sequence[Sentence], options: argparse.Namespace) -> dict[str, Any]:
    """Whatever of training, comparison and stock pipeline was asked for."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if options.train:
            found["training_seconds"] = round(stock.train_ours(Path(scratch)).seconds, 1)
        if options.compare:
            found["comparison"] = compare.table(compare.compare(sentences))
        if options.stock:
            found["stock"] = _stock(sentences, Path(scratch))
    return found


def _remembered(report: Path) -> dict[str, Any]:
    """Slow figures of an earlier run (training, stock pipeline), so that a quick run keeps them."""
    path = report.with_suffix(".json")
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def _stock(sentences: Sequence[Sentence], scratch: Path) -> dict[str, Any]:
    trained = stock.train_stock(scratch)
    agent, load = running.load(trained.model)
    found = summary.summarise(sentences, _run(agent, sentences)).to_dict()
    return {**found, "training_seconds": round(trained.seconds, 1), "load_seconds": round(load, 1)}


def _sentiment(agent: Any) -> dict[str, Any]:
    """Accuracy, macro-F1 and confusion of the mood, and the flags found."""
    rows = [json.loads(line) for line in SENTIMENT.read_text("utf-8").splitlines()]
    outputs = running.parse_all(agent, [row["text"] for row in rows])
    told = [output["sentiment"] for output, _ in outputs]
    labels = ("calm", "unhappy", "angry")
    table = {
        gold: {t: sum(r["label"] == gold and m["label"] == t for r, m in zip(rows, told, strict=True))
               for t in labels} for gold in labels
    }  # fmt: skip
    right = sum(table[label][label] for label in labels)
    f1 = [
        2 * table[x][x] / (sum(table[x].values()) + sum(table[g][x] for g in labels))
        for x in labels
    ]
    flags = [(set(r["flags"]), set(m["flags"])) for r, m in zip(rows, told, strict=True)]
    return {
        "accuracy": round(right / len(rows), 4), "macro_f1": round(sum(f1) / 3, 4), "table": table,
        "flagged": sum(bool(gold) for gold, _ in flags), "sentences": len(rows),
        "flags_right": sum(bool(gold) and gold == got for gold, got in flags),
        "flags_false": sum(bool(got - gold) for gold, got in flags),
    }  # fmt: skip


def _markdown(
    sentences: Sequence[Sentence], parsed: Sequence[Parsed], found: summary.Summary,
    told: dict[str, Any], slow: dict[str, Any], mood: dict[str, Any],
) -> str:  # fmt: skip
    parts = [
        "# Understanding: figures",
        f"{found.sentences} development sentences ({sum(s.hard for s in sentences)} hard), written apart from "
        "training and never used to fit. Made by `make eval`; the pipeline is the one that serves.",
        summary.headline(told, slow.get("stock")),
        *([_STOCK] if "stock" in slow else []),
        f"Peak memory of the evaluating process: {told['memory_mb']} MiB.",
        "## Calibration\n\nConfidence of the classifier before the arbiter.",
        "![reliability](nlu_reliability.png)",
        "## Choice of the classifier",
        "The same sentences, the arbiter left out. Cross-validation is the harder test: no sentence has a "
        "near copy in the training text.",
        slow.get("comparison", "Not measured yet: run with `--compare`."),
        "## Confusions worth reading\n\n" + summary.confusions(sentences, parsed),
        "![confusion](nlu_confusion.png)",
        "## Intents\n\n" + summary.score_table(found.intents, "Intent"),
        "## Entities\n\n" + summary.score_table(found.entity_types, "Entity"),
        "Differences:\n\n" + summary.entity_errors(sentences, parsed),
        _mood_section(mood),
    ]
    return "\n\n".join(parts) + "\n"


def _mood_section(mood: dict[str, Any]) -> str:
    lines = [
        "## Sentiment",
        f"\n{mood['sentences']} sentences: accuracy {mood['accuracy']:.3f}, macro-F1 {mood['macro_f1']:.3f}. "
        f"Legal, regulator or media words: {mood['flags_right']} of {mood['flagged']} flagged exactly, "
        f"{mood['flags_false']} flagged wrongly.\n",
        "| | calm | unhappy | angry |", "|---|---|---|---|",
    ]  # fmt: skip
    for gold, row in mood["table"].items():
        lines.append(f"| {gold} | {row['calm']} | {row['unhappy']} | {row['angry']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
