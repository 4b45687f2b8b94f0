"""Why the base decides as it does for a text: the probabilities and the thresholds they met."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from knowledge_base.search import Encoder, LoadedBase
from knowledge_base.text import normalize


def explain(base: LoadedBase | None, encoder: Encoder, text: str) -> dict[str, Any] | None:
    """{"known", "sure", "none_below", "answer_from", "sure_from", "model"}; None without a base.

    ``known`` is how likely the text is a question for this base at all, ``sure`` how likely the
    first hit is the right one. Both lie in 0..1.
    """
    folded = normalize(text)
    if base is None or not base.content.entries or not folded:
        return None
    vector = encoder.encode([folded], "query")[0]
    result = base.find(folded, vector, 1, time.time())
    ids, signals = base.signals(folded, vector)
    if not ids:
        return None
    model = base.ranking
    scores = model.scores(signals)
    known, sure = model.probabilities(scores, signals, int(np.argmax(scores)))
    return {
        "known": round(known, 4), "sure": round(sure, 4), "none_below": model.none_below,
        "answer_from": model.answer_from, "sure_from": model.sure_from, "model": model.origin,
        "exact": bool(result.hits) and result.hits[0].score == 1.0,
    }  # fmt: skip
