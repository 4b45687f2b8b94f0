"""WeCom's callback: answered at once, because it only says that there is something to read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect

from bot.channels.base import NotDelivered
from bot.channels.composing import compose, fitting
from bot.channels.contacts import Contacts
from bot.channels.courier import Courier
from bot.channels.envelope import Refused
from bot.channels.outbox import Outbox, Parcel
from bot.channels.wecom.adapter import MAX_BYTES, WeComAdapter
from bot.channels.wecom.callback import Envelope
from bot.channels.wecom.inbound import NAME, Item
from bot.channels.wecom.log_reader import LogReader
from bot.gateway.channel_rules import silence
from bot.gateway.reception import Accepted, Heard, Reception
from bot.gateway.wechat_api import limited_body, refusal
from core.clock import now
from core.errors import ChangdaError
from core.redis_keys import channel_taken

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)
DONE = "success"
_WELCOME_S = 15.0
"""A welcome's code is good for 20 seconds."""
_TAKEN_S = 48 * 3600
"""The platform ends a session in which the customer has been silent for so long."""
TAKEN = "同事在企业微信客户端接待了这位客户，期间机器人不说话，这里发的话要等那边结束后才能送达。"
ENDED = "企业微信客户端里的接待结束了，机器人继续服务。"


@dataclass
class WeComDesk:
    """What the callback needs, and what is done with the log's items."""

    envelope: Envelope
    adapter: WeComAdapter
    reception: Reception
    contacts: Contacts
    outbox: Outbox
    courier: Courier
    redis: Redis

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.reader: LogReader | None = None

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Goes on after the callback was answered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("wecom_work_failed", error=repr(task.exception()))

    def read(self, open_kfid: str, token: str) -> None:
        """Reads the log soon."""
        if self.reader is not None:
            self.start(self.reader.read(open_kfid, token))

    async def store(self, items: Sequence[Item]) -> None:
        """Stores a page's messages, then has them answered, each customer's in order."""
        to_answer: dict[str, list[Accepted]] = defaultdict(list)
        for item in items:
            if item.kind == "message":
                heard = Heard(
                    NAME, item.account, item.key, item.text, item.card,
                    "acted" if item.acted else "said",
                )  # fmt: skip
                accepted = await self.reception.store(heard)
                if accepted is not None:
                    if await self._is_taken(item.account):
                        accepted = replace(accepted, plan=silence(accepted.plan.text))
                    to_answer[item.account].append(accepted)
            else:
                await self._event(item)
        for accepted_ones in to_answer.values():
            self.start(self._answer(accepted_ones))

    async def _answer(self, accepted: Sequence[Accepted]) -> None:
        for one in accepted:
            try:
                await self.reception.answer(one)
            except ChangdaError as error:
                # Whoever looks for unanswered messages will find it.
                log.warning(
                    "wecom_not_answered", key=one.inbound.channel_message_id, code=error.code
                )

    async def _event(self, item: Item) -> None:
        if item.kind == "enter" and item.welcome_code:
            until = now() + timedelta(seconds=_WELCOME_S)
            if await self.reception.greet(
                Heard(NAME, item.account, item.key, "", None, None, until)
            ):
                self.start(self._welcome(item, until))
        elif item.kind == "failed":
            lost = await self.outbox.bounced(item.failed_id, item.reason)
            if lost:
                line = f"有{len(lost)}条消息没有送达客户：{item.reason}。"
                await self.courier.tell_staff(lost, line, "failed")
        elif item.kind == "recall":
            await self.reception.tell_staff(NAME, item.account, "客户撤回了一条消息。", item.key)
        elif item.kind == "colleague":
            line = f"同事在企业微信里对客户说：{item.text}"
            await self.reception.tell_staff(NAME, item.account, line, item.key)
        elif item.kind in ("taken", "ended"):
            await self._take(item.account, item.kind == "taken")
            line = TAKEN if item.kind == "taken" else ENDED
            await self.reception.tell_staff(NAME, item.account, line, item.key)
        else:
            log.info("wecom_event", event=item.text)

    async def _take(self, account: str, taken: bool) -> None:
        """Notes whether a colleague serves the account in WeCom's client: the bot is silent meanwhile."""
        key = channel_taken(NAME, account)
        try:
            await (self.redis.set(key, "1", ex=_TAKEN_S) if taken else self.redis.delete(key))
        except RedisError as error:
            log.warning("wecom_session_not_noted", error=type(error).__name__)

    async def _is_taken(self, account: str) -> bool:
        try:
            return bool(await self.redis.exists(channel_taken(NAME, account)))
        except RedisError as error:
            log.warning("wecom_session_not_known", error=type(error).__name__)
            return False

    async def _welcome(self, item: Item, until: datetime) -> None:
        """Sends the greeting within the code's life; without success it waits for the first message."""

        def fit(parcels: list[Parcel]) -> int:
            return fitting(parcels, MAX_BYTES)[0]

        # Before the answer to a message that came meanwhile, and never together with it.
        async with self.reception.in_turn(NAME, item.account):
            try:
                carried = await self.outbox.carry(NAME, item.account, item.key, fit)
                if not carried:
                    return
                sending = compose(carried, MAX_BYTES)[0].sending
                try:
                    await self.adapter.welcome(item.welcome_code, f"w-{item.key[3:31]}", sending)
                except NotDelivered as error:
                    log.info("wecom_welcome_refused", reason=error.reason)
                    await self.outbox.hold(carried, error.reason)
                    return
                if sending.choices:
                    await self.contacts.offer(NAME, item.account, sending.choices)
            finally:
                await self.contacts.answered(NAME, item.account, until)

    async def settle(self) -> None:
        """Waits for what goes on after its callback was answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


def desk_of(request: Request) -> WeComDesk:
    """The desk of the app that serves this request."""
    desk: WeComDesk = request.app.state.services.channels.wecom
    return desk


Desk = Annotated[WeComDesk, Depends(desk_of)]


@router.get("/wecom/callback")
async def check_url(request: Request, desk: Desk) -> Response:
    """The platform checks that the URL is ours."""
    try:
        return PlainTextResponse(desk.envelope.echo(request.query_params))
    except Refused as error:
        return refusal(NAME, error)


@router.post("/wecom/callback")
async def callback(request: Request, desk: Desk) -> Response:
    """There is something to read."""
    try:
        hint = await desk.envelope.open(request.query_params, await limited_body(request))
    except Refused as error:
        return refusal(NAME, error)
    except ClientDisconnect:
        return refusal(NAME, Refused("gone", 400))
    if hint is not None:
        desk.read(hint.open_kfid, hint.token)
    return PlainTextResponse(DONE)
