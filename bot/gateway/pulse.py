"""How late this process runs: a busy machine must answer earlier to be in time."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from starlette.types import ASGIApp, Receive, Scope, Send

_BEAT_S = 0.1
_ARRIVED = "changda.arrived"
_REMEMBERED = 30
"""Beats: the last three seconds count."""


class Pulse:
    """Sleeps for a moment again and again and sees how much longer that took."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_REMEMBERED)

    def lag_s(self, steps: int) -> float:
        """How much longer so many turns of the event loop take than on an idle machine.

        Each as late as they have been lately, and one as late as the worst of them.
        """
        if not self._late:
            return 0.0
        return steps * sum(self._late) / len(self._late) + max(self._late)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            begun = loop.time()
            await asyncio.sleep(_BEAT_S)
            self._late.append(max(0.0, loop.time() - begun - _BEAT_S))


class Arrival:
    """Notes when a request reached the app, before anything else was done with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_ARRIVED] = time.perf_counter()
        await self._app(scope, receive, send)


def since_arrival_s(scope: Scope) -> float:
    """How long ago the request came; 0 where nobody noted it."""
    moment = time.perf_counter()
    return float(moment - scope.get(_ARRIVED, moment))
