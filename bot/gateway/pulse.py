"""How late this process runs: a busy machine must answer earlier to be in time."""

from __future__ import annotations

import asyncio
from collections import deque

_BEAT_S = 0.1
_REMEMBERED = 30
"""Beats: the worst of the last three seconds counts."""


class Pulse:
    """Sleeps for a moment again and again and sees how much longer that took."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def lag_s(self) -> float:
        """How late a step of the event loop came of late, at worst."""
        return max(self._late, default=0.0)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            begun = loop.time()
            await asyncio.sleep(_BEAT_S)
            self._late.append(max(0.0, loop.time() - begun - _BEAT_S))
