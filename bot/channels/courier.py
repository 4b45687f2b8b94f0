"""The worker that carries messages out: at least once to the platform, in order for each customer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.channels.base import (
    ChannelAdapter,
    NotDelivered,
    QuotaUsed,
    Sending,
    SessionOver,
    TooLong,
    TryLater,
    Undeliverable,
    WindowClosed,
)  # fmt: skip
from bot.channels.composing import Load, compose, fitting
from bot.channels.contacts import Contacts
from bot.channels.outbox import Outbox, Parcel
from bot.channels.splitting import size
from core.clock import now
from core.errors import ChangdaError
from core.transcript import Draft, Transcript

log = structlog.get_logger(__name__)
POLL_S = 0.3
CLAIM_S = 60.0
TRIES = 12
DELAYS_S = (1, 2, 4, 8, 16, 32, 60, 120, 300)
PARALLEL = 8
_PURGE_EVERY_S = 3600.0
LAST_ONE = "\n\n（按微信规定，暂时只能发到这里。请随便回复一句，我们接着为您服务。）"
_AFTERWARDS = "下面的话会在客户回复后自动送达。"
_HELD = f"发给客户的条数已到平台上限，{_AFTERWARDS}"
_REMINDED = f"客户超过48小时没有说话，已发提醒消息，{_AFTERWARDS}"


@dataclass
class _Trip:
    """What is still to be carried to one account."""

    adapter: ChannelAdapter
    account: str
    parcels: list[Parcel]
    limit: int
    gone: list[Parcel] = field(default_factory=list)

    def done(self, parcels: Sequence[Parcel]) -> None:
        ids = {parcel.delivery_id for parcel in parcels}
        self.parcels = [p for p in self.parcels if p.delivery_id not in ids]


class Courier:
    """Looks for due deliveries and makes them; any number of processes may run one."""

    def __init__(
        self,
        outbox: Outbox,
        contacts: Contacts,
        transcript: Transcript,
        adapters: Iterable[ChannelAdapter],
    ) -> None:
        self._outbox = outbox
        self._contacts = contacts
        self._transcript = transcript
        self._adapters = {adapter.name: adapter for adapter in adapters}
        self._wake = asyncio.Event()
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}

    def nudge(self) -> None:
        """Something may be due now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set."""
        purge_at = 0.0
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            try:
                await self.sweep()
                if loop.time() > purge_at:
                    await self._outbox.purge()
                    purge_at = loop.time() + _PURGE_EVERY_S
            except (SQLAlchemyError, OSError) as error:
                log.warning("outbox_not_read", error=type(error).__name__)
            self._wake.clear()
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Starts on every account that is due and not being served already."""
        for key in await self._outbox.due():
            if key in self._busy or key[0] not in self._adapters or len(self._busy) >= PARALLEL:
                continue
            task = asyncio.create_task(self._serve(*key), name="courier")
            self._busy[key] = task
            task.add_done_callback(lambda _, key=key: self._rest(key))  # type: ignore[misc]

    def _rest(self, key: tuple[str, str]) -> None:
        del self._busy[key]
        self.nudge()

    async def settle(self) -> None:
        """Waits for what is on its way."""
        await asyncio.gather(*self._busy.values())

    async def _serve(self, channel: str, account: str) -> None:
        try:
            while parcels := await self._outbox.claim(channel, account, CLAIM_S):
                adapter = self._adapters[channel]
                await self._carry(_Trip(adapter, account, parcels, adapter.max_bytes))
        except (SQLAlchemyError, OSError) as error:
            # The claim runs out by itself.
            log.warning("delivery_interrupted", channel=channel, error=type(error).__name__)
        except Exception:
            log.exception("delivery_broken", channel=channel)

    async def _carry(self, trip: _Trip) -> None:
        while trip.parcels:
            load, note = await self._next(trip)
            try:
                await self._send(trip, load, note)
            except TooLong:
                trip.limit //= 2
                if trip.limit < 64:
                    await self._lost(trip, load.parcels, "平台不接受这么长的消息")
            except WindowClosed as error:
                await self._closed(trip, error)
                return
            except QuotaUsed as error:
                await self._hold(trip, error.reason, _HELD)
                return
            except SessionOver as error:
                await self._hold(trip, error.reason, f"{error.reason}，{_AFTERWARDS}")
                return
            except Undeliverable as error:
                await self._lost(
                    trip, trip.parcels if error.all_of_them else load.parcels, error.reason
                )
            except TryLater as error:
                if not await self._retry(trip, load, error):
                    return

    async def _next(self, trip: _Trip) -> tuple[Load, str]:
        """The next load; the last one allowed takes all that fits and says that we must wait now."""
        contact = await self._contacts.get(trip.adapter.name, trip.account)
        loads = compose(trip.parcels, trip.limit)
        if contact.allowance(now()) != 1 or trip.parcels[0].parts:
            return loads[0], ""
        room = trip.limit - size(LAST_ONE)
        count, text, choices = fitting(trip.parcels, room)
        rated = any(
            (p.said.get("card") or {}).get("type") == "rating" for p in trip.parcels[:count]
        )
        if not count or rated:
            return loads[0], ""
        first = trip.parcels[0]
        sending = Sending(f"{first.message_id}-1", text + LAST_ONE, tuple(choices))
        return Load(sending, tuple(trip.parcels[:count])), LAST_ONE

    async def _send(self, trip: _Trip, load: Load, note: str) -> None:
        channel = trip.adapter.name
        if not await self._contacts.spend(channel, trip.account):
            contact = await self._contacts.get(channel, trip.account)
            if contact.window_open(now()):
                raise QuotaUsed("可发送的条数已用完")
            raise WindowClosed("客户超过48小时没有说话")
        await self._outbox.begin(load.parcels, load.parcels[0].message_id)
        sending = load.sending
        if sending.choices:
            # Before they are seen: a quick customer may pick one at once.
            await self._contacts.offer(channel, trip.account, sending.choices)
        if note:
            # Numbers stand in the text already.
            sending = Sending(sending.key, sending.text)
        try:
            receipt = await trip.adapter.send(trip.account, sending)
        except NotDelivered as error:
            if isinstance(error, QuotaUsed):
                await self._contacts.exhausted(channel, trip.account)
            elif not (isinstance(error, TryLater) and error.counted):
                await self._contacts.refund(channel, trip.account)
            raise
        if load.complete:
            await self._outbox.sent(load.parcels, receipt)
            trip.done(load.parcels)
        else:
            await self._outbox.progressed(load.parcels[0], load.part)
            trip.parcels[0] = _with_parts(trip.parcels[0], load.part)

    async def _retry(self, trip: _Trip, load: Load, error: TryLater) -> bool:
        """Puts everything back, or gives up on this load; whether to go on with what follows."""
        tried = load.parcels[0].attempts + 1
        if tried >= min(error.at_most or TRIES, TRIES):
            await self._lost(trip, load.parcels, f"试了{tried}次都没有成功（{error.reason}）")
            return True
        delay = max(error.wait_s, DELAYS_S[min(tried - 1, len(DELAYS_S) - 1)])
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 (spreads the load, nothing secret)
        log.info("delivery_later", channel=trip.adapter.name, tried=tried, reason=error.reason)
        await self._outbox.later(trip.parcels, delay, error.reason)
        return False

    async def _closed(self, trip: _Trip, error: WindowClosed) -> None:
        contact = await self._contacts.get(trip.adapter.name, trip.account)
        if not contact.following:
            await self._lost(trip, trip.parcels, "客户已取消关注")
            return
        try:
            reminded = contact.reminded_at is not None or await trip.adapter.remind(trip.account)
        except NotDelivered as refused:
            log.info("reminder_refused", channel=trip.adapter.name, reason=refused.reason)
            reminded = False
        if not reminded:
            await self._lost(trip, trip.parcels, error.reason)
            return
        if contact.reminded_at is None:
            await self._contacts.change(trip.adapter.name, trip.account, reminded_at=now())
        await self._hold(trip, error.reason, _REMINDED)

    async def _hold(self, trip: _Trip, reason: str, words: str) -> None:
        await self._outbox.hold(trip.parcels, reason)
        await self.tell_staff(trip.parcels, words, "held")

    async def _lost(self, trip: _Trip, parcels: Sequence[Parcel], reason: str) -> None:
        await self._outbox.fail(parcels, reason)
        await self.tell_staff(parcels, f"有{len(parcels)}条消息没有送达客户：{reason}。", "failed")
        trip.done(parcels)

    async def tell_staff(self, parcels: Sequence[Parcel], words: str, kind: str) -> None:
        """Writes into the transcript, for staff only, what became of these messages."""
        log.warning("not_delivered", kind=kind, messages=len(parcels), reason=words)
        for conversation_id in dict.fromkeys(p.conversation_id for p in parcels):
            first = next(p for p in parcels if p.conversation_id == conversation_id)
            draft = Draft(
                "system", words, audience="staff", in_reply_to=first.message_id,
                client_message_id=f"{kind}-{first.message_id}",
            )  # fmt: skip
            try:
                await self._transcript.append(conversation_id, draft)
            except ChangdaError as error:
                log.warning("staff_not_told", conversation=conversation_id, error=error.code)


def _with_parts(parcel: Parcel, parts: int) -> Parcel:
    return Parcel(
        parcel.delivery_id, parcel.message_id, parcel.conversation_id, parcel.said, parts, 0,
        parcel.bundle,
    )  # fmt: skip
