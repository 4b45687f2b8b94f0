"""Brings what customers do on WeChat and WeCom into their conversations, each thing once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select

from bot.channels.base import InboundMessage, clean_text
from bot.channels.contacts import Act, Contacts
from bot.channels.courier import Courier
from bot.channels.outbox import Outbox
from bot.gateway import words
from bot.gateway.channel_rules import ChannelRules, Plan, about_media
from bot.gateway.conversations import ConversationRouter
from bot.gateway.media_api import Media
from bot.identity.accounts import Identities
from core.clock import now
from core.database import Database
from core.errors import ChangdaError, EmptyText, TextTooLong
from core.outbox import PUSHED_CHANNELS
from core.redis_keys import channel_message
from core.transcript import Conversation, Draft, Message, Transcript

log = structlog.get_logger(__name__)
UNANSWERED_AFTER = timedelta(seconds=45)
"""A stored message without an answer after this was left by a process that died."""
_FORGOTTEN_AFTER = timedelta(minutes=15)
_RECOVER_EVERY_S = 20.0
_REPEATED_WITHIN_S = {"wechat": 3600, "wecom": 3 * 86_400 + 3600}
"""Longer than a platform repeats a callback, or keeps its log, which may be read again from its start."""


@dataclass(frozen=True)
class Heard:
    """One message of a customer as a platform told it. ``key`` is the same for its repetitions.

    ``passive_until``: so long a callback waits for what can be said in its answer.
    """

    channel: str
    account: str
    key: str
    text: str
    card: dict[str, Any] | None = None
    act: Act | None = "said"
    passive_until: datetime | None = None


class Turns:
    """One at a time for each account, first come first served, in this process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, channel: str, account: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault((channel, account), asyncio.Lock())
        async with lock:
            yield


@dataclass(frozen=True)
class Accepted:
    """A stored message and what to do with it."""

    inbound: InboundMessage
    plan: Plan
    account: str


