"""Identifiers sort by time and never repeat."""

from __future__ import annotations

import time

from core.clock import new_id


def test_ids_are_unique_and_sort_by_time() -> None:
    first = [new_id("m") for _ in range(500)]
    time.sleep(0.002)
    later = new_id("m")
    assert len(set(first)) == 500
    assert all(earlier < later for earlier in first)
    assert later.startswith("m_")
    assert len(later) == 28
