"""One message, start to end: stored first, then answered by its conversation's owner."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from bot.channels.base import InboundMessage
from bot.dialogue.client import DialogueAnswer, DialogueClient, DialogueDown
from bot.gateway import words
from bot.gateway.answers import AnswerFollower
from bot.gateway.care import Care
from bot.gateway.channel_rules import Plan
from bot.gateway.locks import ConversationLocks
from bot.gateway.metrics import BOT_DOWN, HOP_SECONDS, MESSAGES
from bot.identity.accounts import Identities
from bot.identity.models import BOUND, Known
from core.errors import ChangdaError, IllegalMove
from core.events import MOVED, STATE, TYPING, LiveBus
from core.redis_keys import conversation_channel
from core.transcript import Conversation, Draft, Message, Owner, Transcript
from handoff.context import HandoffRequest
from handoff.service import HandoffService
from handoff.words import wants_call_back, wants_to_cancel

log = structlog.get_logger(__name__)
OnMiss = Callable[[str, str, float, str | None], Awaitable[None]]
"""Told of a question nobody could answer: text, conversation, best score, best entry."""


@dataclass(frozen=True)
class Outcome:
    """What became of a customer's message."""

    message: Message
    replies: list[Message]
    state: Owner
    timing: dict[str, float] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        shown = [
            {"message_id": reply.id, "seq": reply.seq, "sender": reply.sender, "text": reply.text}
            | {k: v for k, v in (("buttons", reply.buttons), ("card", reply.card)) if v}
            for reply in self.replies
        ]
        return {
            "message_id": self.message.id,
            "seq": self.message.seq,
            "replies": shown,
            "state": self.state,
        }


