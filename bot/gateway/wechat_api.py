"""WeChat's callback: answered in time with what there is, later by the customer-service API."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from bot.channels.composing import fitting
from bot.channels.contacts import Contacts
from bot.channels.courier import Courier
from bot.channels.envelope import MAX_BODY, Refused
from bot.channels.outbox import Outbox, Parcel
from bot.channels.wechat.adapter import MAX_BYTES, WeChatAdapter, passive
from bot.channels.wechat.callback import Envelope
from bot.channels.wechat.inbound import NAME, NotUnderstood, Received, understand
from bot.gateway import channel_words
from bot.gateway.metrics import CALLBACK_SECONDS, CALLBACKS_REFUSED
from bot.gateway.pulse import Pulse, since_arrival_s
from bot.gateway.reception import Heard, Reception
from core.clock import now

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)
DONE = "success"
"""Tells the platform that there is nothing to say now, and not to ask again."""
_STEPS = 8
"""Turns of the event loop on the way in and out that nobody measures."""
_LEAST_S = 0.5


@dataclass
class _Case:
    """One callback with its repetitions.

    Args:
        users: who still needs it.
        waiting: those who can still answer in time.
        told: one of them has.
    """

    work: asyncio.Task[None]
    users: int = 0
    waiting: int = 0
    told: bool = False


@dataclass
class WeChatDesk:
    """What the callback needs."""

    envelope: Envelope
    adapter: WeChatAdapter
    reception: Reception
    contacts: Contacts
    outbox: Outbox
    courier: Courier
    reply_s: float

    def __post_init__(self) -> None:
        self.pulse = Pulse()
        self._cases: dict[str, _Case] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def answer(self, received: Received, passed_s: float = 0) -> str:
        """The body of the answer, before it is wrapped, within ``reply_s`` of the request's arrival.

        Args:
            passed_s: how long ago that was.
        """
        spare = self.reply_s - passed_s - self.pulse.lag_s(_STEPS)
        patience = max(min(_LEAST_S, self.reply_s), spare)
        until = now() + timedelta(seconds=patience)
        case = self._case(received, until)
        case.users += 1
        case.waiting += 1
        answering = asyncio.create_task(self._finish(received, case, until))
        done, _ = await asyncio.wait({answering}, timeout=patience)
        case.waiting -= 1
        if done:
            case.told = True
            self._leave(received.key, case)
            return answering.result()
        later = asyncio.create_task(self._too_late(received, case, answering))
        self._later.add(later)
        later.add_done_callback(self._late_done)
        return DONE

    def _case(self, received: Received, until: datetime) -> _Case:
        """The callback's case; its repetition finds the same, and so waits for the same work."""
        found = self._cases.get(received.key)
        if found is None:
            work = asyncio.create_task(self._handle(received, until), name=received.key)
            found = self._cases[received.key] = _Case(work)
        return found

    def _leave(self, key: str, case: _Case) -> None:
        case.users -= 1
        if not case.users:
            self._cases.pop(key, None)

    def _late_done(self, task: asyncio.Task[None]) -> None:
        self._later.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("wechat_work_failed", error=repr(task.exception()))

    async def _finish(self, received: Received, case: _Case, until: datetime) -> str:
        """The answer, once the work is done."""
        await asyncio.wait({case.work})
        if case.work.exception() is not None:
            log.error("wechat_not_handled", key=received.key, error=repr(case.work.exception()))
            failed = received.kind in ("message", "click")
            return self._passive(received, channel_words.TROUBLE) if failed else DONE
        return await self._carry(received, until)

    async def _too_late(
        self, received: Received, case: _Case, answering: asyncio.Task[str]
    ) -> None:
        """Nobody waits for this answer any more: what it would have carried goes by the API."""
        log.info("wechat_answer_late", key=received.key)
        try:
            if received.kind == "message":
                await self.adapter.typing(received.account)
            await asyncio.wait({answering})
            # Unless a repetition of the callback has told it, or is about to.
            if not case.told and not case.waiting:
                await self.outbox.take_back(NAME, received.account, received.key)
                self.courier.nudge()
        finally:
            self._leave(received.key, case)

    async def _handle(self, received: Received, until: datetime) -> None:
        heard = Heard(
            NAME, received.account, received.key, received.text, received.card,
            "acted" if received.acted else "said", until,
        )  # fmt: skip
        if received.kind in ("message", "click"):
            await self.reception.message(heard)
        elif received.kind == "follow":
            await self.reception.greet(heard, following=True, scene=received.scene)
        elif received.kind == "scan":
            again = Heard(
                NAME, received.account, received.key, channel_words.WELCOME_BACK, None, "acted", until,
            )  # fmt: skip
            await self.reception.greet(again, scene=received.scene)
        elif received.kind == "unfollow":
            await self.reception.left(NAME, received.account)
        elif received.kind == "consent":
            await self._consents(received)
        elif received.kind == "unreached":
            line = f"提醒消息没有送达客户（{received.text}）。"
            await self.reception.tell_staff(NAME, received.account, line, received.key)
        if received.scene:
            line = f"客户扫描二维码进来（{received.scene}）。"
            await self.reception.tell_staff(NAME, received.account, line, f"{received.key}-code")

    async def _consents(self, received: Received) -> None:
        contact = await self.contacts.get(NAME, received.account)
        kept = set(contact.consents)
        for template, accepted in received.consents.items():
            kept = kept | {template} if accepted else kept - {template}
        await self.contacts.change(NAME, received.account, consents=sorted(kept)[:20])

    async def _carry(self, received: Received, until: datetime) -> str:
        """What was said meanwhile, in one answer; the rest goes by the API."""
        account = received.account
        if now() >= until:
            self.courier.nudge()
            return DONE

        def fit(parcels: list[Parcel]) -> int:
            return fitting(parcels, MAX_BYTES)[0]

        try:
            carried = await self.outbox.carry(NAME, account, received.key, fit)
            if not carried:
                return DONE
            _, text, choices = fitting(carried, MAX_BYTES)
            if choices:
                await self.contacts.offer(NAME, account, choices)
            return self._passive(received, text)
        finally:
            await self.contacts.answered(NAME, account, until)
            self.courier.nudge()

    def _passive(self, received: Received, text: str) -> str:
        return passive(received, text, int(time.time()))

    async def settle(self) -> None:
        """Waits for what goes on after its callback was answered."""
        while self._cases:
            work = [case.work for case in self._cases.values()]
            await asyncio.gather(*work, *self._later, return_exceptions=True)
            await asyncio.sleep(0)


