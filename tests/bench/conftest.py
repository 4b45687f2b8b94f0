"""One running system for the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system import System, start_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = start_system(tmp_path_factory.mktemp("bench"))
    yield running
    running.stop()