class Reception:
    """The way in for platforms that call us."""

    def __init__(
        self,
        database: Database,
        transcript: Transcript,
        identities: Identities,
        router: ConversationRouter,
        rules: ChannelRules,
        contacts: Contacts,
        outbox: Outbox,
        courier: Courier,
        redis: Redis,
    ) -> None:
        self._database = database
        self._transcript = transcript
        self._identities = identities
        self._router = router
        self._rules = rules
        self._contacts = contacts
        self._outbox = outbox
        self._courier = courier
        self._redis = redis
        self.media: Media | None = None
        self._fetching: set[asyncio.Task[None]] = set()
        self._storing, self._answering = Turns(), Turns()

    async def message(self, heard: Heard) -> None:
        """Stores a message and has it answered. Raises ChangdaError."""
        accepted = await self.store(heard)
        if accepted is not None:
            await self.answer(accepted)

    async def store(self, heard: Heard) -> Accepted | None:
        """Puts a message into its conversation; None when it was there and is dealt with."""
        async with self._storing.of(heard.channel, heard.account):
            return await self._store(heard)

    async def _store(self, heard: Heard) -> Accepted | None:
        channel, account = heard.channel, heard.account
        conversation = await self._identities.conversation_of(channel, account)
        stored = await self._stored(heard, conversation.id)
        if stored is not None:
            # A repetition allows nothing new, and takes no choices away.
            return None if stored.reply_ids is not None else _again(stored, channel, account)
        before = await self._contacts.get(channel, account)
        await self._contacts.heard(
            channel, account, heard.act, heard.passive_until,
            choices=[], reminded_at=None, following=True,
        )  # fmt: skip
        await self._outbox.resume(channel, account)
        text, card = _readable(heard)
        known = await self._identities.find(channel, account)
        plan = await self._rules.plan(before, known, text, card)
        inbound = InboundMessage(conversation.id, channel, heard.key, plan.text, card, account)
        message = await self._router.store(inbound)
        self._fetch(message)
        await self._remember(heard, conversation.id)
        return Accepted(inbound, plan, account)

    def _fetch(self, message: Message) -> None:
        """The platform keeps files for three days, agents may look later."""
        if self.media is None or not (message.card or {}).get("media_id"):
            return
        task = asyncio.create_task(self._keep(self.media, message))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _keep(self, media: Media, message: Message) -> None:
        try:
            await media.keep(message)
        except (ChangdaError, OSError) as error:
            # Whoever looks at it will fetch it then.
            log.info("media_not_fetched", message=message.id, error=type(error).__name__)

    async def settle(self) -> None:
        """Waits for files on their way."""
        await asyncio.gather(*self._fetching, return_exceptions=True)

    async def _stored(self, heard: Heard, conversation_id: str) -> Message | None:
        """The message if it came before, also when its account speaks elsewhere since."""
        found = await self._transcript.by_client_id(conversation_id, heard.key)
        if found is not None:
            return found
        try:
            before = await self._redis.get(channel_message(heard.channel, heard.key))
        except RedisError as error:
            log.warning("repetitions_known_by_conversation_only", error=type(error).__name__)
            return None
        if before is None:
            return None
        where = before.decode() if isinstance(before, bytes) else before
        return await self._transcript.by_client_id(where, heard.key)

    async def _remember(self, heard: Heard, conversation_id: str) -> None:
        key = channel_message(heard.channel, heard.key)
        with contextlib.suppress(RedisError):
            await self._redis.set(key, conversation_id, ex=_REPEATED_WITHIN_S[heard.channel])

    async def answer(self, accepted: Accepted) -> None:
        """Has a stored message answered by whoever owns the conversation. Raises ChangdaError."""
        inbound, plan = accepted.inbound, accepted.plan
        account = (inbound.channel, accepted.account)
        async with self.in_turn(*account):
            if plan.proves_anew and await self._by_the_bot(inbound.conversation_id):
                await self._identities.lapse(*account)
                await self._router.forget(inbound.conversation_id)
            outcome = await self._router.receive(inbound, plan)
            if plan.unbinds and outcome.state == "bot":
                await self._identities.unbind(*account)
            elif plan.uses and outcome.state == "bot":
                await self._identities.use(*account, plan.uses)
        self._courier.nudge()

    async def _by_the_bot(self, conversation_id: str) -> bool:
        return (await self._transcript.conversation(conversation_id)).owner == "bot"

    def in_turn(self, channel: str, account: str) -> AbstractAsyncContextManager[None]:
        """Answers to one account are made one after another, in the order in which they were begun."""
        return self._answering.of(channel, account)

    async def greet(self, heard: Heard, **known: Any) -> bool:
        """A customer came without words: welcomes them once, unless a person is serving them.

        Args:
            known: columns of the contact.

        Returns:
            Whether there is a welcome, and it is new.
        """
        channel, account = heard.channel, heard.account
        conversation = await self._identities.conversation_of(channel, account)
        if await self._transcript.by_client_id(conversation.id, heard.key) is not None:
            return False
        await self._contacts.heard(channel, account, heard.act, heard.passive_until, **known)
        conversation = await self._identities.speaks(channel, account, conversation.id)
        if conversation.owner != "bot":
            return False
        elderly = bool((conversation.profile or {}).get("elderly"))
        text = heard.text or (words.WELCOME_ELDERLY if elderly else words.WELCOME)
        buttons = words.buttons(words.FEW_BUTTONS if elderly else words.WELCOME_BUTTONS)
        welcome = Draft("bot", text, buttons, client_message_id=heard.key)
        await self._transcript.append(conversation.id, welcome)
        self._courier.nudge()
        return True

    async def left(self, channel: str, account: str) -> None:
        """The customer does not follow us any more: nothing reaches them, and staff should know."""
        await self._contacts.heard(channel, account, None, following=False, choices=[])
        lost = await self._outbox.give_up(channel, account, "客户已取消关注")
        if lost:
            line = f"有{len(lost)}条消息没有送达客户：客户已取消关注。"
            await self._courier.tell_staff(lost, line, "failed")

    async def tell_staff(self, channel: str, account: str, line: str, key: str) -> None:
        """Writes what agents should know into the account's conversation, once."""
        conversation = await self._identities.conversation_of(channel, account)
        note = Draft("system", line, audience="staff", client_message_id=key)
        await self._transcript.append(conversation.id, note)

    async def run(self, stop: asyncio.Event) -> None:
        """Answers what a process left unanswered when it died, until ``stop`` is set."""
        while not stop.is_set():
            try:
                await self.recover()
            except Exception:
                log.exception("recovery_failed")
            await asyncio.sleep(_RECOVER_EVERY_S)

    async def recover(self) -> int:
        """One look for unanswered messages; how many were answered."""
        moment = now()
        query = (
            select(Message, Conversation)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(
                Message.sender == "customer",
                Message.reply_ids.is_(None),
                Message.client_message_id.is_not(None),
                Message.created_at > moment - _FORGOTTEN_AFTER,
                Message.created_at < moment - UNANSWERED_AFTER,
                Conversation.channel.in_(PUSHED_CHANNELS),
            )
            .order_by(Message.created_at)
            .limit(50)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        found = [_again(m, c.channel, c.channel_account or "") for m, c in rows]
        for accepted in found:
            try:
                await self.answer(accepted)
            except ChangdaError as error:
                log.warning(
                    "not_answered_yet", key=accepted.inbound.channel_message_id, code=error.code
                )
        return len(found)


def _again(message: Message, channel: str, account: str) -> Accepted:
    """A stored message, to be answered now. Most rules had their say when it was stored."""
    inbound = InboundMessage(
        message.conversation_id, channel, str(message.client_message_id), message.text,
        message.card, account,
    )  # fmt: skip
    plan = Plan(message.text, about_media(message.card) if message.card else None)
    return Accepted(inbound, plan, account)


def _readable(heard: Heard) -> tuple[str, dict[str, Any] | None]:
    """The text without what cannot be stored; what has no text is told as such."""
    try:
        return clean_text(heard.text), heard.card
    except TextTooLong:
        return heard.text[:2000], {"type": "media", "kind": "too_long", "channel": heard.channel}
    except EmptyText:
        return "[没有文字的消息]", heard.card or {
            "type": "media",
            "kind": "other",
            "channel": heard.channel,
        }