class ConversationRouter:
    """Sends each message to the bot or to the handoff, whoever owns the conversation."""

    def __init__(
        self,
        transcript: Transcript,
        dialogue: DialogueClient,
        handoffs: HandoffService,
        locks: ConversationLocks,
        bus: LiveBus,
        on_miss: OnMiss,
        answers: AnswerFollower,
        identities: Identities,
        care: Care,
    ) -> None:
        self._care = care
        self._identities = identities
        self._transcript = transcript
        self._dialogue = dialogue
        self._handoffs = handoffs
        self._locks = locks
        self._bus = bus
        self._on_miss = on_miss
        self._answers = answers

    async def store(self, inbound: InboundMessage) -> Message:
        """Stores a message, to be answered later; the same message again is the first one."""
        draft = Draft(
            "customer",
            inbound.text,
            card=inbound.card,
            client_message_id=inbound.channel_message_id,
        )
        (message,) = await self._transcript.append(inbound.conversation_id, draft)
        return message

    async def receive(self, inbound: InboundMessage, plan: Plan | None = None) -> Outcome:
        """Stores and answers a message; the same message again gets the first answer.

        Args:
            plan: what the channel's rules made of the message, if they have a say.
        """
        started = time.perf_counter()
        message = await self.store(inbound)
        stored = time.perf_counter()
        async with self._locks.hold(message.conversation_id):
            # It may have moved, or been answered, while it waited for its turn.
            message, conversation = await self._identities.followed(message.id)
            if inbound.account:
                conversation = await self._identities.speaks(
                    inbound.channel, inbound.account, conversation.id
                )
            if message.reply_ids is not None:
                replies = await self._transcript.with_ids(message.reply_ids)
                return Outcome(message, replies, conversation.owner)
            timing = await self._answer(
                conversation, message, self._plan(message, plan), inbound.address
            )
            message, _ = await self._identities.followed(message.id)
            outcome = await self._outcome(message)
        MESSAGES.labels(inbound.channel, outcome.state).inc()
        total = (time.perf_counter() - started) * 1000
        timing["store"] = (stored - started) * 1000
        timing["app"] = max(0.0, total - sum(timing.values()))
        for hop, milliseconds in timing.items():
            HOP_SECONDS.labels(hop).observe(milliseconds / 1000)
        return Outcome(outcome.message, outcome.replies, outcome.state, timing)

    async def forget(self, conversation_id: str) -> None:
        """What the dialogue knows of this conversation, proofs of identity included, counts no more."""
        conversation = await self._transcript.conversation(conversation_id)
        with contextlib.suppress(DialogueDown):
            await self._dialogue.forget(conversation.dialogue_id or conversation.id)

    def _plan(self, message: Message, plan: Plan | None) -> Plan:
        """What the channel's rules say comes first; on every channel one may ask for large type."""
        if plan is not None and (plan.answer or plan.asks):
            return plan
        return self._care.plan(message.text) or plan or Plan(message.text)

    async def _outcome(self, message: Message) -> Outcome:
        conversation = await self._transcript.conversation(message.conversation_id)
        shown = await self._transcript.messages(
            message.conversation_id, after=message.seq, audience="all"
        )
        replies = [m for m in shown if m.sender in ("bot", "system")]
        return Outcome(message, replies, conversation.owner)

    async def _answer(
        self, conversation: Conversation, message: Message, plan: Plan, address: str
    ) -> dict[str, float]:
        if conversation.owner == "bot" and plan.answer is not None:
            drafts = await plan.answer(conversation, message)
            await self._transcript.append(conversation.id, *drafts)
            await self._settle(message, None)
            return {}
        if conversation.owner == "bot" and message.text == words.RESUME:
            await self._resume(conversation, message)
            return {}
        if conversation.owner == "bot" and (noted := await self._handoffs.contact_left(message)):
            await self._transcript.append(conversation.id, Draft("system", noted))
            await self._settle(message, None)
            return {}
        if conversation.owner == "bot":
            return await self._ask_bot(conversation, message, plan.asks or message.text, address)
        if conversation.owner == "waiting" and wants_to_cancel(message.text):
            # An agent may have accepted in this very moment: then the customer is in good hands.
            with contextlib.suppress(IllegalMove):
                await self._handoffs.abandon(conversation.id)
        elif conversation.owner == "waiting" and wants_call_back(message.text):
            with contextlib.suppress(IllegalMove):
                await self._handoffs.call_back(conversation.id)
        await self._settle(message, None)
        # The bot is silent, not deaf: the agent is offered what it finds.
        self._handoffs.listen(message, conversation.customer_id)
        return {}

    async def _ask_bot(
        self, conversation: Conversation, message: Message, text: str, address: str
    ) -> dict[str, float]:
        channel = conversation_channel(conversation.id)
        await self._bus.publish(channel, TYPING, sender="bot")
        try:
            answer = await self._dialogue.ask(
                conversation.dialogue_id or conversation.id,
                text,
                identity_of(conversation, address),
            )
        except DialogueDown as error:
            log.error("dialogue_down", conversation=conversation.id, error=str(error))
            BOT_DOWN.inc()
            await self._stand_in(conversation, message)
            return {}
        await self._say(conversation, message, answer)
        return answer.timing

    async def _say(
        self, conversation: Conversation, message: Message, answer: DialogueAnswer
    ) -> None:
        for directive in answer.directives:
            if directive.get("name") == "verified":
                conversation, message = await self._recognise(conversation, message, directive)
        drafts = [
            Draft(
                "bot",
                reply.text,
                buttons=reply.buttons,
                card=reply.card,
                in_reply_to=message.id,
            )
            for reply in answer.replies
        ]
        said = await self._transcript.append(conversation.id, *drafts) if drafts else []
        understanding = answer.understanding
        await self._answers.turn(
            message, list(zip(said, answer.replies, strict=True)), understanding
        )
        if understanding and any(one.get("name") == "handoff" for one in answer.directives):
            # Whoever takes over sees the mood of these very words.
            await self._transcript.understood(message.id, understanding)
        for directive in answer.directives:
            await self._obey(conversation, directive)
        if any(directive.get("name") == "verified" for directive in answer.directives):
            await self._offer_open_talk(conversation)
        outcome = await self._outcome(message)
        if not outcome.replies and outcome.state == "bot":
            await self._stand_in(conversation, message)
            return
        await self._transcript.settle(message, outcome.replies, understanding)
        if is_miss(understanding):
            await self._on_miss(message.text, conversation.id, *best_hit(understanding))

    async def _obey(self, conversation: Conversation, directive: dict[str, Any]) -> None:
        fields = dict(directive)
        name = fields.pop("name", "")
        if name == "handoff":
            await self._open_handoff(conversation.id, HandoffRequest.from_directive(fields))
        elif name != "verified":
            log.warning("unknown_directive", name=name)

    async def _recognise(
        self, conversation: Conversation, message: Message, directive: dict[str, Any]
    ) -> tuple[Conversation, Message]:
        """The customer has just proved who they are: where the talk goes on from here."""
        account = conversation.channel_account or conversation.id
        joined = await self._identities.bind(
            conversation.channel, account, known_from(directive), said_from=message.seq
        )
        here = conversation_channel(conversation.id)
        if joined.id == conversation.id:
            # The page may switch to large type for an elderly customer.
            await self._bus.publish(here, STATE, state=joined.owner)
            return joined, message
        log.info("conversation_joined", left=conversation.id, joined=joined.id)
        if conversation.customer_id is not None:
            # What the dialogue learnt of one customer is nothing for the next.
            await self.forget(conversation.id)
        await self._bus.publish(here, MOVED, conversation_id=joined.id)
        if joined.owner != "bot":
            await self._transcript.append(joined.id, Draft("system", words.JOINED))
        moved, joined = await self._identities.followed(message.id)
        return joined, moved

    async def _offer_open_talk(self, conversation: Conversation) -> None:
        account = conversation.channel_account or conversation.id
        if await self._identities.open_talk(conversation.channel, account):
            buttons = words.buttons((words.RESUME,))
            await self._transcript.append(
                conversation.id, Draft("bot", words.OPEN_TALK, buttons=buttons)
            )

    async def _resume(self, conversation: Conversation, message: Message) -> None:
        """The customer wants back to the person they were talking to in another visit."""
        account = conversation.channel_account or conversation.id
        joined = await self._identities.resume(conversation.channel, account)
        if joined is None:
            draft = Draft("bot", words.NOTHING_OPEN, buttons=words.buttons(("转人工",)))
            await self._transcript.append(conversation.id, draft)
            await self._settle(message, None)
            return
        channel = conversation_channel(conversation.id)
        await self._bus.publish(channel, MOVED, conversation_id=joined.id)
        await self._transcript.append(joined.id, Draft("system", words.JOINED))
        moved, _ = await self._identities.followed(message.id)
        await self._settle(moved, None)

    async def _open_handoff(self, conversation_id: str, request: HandoffRequest) -> None:
        try:
            await self._handoffs.open(conversation_id, request)
            await self._answers.handed_over(conversation_id)
        except ChangdaError:
            raise
        except Exception:
            # The customer asked for a person and must hear something true, whatever broke.
            log.exception("handoff_failed", conversation=conversation_id)
            await self._transcript.append(
                conversation_id,
                Draft("bot", words.HANDOFF_DOWN, buttons=words.buttons(words.BOT_DOWN_BUTTONS)),
            )

    async def _stand_in(self, conversation: Conversation, message: Message) -> None:
        """Answers for a dialogue that is down: tells so, and can still fetch a person."""
        if words.wants_person(message.text):
            request = HandoffRequest(trigger="asked", skill_group="general", request=message.text)
            await self._open_handoff(conversation.id, request)
        else:
            draft = Draft(
                "bot",
                words.BOT_DOWN,
                buttons=words.buttons(words.BOT_DOWN_BUTTONS),
                in_reply_to=message.id,
            )
            await self._transcript.append(conversation.id, draft)
        await self._settle(message, None)

    async def _settle(self, message: Message, understanding: dict[str, Any] | None) -> None:
        outcome = await self._outcome(message)
        await self._transcript.settle(message, outcome.replies, understanding)


