"""The report on retrieval: our figures beside those of simpler methods, kept between runs.

Slow comparisons (another encoder, Rasa's ResponseSelector) are measured now and then and stand in the
JSON file beside the report; a quick run rewrites the report with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
_COLUMNS = (
    ("r_at_1", "R@1"), ("r_at_3", "R@3"), ("mrr", "MRR"), ("equal_error", "Equal error"),
    ("false_answers", "False answers"), ("wrong_refusals", "Wrong refusals"),
    ("answered", "Answered at once"), ("answered_wrong", "– wrongly"), ("asked_back", "Asked back"),
    ("median_ms", "Median, ms"),
)  # fmt: skip
_ALONE = {
    "bm25": "BM25 alone",
    "vectors": "question vectors alone",
    "forgetful": "ours without remembered phrasings",
}
_TIMES = frozenset({"median_ms"})


def write(path: Path, figures: Row, row: str | None = None) -> None:
    """Writes the report, or with ``row`` only keeps the figures for it under that name."""
    kept = read_rows(path)
    if row:
        keep_row(path, row, figures)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(figures, kept), "utf-8")


def read_rows(path: Path) -> dict[str, Row]:
    """The comparisons measured earlier, by name."""
    beside = path.with_suffix(".json")
    return dict(json.loads(beside.read_text("utf-8"))) if beside.exists() else {}


def keep_row(path: Path, name: str, figures: Row) -> None:
    """Keeps the figures of one method beside the report."""
    kept = {**read_rows(path), name: {k: figures[k] for k, _ in _COLUMNS if k in figures}}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, ensure_ascii=False, indent=1)
    path.with_suffix(".json").write_text(text + "\n", "utf-8")


def markdown(figures: Row, kept: Mapping[str, Row]) -> str:
    """The report as Markdown."""
    alone = figures.get("alone") or {}
    rows = {"**ours**": figures, **{_ALONE[name]: alone[name] for name in alone}, **kept}
    lines = [
        "# Retrieval: figures",
        "",
        f"{figures['queries']} customer questions that mostly share no words with their entry and "
        f"{figures['oos']} that must not be answered, over {figures['entries']} entries with "
        f"{figures['forms']} question forms. Written apart from all training text. Made by `make eval`; the "
        "code is the one that serves.",
        "",
        "False answers: answered at once though the base does not know. Wrong refusals: nothing offered though "
        "it does. Between, the customer is asked which of up to three questions is meant. Equal error: both "
        "kinds at the one threshold where they are equally frequent and nobody is asked.",
        "",
        "| | " + " | ".join(title for _, title in _COLUMNS) + " |",
        "|---|" + "---|" * len(_COLUMNS),
    ]
    lines += [f"| {name} | {_cells(row)} |" for name, row in rows.items()]
    lines += ["", f"Encoder `{figures['encoder']}`, calibrated on {figures['calibration']}.", ""]
    return "\n".join(lines)


def _cells(row: Row) -> str:
    return " | ".join(_cell(key, row.get(key)) for key, _ in _COLUMNS)


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if key in _TIMES else f"{value:.3f}"
