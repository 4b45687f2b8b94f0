"""Every Redis key and channel. Braces are hash tags: keys used together live on one cluster slot."""

from __future__ import annotations

PREFIX = "cd"

QUEUE_WAITING = f"{PREFIX}:{{queue}}:waiting:"
"""+ skill group → ZSET of handoff ids, score = order (lower is earlier)."""
QUEUE_CLAIMS = f"{PREFIX}:{{queue}}:claims"
"""HASH handoff id → agent id that claimed it."""
QUEUE_EPOCH = f"{PREFIX}:{{queue}}:epoch"
"""Set once the queue was rebuilt from SQL; its absence means Redis was wiped."""
AGENT_SEEN = f"{PREFIX}:{{agents}}:seen"
"""ZSET agent id → unix time of the last sign of life."""
STAFF_CHANNEL = f"{PREFIX}:live:staff"
"""Pub/sub: handoff and queue events for every desk."""
KNOWLEDGE_CHANNEL = f"{PREFIX}:live:knowledge"
"""Pub/sub: a snapshot was published."""


def conversation_channel(conversation_id: str) -> str:
    """Pub/sub: what happens in one conversation."""
    return f"{PREFIX}:live:conversation:{conversation_id}"


def backstage_channel(conversation_id: str) -> str:
    """Pub/sub: what only staff may know of one conversation (previews, assistance, who joins)."""
    return f"{PREFIX}:live:backstage:{conversation_id}"


def agent_channel(agent_id: str) -> str:
    """Pub/sub: what concerns one agent."""
    return f"{PREFIX}:live:agent:{agent_id}"


def conversation_lock(conversation_id: str) -> str:
    """Lock: one message of a conversation is worked on at a time."""
    return f"{PREFIX}:lock:conversation:{conversation_id}"


def attempts(kind: str, subject: str) -> str:
    """Counter with expiry: attempts of a kind (login, sms code) by a subject."""
    return f"{PREFIX}:attempts:{kind}:{subject}"
