"""Tells the operator's app that somebody answered, when its customer has no chat open.

``POST CHANGDA_PUSH_URL`` with a JSON body and ``X-Changda-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of
"<t>.<body>" with CHANGDA_PUSH_SECRET>``. At least once: ``delivery_id`` is the same for every attempt. Any 2xx
ends it; 410 too; anything else is tried again, later and later, for about half an hour.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import orjson
import structlog
from sqlalchemy import ForeignKey, String, delete, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from bot.gateway.sockets import OpenSockets
from core.clock import now
from core.database import Base, Database, UtcDateTime
from core.security import mask
from core.settings import Settings
from core.signing import HEADER, signature
from core.transcript import Conversation, Message

log = structlog.get_logger(__name__)
CHANNEL = "app"
DELAYS_S = (2, 5, 15, 60, 300, 600, 900)
_POLL_S = 1.0
_CLAIM = timedelta(seconds=60)
_PREVIEW = 60
_GONE = 410


class PushJob(Base):
    """One message the operator's app is still to be told of."""

    __tablename__ = "push_jobs"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(40))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Push:
    """Notes what to tell, and tells it; several processes may."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        sockets: OpenSockets,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._url = settings.push_url
        self._secret = settings.push_secret.get_secret_value().encode()
        if self._url and not self._secret:
            raise ValueError("CHANGDA_PUSH_URL needs CHANGDA_PUSH_SECRET")
        self._database = database
        self._sockets = sockets
        self._http = http or httpx.AsyncClient(timeout=settings.push_timeout_s, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def said(self, messages: Sequence[Message]) -> None:
        """Told by the transcript of everything stored."""
        for message in messages:
            if self._url and message.audience == "all" and message.sender in ("bot", "agent"):
                task = asyncio.create_task(self._note(message), name="push")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _note(self, message: Message) -> None:
        try:
            async with self._database.reading() as session:
                conversation = await session.get_one(Conversation, message.conversation_id)
            if conversation.channel != CHANNEL or conversation.customer_id is None:
                return
            if await self._sockets.any(conversation.id):
                return
            job = PushJob(message_id=message.id, customer_id=conversation.customer_id, due_at=now())
            async with self._database.transaction() as session:
                session.add(job)
        except IntegrityError:
            return  # Noted by another process.
        except SQLAlchemyError as error:
            log.warning("push_not_noted", error=type(error).__name__)

    async def settle(self) -> None:
        """Waits for what is being noted."""
        await asyncio.gather(*self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set."""
        while self._url and not stop.is_set():
            try:
                await self.sweep()
            except SQLAlchemyError as error:
                log.warning("push_not_read", error=type(error).__name__)
            await asyncio.sleep(_POLL_S)

    async def sweep(self) -> int:
        """Tries everything that is due; how many attempts were made."""
        jobs = await self._claim()
        for job, message in jobs:
            await self._attempt(job, message)
        return len(jobs)

    async def _claim(self) -> list[tuple[PushJob, Message]]:
        moment = now()
        free = or_(PushJob.claimed_until.is_(None), PushJob.claimed_until < moment)
        query = (
            select(PushJob, Message)
            .join(Message, Message.id == PushJob.message_id)
            .where(PushJob.due_at <= moment, free)
            .order_by(PushJob.due_at)
            .limit(20)
            .with_for_update(of=PushJob, skip_locked=True)
        )
        async with self._database.transaction() as session:
            taken = [(job, message) for job, message in await session.execute(query)]
            for job, _ in taken:
                job.claimed_until = moment + _CLAIM
        return taken

    async def _attempt(self, job: PushJob, message: Message) -> None:
        body = body_of(job, message)
        headers = {
            "Content-Type": "application/json",
            HEADER: signature(self._secret, int(time.time()), body),
        }
        try:
            answer = await self._http.post(self._url, content=body, headers=headers)
            done = answer.is_success or answer.status_code == _GONE
            why = str(answer.status_code)
        except httpx.HTTPError as error:
            done, why = False, type(error).__name__
        if done or job.attempts >= len(DELAYS_S):
            if not done:
                log.warning("push_given_up", message=message.id, why=why)
            await self._forget(job)
        else:
            await self._later(job, why)

    async def _later(self, job: PushJob, why: str) -> None:
        log.info("push_later", message=job.message_id, tried=job.attempts + 1, why=why)
        due = now() + timedelta(seconds=DELAYS_S[job.attempts])
        change = update(PushJob).where(PushJob.message_id == job.message_id)
        async with self._database.transaction() as session:
            await session.execute(
                change.values(attempts=PushJob.attempts + 1, due_at=due, claimed_until=None)
            )

    async def _forget(self, job: PushJob) -> None:
        async with self._database.transaction() as session:
            await session.execute(delete(PushJob).where(PushJob.message_id == job.message_id))

    async def close(self) -> None:
        await self.settle()
        await self._http.aclose()


def body_of(job: PushJob, message: Message) -> bytes:
    """What is posted. The words are a masked beginning: a lock screen is no place for more."""
    return orjson.dumps(
        {
            "event": "message",
            "delivery_id": job.message_id,
            "customer_id": job.customer_id,
            "conversation_id": message.conversation_id,
            "message": {
                "message_id": message.id,
                "seq": message.seq,
                "sender": message.sender,
                "preview": mask(message.text)[:_PREVIEW],
                "created_at": message.created_at.isoformat(),
            },
        }
    )
