"""Figures of retrieval, from rankings and scores alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ranks(rankings: Sequence[Sequence[str]], gold: Sequence[set[str]]) -> list[int]:
    """Place of the first right id of each query, from 1; 0 when it is not among those found."""
    found = []
    for ids, right in zip(rankings, gold, strict=True):
        found.append(next((place for place, i in enumerate(ids, 1) if i in right), 0))
    return found


def recall(places: Sequence[int], depth: int) -> float:
    """Share of queries whose right entry stands within ``depth``."""
    return sum(0 < place <= depth for place in places) / max(len(places), 1)


def mean_reciprocal_rank(places: Sequence[int]) -> float:
    """MRR, zero for what was not found."""
    return sum(1 / place for place in places if place) / max(len(places), 1)


def equal_error(known: Sequence[float], unknown: Sequence[float]) -> float:
    """The error rate where refusing known and answering unknown questions are equally frequent."""
    if not known or not unknown:
        return 0.0
    inside, outside = np.sort(np.array(known)), np.sort(np.array(unknown))
    levels = np.unique(np.concatenate([inside, outside]))
    refused = np.searchsorted(inside, levels) / len(inside)
    passed = 1 - np.searchsorted(outside, levels) / len(outside)
    nearest = int(np.abs(refused - passed).argmin())
    return float((refused[nearest] + passed[nearest]) / 2)


def of_baseline(
    rankings: Sequence[Sequence[str]], best: Sequence[float], gold: Sequence[set[str]],
    unknown: Sequence[float],
) -> dict[str, float]:  # fmt: skip
    """R@1, R@3, MRR and equal error of a method that only ranks and scores.

    Args:
        rankings: ids found for each known question, best first.
        best: the score of the first of each.
        gold: right ids of each.
        unknown: best score of each question that must not be answered.
    """
    places = ranks(rankings, gold)
    return {
        "r_at_1": recall(places, 1),
        "r_at_3": recall(places, 3),
        "mrr": mean_reciprocal_rank(places),
        "equal_error": equal_error(best, unknown),
    }
