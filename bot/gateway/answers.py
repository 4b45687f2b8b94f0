"""Tells the knowledge base what became of its answers: shown, helpful or not, followed by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.dialogue.client import Reply
from core.transcript import Message
from knowledge_base.text import normalize
from knowledge_base.usage import FirstHit, UsageLog

log = structlog.get_logger(__name__)
REACTIONS = {"feedback_positive": True, "feedback_negative": False}
WORDS = {"解决了": True, "没解决": False, "没解决我的问题": False}
"""What the buttons say, which counts however it is understood."""
HUMAN = {"title": "转人工", "payload": "转人工"}
_OTHERS = 2


class AnswerFollower:
    """Watches the bot's turns. What it cannot record must never cost the customer an answer."""

    def __init__(self, usage: UsageLog) -> None:
        self._usage = usage

    async def turn(
        self, asked: Message, said: Sequence[tuple[Message, Reply]], understanding: dict[str, Any]
    ) -> None:
        """After each turn of the bot.

        Args:
            asked: the customer's message.
            said: what was stored of the bot's replies, beside the replies themselves.
        """
        hits = first_hits(said, understanding)
        intent = str((understanding.get("intent") or {}).get("name"))
        reaction = WORDS.get(normalize(asked.text), REACTIONS.get(intent))
        try:
            if reaction is not None:
                await self._usage.react_to_last(asked.conversation_id, asked.seq, reaction)
            if hits:
                await self._usage.record(asked.conversation_id, asked.seq, asked.text, hits)
        except SQLAlchemyError:
            log.exception("answer_not_recorded", conversation=asked.conversation_id)

    async def handed_over(self, conversation_id: str) -> None:
        """After a person was called."""
        try:
            await self._usage.handed_over(conversation_id)
        except SQLAlchemyError:
            log.exception("handoff_not_counted", conversation=conversation_id)

    async def react(self, conversation_id: str, message_id: str, helpful: bool) -> dict[str, Any]:
        """The customer's word on one answer, and what else there is for them.

        Returns:
            {"message_id", "helpful", "next"}; ``next`` are buttons, the nearest other questions
            and a person, empty after a helpful answer.
        """
        row = await self._usage.react(conversation_id, message_id, helpful)
        others = [{"title": title, "payload": title} for title in row.others[:_OTHERS]]
        return {
            "message_id": message_id,
            "helpful": helpful,
            "next": [] if helpful else [*others, HUMAN],
        }


def first_hits(
    said: Sequence[tuple[Message, Reply]], understanding: dict[str, Any]
) -> list[FirstHit]:
    """The entries whose answers were shown; else the one that the bot asked back about."""
    shown = [
        FirstHit(
            str(reply.knowledge["entry_id"]), float(reply.knowledge.get("score") or 0.0),
            message.id, tuple(str(other) for other in reply.knowledge.get("others") or ()),
        )
        for message, reply in said if reply.knowledge and reply.knowledge.get("entry_id")
    ]  # fmt: skip
    knowledge = understanding.get("knowledge") or {}
    hits = knowledge.get("hits") or []
    asked_back = (understanding.get("intent") or {}).get("name") == "ask_knowledge"
    if shown or not hits or not asked_back or knowledge.get("decision") != "clarify":
        return shown
    return [FirstHit(str(hits[0]["entry_id"]), float(hits[0].get("score") or 0.0))]
