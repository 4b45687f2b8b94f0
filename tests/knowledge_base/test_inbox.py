"""Grouping by meaning, on vectors whose meaning is known."""

from __future__ import annotations

import numpy as np

from knowledge_base.inbox import group_by_meaning


def test_near_vectors_share_a_group_and_far_ones_do_not() -> None:
    axes = np.eye(8, dtype=np.float32)
    rows = np.stack([axes[0], axes[1], axes[0] + 0.2 * axes[2], axes[1] - 0.1 * axes[3], axes[4]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    groups = group_by_meaning(rows, np.zeros(8, np.float32))
    assert [members for _, members in groups] == [[0, 2], [1, 3], [4]]
    assert all(centre in members for centre, members in groups)


def test_nothing_gives_nothing() -> None:
    assert group_by_meaning(np.empty((0, 8), np.float32), np.zeros(8, np.float32)) == []