def desk_of(request: Request) -> WeChatDesk:
    """The desk of the app that serves this request."""
    desk: WeChatDesk = request.app.state.services.channels.wechat
    return desk


Desk = Annotated[WeChatDesk, Depends(desk_of)]


@router.get("/wechat/callback")
async def check_url(request: Request, desk: Desk) -> Response:
    """The platform checks that the URL is ours."""
    try:
        return PlainTextResponse(desk.envelope.echo(request.query_params))
    except Refused as error:
        return refusal(NAME, error)


@router.post("/wechat/callback")
async def callback(request: Request, desk: Desk) -> Response:
    """One message or event."""
    started = time.perf_counter()
    try:
        body = await limited_body(request)
        fields = await desk.envelope.open(request.query_params, body)
        received = understand(fields)
    except Refused as error:
        return refusal(NAME, error)
    except NotUnderstood as error:
        # It is signed, so it is theirs: something new, which needs no answer.
        log.warning("wechat_not_understood", why=str(error))
        return PlainTextResponse(DONE)
    except ClientDisconnect:
        return refusal(NAME, Refused("gone", 400))
    answer = await desk.answer(received, since_arrival_s(request.scope))
    CALLBACK_SECONDS.labels(NAME).observe(time.perf_counter() - started)
    if answer == DONE:
        return PlainTextResponse(DONE)
    return Response(desk.envelope.wrap(answer), media_type="application/xml")


async def limited_body(request: Request) -> bytes:
    """The body, if it is no larger than any callback. Raises Refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused("too large", 413)
    return bytes(body)


def refusal(channel: str, error: Refused) -> Response:
    """Says no, without saying why to whoever tries."""
    log.warning("callback_refused", channel=channel, why=error.why)
    CALLBACKS_REFUSED.labels(channel, str(error.status)).inc()
    return PlainTextResponse("refused", error.status)
