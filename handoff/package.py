"""Builds context packages: once when a handoff opens, and whole, with the live transcript, when it is read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.security import mask
from core.transcript import Conversation, Message
from handoff.context import (
    ContextPackage,
    ConversationPart,
    Customer,
    CustomerFacts,
    Earlier,
    HandoffRequest,
    MoodPoint,
    Wants,
    Why,
)
from handoff.models import Handoff, Ticket
from handoff.routing import GROUP_WORDS, TRIGGER_WORDS
from handoff.suggestions import suggestions
from handoff.summary import mood_of, mood_point, no_need_to_ask, summarise

log = structlog.get_logger(__name__)

FACTS_TIMEOUT_S = 5.0
_VERIFICATION = {0: "guest", 1: "bound", 2: "verified"}


class PackageBuilder:
    """Joins the dialogue's request, the customer's facts and the transcript."""

    def __init__(self, database: Database, customer_facts: CustomerFacts) -> None:
        self._database = database
        self._facts = customer_facts

    def first(
        self,
        handoff: Handoff,
        conversation: Conversation,
        request: HandoffRequest,
        customer_words: Sequence[Message],
    ) -> ContextPackage:
        """The package when the handoff opens, from what is at hand, without asking anybody.

        Args:
            customer_words: the customer's messages of this conversation.
        """
        trigger_text = TRIGGER_WORDS[request.trigger]
        return ContextPackage(
            handoff_id=handoff.id,
            built_at=now().isoformat(),
            conversation=_where(conversation, [conversation.channel]),
            customer=customer_of(conversation),
            why=Why(
                trigger=request.trigger,
                trigger_text=trigger_text,
                skill_group=handoff.skill_group,
                skill_group_text=GROUP_WORDS[handoff.skill_group],
                asked_group=request.skill_group,
                priority=handoff.priority,
                priority_reasons=handoff.priority_reasons,
                complaint_grade=request.complaint_grade,
            ),
            wants=Wants(
                request=handoff.request,
                intent=request.intent,
                slots=request.slots,
                entities=request.entities,
            ),
            tried=request.tried,
            knowledge_shown=request.knowledge_shown,
            mood=mood_of(_points(customer_words)),
            suggested_replies=request.hits,
        )

    async def with_facts(
        self, package: ContextPackage, conversation: Conversation
    ) -> ContextPackage | None:
        """The package with what the operator's systems know; None when they do not answer.

        A guest has nobody to ask about: the package comes back as it is.
        """
        if not conversation.customer_id and not conversation.phone:
            return package
        try:
            async with asyncio.timeout(FACTS_TIMEOUT_S):
                facts = await self._facts(conversation.customer_id, conversation.phone)
            return _merge(package, conversation, facts)
        except (TimeoutError, ValidationError) as error:
            log.warning("customer_facts_missing", error=type(error).__name__)
        except Exception:
            # The operator's client may fail in any way; a handoff goes on without its figures.
            log.exception("customer_facts_missing")
        return None

    async def whole(self, session: AsyncSession, handoff: Handoff) -> ContextPackage:
        """The stored package with the transcript of this and all earlier conversations, as of now."""
        package = ContextPackage.model_validate(handoff.context)
        conversation = await session.get_one(Conversation, handoff.conversation_id)
        others = await _other_conversations(session, conversation)
        wanted = [conversation.id, *(other.id for other in others)]
        lines = await _messages(session, wanted)
        own = lines[conversation.id]
        package.conversation = _where(conversation, _channels(conversation, others))
        package.transcript = [message.staff() for message in own]
        package.earlier = [_earlier(other, lines[other.id]) for other in others]
        package.mood = mood_of(_points(own))
        package.why = package.why.model_copy(
            update={
                "skill_group": handoff.skill_group,
                "skill_group_text": GROUP_WORDS[handoff.skill_group],
                "priority": handoff.priority,
                "priority_reasons": handoff.priority_reasons,
            }
        )
        package.open_tickets = _merge_tickets(
            package.open_tickets, await _own_tickets(session, conversation)
        )
        package.suggested_replies = suggestions(package, own, _opened_with(handoff, own))
        package.no_need_to_ask = no_need_to_ask(package)
        package.summary = summarise(package)
        return package


def customer_of(conversation: Conversation) -> Customer:
    """What the conversation itself knows about its customer."""
    profile = conversation.profile or {}
    return Customer.model_validate(
        {
            "customer_id": conversation.customer_id,
            "name": profile.get("name"),
            "masked_phone": mask(conversation.phone) if conversation.phone else None,
            "tier": profile.get("tier") or "normal",
            "elderly": bool(profile.get("elderly")),
            "verification": _VERIFICATION.get(conversation.assurance, "guest"),
        }
    )


def _merge(
    package: ContextPackage, conversation: Conversation, facts: Mapping[str, Any]
) -> ContextPackage:
    known = {name: value for name, value in facts.items() if value is not None}
    tickets = known.pop("open_tickets", [])
    base = customer_of(conversation).model_dump()
    # Who it is and how sure we are, only the conversation says.
    for fixed in ("verification", "customer_id"):
        known.pop(fixed, None)
    if isinstance(known.get("masked_phone"), str):
        known["masked_phone"] = mask(known["masked_phone"])
    customer = Customer.model_validate({**base, **known, "facts_at": now().isoformat()})
    return package.model_copy(update={"customer": customer, "open_tickets": list(tickets)})


def _where(conversation: Conversation, channels: list[str]) -> ConversationPart:
    return ConversationPart(
        conversation_id=conversation.id,
        channel=conversation.channel,
        channels=channels,
        started_at=conversation.created_at.isoformat(),
    )


def _channels(conversation: Conversation, others: Sequence[Conversation]) -> list[str]:
    return list(dict.fromkeys([conversation.channel, *(other.channel for other in others)]))


def _opened_with(handoff: Handoff, messages: Sequence[Message]) -> Message | None:
    said = [m for m in messages if m.sender == "customer" and m.created_at <= handoff.opened_at]
    return said[-1] if said else None


def _points(messages: Sequence[Message]) -> list[MoodPoint]:
    own = [message for message in messages if message.sender == "customer"]
    points = (mood_point(message.seq, message.understanding) for message in own)
    return [point for point in points if point]


async def _other_conversations(
    session: AsyncSession, conversation: Conversation
) -> list[Conversation]:
    if not conversation.customer_id:
        return []
    query = select(Conversation).where(
        Conversation.customer_id == conversation.customer_id, Conversation.id != conversation.id
    )
    return list((await session.execute(query.order_by(Conversation.created_at))).scalars())


async def _messages(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[Message]]:
    query = select(Message).where(Message.conversation_id.in_(ids))
    lines: dict[str, list[Message]] = defaultdict(list)
    rows = await session.execute(query.order_by(Message.conversation_id, Message.seq))
    for message in rows.scalars():
        lines[message.conversation_id].append(message)
    return lines


def _earlier(conversation: Conversation, messages: Sequence[Message]) -> Earlier:
    return Earlier(
        conversation_id=conversation.id,
        channel=conversation.channel,
        started_at=conversation.created_at.isoformat(),
        messages=[message.staff() for message in messages],
    )


async def _own_tickets(session: AsyncSession, conversation: Conversation) -> list[dict[str, Any]]:
    mine = Ticket.conversation_id == conversation.id
    if conversation.customer_id:
        mine = mine | (Ticket.customer_id == conversation.customer_id)
    query = select(Ticket).where(mine, Ticket.state.in_(["open", "processing"]))
    rows = await session.execute(query.order_by(Ticket.created_at))
    return [
        {"id": row.id, "title": row.title, "status": row.state, "kind": row.kind}
        for row in rows.scalars()
    ]


def _merge_tickets(*lists: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for tickets in lists:
        for ticket in tickets:
            merged.setdefault(str(ticket.get("id")), ticket)
    return list(merged.values())