def is_miss(understanding: dict[str, Any]) -> bool:
    """Whether the customer asked something that the knowledge base should have known."""
    intent = (understanding.get("intent") or {}).get("name")
    decision = (understanding.get("knowledge") or {}).get("decision")
    return intent == "nlu_fallback" or (intent == "ask_knowledge" and decision == "none")


def best_hit(understanding: dict[str, Any]) -> tuple[float, str | None]:
    """Score and entry of the nearest entry, for the editors."""
    hits = (understanding.get("knowledge") or {}).get("hits") or []
    return (float(hits[0]["score"]), str(hits[0]["entry_id"])) if hits else (0.0, None)


def identity_of(conversation: Conversation, address: str = "") -> dict[str, Any]:
    """The customer's identity as the dialogue may know it.

    Args:
        address: network address of whoever speaks, for counting attempts.
    """
    profile = conversation.profile or {}
    elderly = bool(profile.get("elderly"))
    identity: dict[str, Any] = {"assurance": conversation.assurance, "elderly": elderly}
    source = {"account": conversation.channel_account, "address": address}
    identity |= {name: _named(value) for name, value in source.items() if value}
    if conversation.assurance < BOUND:
        return identity
    return identity | {
        "customer_id": conversation.customer_id,
        "phone": conversation.phone,
        "name": profile.get("name"),
        "tier": profile.get("tier"),
    }


def _named(source: str) -> str:
    """Tells one source from another without saying which."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def known_from(directive: dict[str, Any]) -> Known:
    """The customer of a ``verified`` directive."""
    # A directive's own name is "verified", so the customer's has another key.
    profile = {"name": directive.get("customer_name")}
    profile |= {name: directive.get(name) for name in ("tier", "elderly")}
    return Known(directive["customer_id"], directive["phone"], profile)
