"""Mutated callbacks: never a server error, nothing forged is heard, nothing is heard twice.

``make bench`` does the same with 100,000.
"""

from __future__ import annotations

import pytest

from bot.gateway.services import Services
from tests.bot.channels.fuzzing import fuzz
from tests.bot.gateway.conftest import StandInDialogue

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_thousand_mutated_callbacks(
    services: Services, dialogue: StandInDialogue, encrypted: bool
) -> None:
    report = await fuzz(services, dialogue, 1000, seed=11 if encrypted else 12, encrypted=encrypted)
    assert report.wrong == []
    assert report.heard >= report.valid > 5
    assert report.statuses[403] > 300
    assert report.statuses[413] > 0
