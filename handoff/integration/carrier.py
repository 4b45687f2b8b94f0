"""Tells desks what they must hear, one handoff's notices one after the other, and asks them what is new."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.clock import now
from core.transcript import Message
from handoff.integration.desk import REQUESTED, Desk, Lane, Notice, NotTaken, Refused, TryLater
from handoff.integration.notices import Notices
from handoff.models import DeskName

log = structlog.get_logger(__name__)

POLL_S = 1.0
AT_ONCE = 8
TELL_DELAY_S = 15.0
"""A customer whom the desk does not know of after this is told so."""
_PURGE_S = 3600.0
_LOOK_AGAIN_S = 10.0

OnDelay = Callable[[str], Awaitable[object]]
"""Tells the customer of this handoff that the desk is out of reach."""


class Carrier:
    """One per process; several may work at once.

    Args:
        on_delay: called once a handoff whose desk has been out of reach for a while.
    """

    def __init__(self, notices: Notices, desks: Sequence[Desk], on_delay: OnDelay) -> None:
        self._notices = notices
        self._desks: dict[DeskName, Desk] = {desk.name: desk for desk in desks}
        self._on_delay = on_delay
        self._nudged = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._collecting: set[asyncio.Task[None]] = set()
        self._failing: set[DeskName] = set()

    def nudge(self) -> None:
        """Something may be due now."""
        self._nudged.set()

    def said(self, messages: Sequence[Message]) -> None:
        """Told by the transcript of everything stored in this process."""
        for conversation_id in {m.conversation_id for m in messages if m.sender != "bot"}:
            task = asyncio.create_task(self._collect(conversation_id), name="desk")
            self._collecting.add(task)
            task.add_done_callback(self._collecting.discard)

    async def _collect(self, conversation_id: str) -> None:
        try:
            if await self._notices.collect(conversation_id):
                self.nudge()
        except SQLAlchemyError as error:
            log.warning("desk_not_noted", error=type(error).__name__)  # The next round notes it.

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; a failing round is logged, the next one tries again."""
        purge_at = 0.0
        while not stop.is_set():
            self._nudged.clear()
            try:
                await self._notices.collect()
                await self.start()
                if time.monotonic() >= purge_at:
                    await self._notices.purge()
                    purge_at = time.monotonic() + _PURGE_S
            except SQLAlchemyError as error:
                log.warning("desk_round_failed", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), POLL_S)

    async def start(self) -> int:
        """Takes in hand what is due, as much as may be at once; returns how many were begun."""
        begun = 0
        for handoff_id in await self._notices.lanes(list(self._desks)):
            if len(self._tasks) >= AT_ONCE:
                break
            if handoff_id not in self._tasks:
                task = asyncio.create_task(self._work(handoff_id), name=f"desk {handoff_id}")
                self._tasks[handoff_id] = task
                task.add_done_callback(partial(self._finished, handoff_id))
                begun += 1
        return begun

    async def settle(self) -> None:
        """Works until nothing is due (at shutdown and in tests)."""
        await asyncio.gather(*self._collecting)
        while self._tasks or await self.start():
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Lets go of what is in hand; another process, or the next start, takes it up."""
        tasks = [*self._tasks.values(), *self._collecting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for desk in self._desks.values():
            await desk.close()

    def _finished(self, handoff_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(handoff_id, None)
        self.nudge()
        if not task.cancelled() and task.exception() is not None:
            log.error("desk_work_failed", handoff_id=handoff_id, error=repr(task.exception()))

    async def _work(self, handoff_id: str) -> None:
        taken = await self._notices.claim(handoff_id)
        if taken is None:
            return
        name, lane = taken
        try:
            desk = self._desks[name]
            told = await self._tell_all(desk, lane)
            if told and await self._notices.begin_look(handoff_id):
                await self._look(desk, lane)
        finally:
            await asyncio.shield(self._notices.release(handoff_id))

    async def _tell_all(self, desk: Desk, lane: Lane) -> bool:
        """Whether everything due has been told."""
        while notice := await self._notices.next(lane.handoff_id):
            try:
                await desk.deliver(notice, lane)
            except TryLater as error:
                await self._failed(desk, notice, error)
                return False
            except Refused as error:
                log.error(
                    "desk_notice_refused",
                    notice=notice.event_id,
                    kind=notice.kind,
                    why=error.reason,
                )
                await self._notices.dead(notice.event_id, error.reason)
                continue
            except Exception as error:
                # One notice that cannot be made must not stop the others for ever.
                log.exception("desk_notice_failed", notice=notice.event_id, kind=notice.kind)
                await self._failed(
                    desk, notice, TryLater(f"通知没有发出（{type(error).__name__}）")
                )
                return False
            await self._notices.sent(notice.event_id)
            await self._recovered(desk)
        return True

    async def _failed(self, desk: Desk, notice: Notice, error: TryLater) -> None:
        if desk.name not in self._failing:
            log.error("desk_unreachable", desk=desk.name, why=error.reason)
        self._failing.add(desk.name)
        if not await self._notices.later(notice.event_id, error.reason, error.wait_s):
            log.error("desk_notice_given_up", notice=notice.event_id, kind=notice.kind)
        waited = (now() - notice.created_at).total_seconds()
        unknown = notice.kind == REQUESTED and waited >= TELL_DELAY_S
        if unknown and await self._notices.tell_delay(notice.handoff_id):
            await self._on_delay(notice.handoff_id)

    async def _recovered(self, desk: Desk) -> None:
        if desk.name in self._failing:
            self._failing.discard(desk.name)
            log.info("desk_reachable_again", desk=desk.name)
            await self._notices.wake(desk.name)
            self.nudge()

    async def _look(self, desk: Desk, lane: Lane) -> None:
        try:
            again_s = await desk.look(lane)
        except NotTaken as error:
            log.warning("desk_not_read", desk=desk.name, why=error.reason)
            again_s = max(_LOOK_AGAIN_S, getattr(error, "wait_s", 0))
        await self._notices.look_after(lane.handoff_id, again_s)
