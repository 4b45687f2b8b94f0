"""Every Redis key and channel. Braces are hash tags: keys used together live on one cluster slot."""

from __future__ import annotations

PREFIX = "cd"

QUEUE_WAITING = f"{PREFIX}:{{queue}}:waiting:"
"""+ skill group → ZSET of handoff ids, score = order (lower is earlier)."""
QUEUE_CLAIMS = f"{PREFIX}:{{queue}}:claims"
"""HASH handoff id → agent id that claimed it."""
QUEUE_EPOCH = f"{PREFIX}:{{queue}}:epoch"
"""Set once the queue was rebuilt from SQL; its absence means Redis was wiped."""
QUEUE_FACTS = f"{PREFIX}:{{queue}}:facts"
"""HASH handoff id → JSON: whom it prefers, is reserved for, was refused by, and who may help out."""
QUEUE_HELD = f"{PREFIX}:{{queue}}:held"
"""HASH handoff id → agent id it is offered to or served by."""
QUEUE_LOAD = f"{PREFIX}:{{queue}}:load"
"""HASH agent id → how many of ``held`` are theirs."""
QUEUE_OFFERS = f"{PREFIX}:{{queue}}:offers"
"""HASH agent id → handoff id on offer; one at a time."""
QUEUE_AGENTS = f"{PREFIX}:{{queue}}:agents"
"""HASH agent id → JSON of who is online: skill groups and capacity."""
QUEUE_IDLE = f"{PREFIX}:{{queue}}:idle"
"""HASH agent id → number of their last change of load; lower is longer ago."""
QUEUE_SEQUENCE = f"{PREFIX}:{{queue}}:sequence"
"""Counter behind ``idle``."""
QUEUE_READY = f"{PREFIX}:{{queue}}:ready:"
"""+ skill group → ZSET of agents with room, who is asked first has the lowest score."""
QUEUE_ONLINE = f"{PREFIX}:{{queue}}:online:"
"""+ skill group → SET of agents who are online."""
WATCH_LEASE = f"{PREFIX}:{{queue}}:watch"
"""Which process does the periodic work at present; expires."""
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


def open_socket(conversation_id: str) -> str:
    """Set while a customer's page is connected to a conversation; expires."""
    return f"{PREFIX}:socket:{conversation_id}"


def attempts(kind: str, subject: str) -> str:
    """Counter with expiry: attempts of a kind (login, sms code) by a subject."""
    return f"{PREFIX}:attempts:{kind}:{subject}"


def channel_token(name: str) -> str:
    """The platform's access token of one of our accounts; expires before it does."""
    return f"{PREFIX}:channel:{{{name}}}:token"


def channel_token_lock(name: str) -> str:
    """Lock: one process fetches that token."""
    return f"{PREFIX}:channel:{{{name}}}:token:lock"


def channel_nonce(name: str, nonce: str) -> str:
    """Digest of what came under a callback's signature; a signature serves one content only."""
    return f"{PREFIX}:channel:{{{name}}}:nonce:{nonce}"


def channel_message(channel: str, key: str) -> str:
    """Conversation in which a platform's message was stored; its repetitions are known by it."""
    return f"{PREFIX}:channel:{{{channel}}}:message:{key}"


def channel_typing(name: str, account: str) -> str:
    """Set while the platform shows that we type; expires."""
    return f"{PREFIX}:channel:{{{name}}}:typing:{account}"


def channel_taken(channel: str, account: str) -> str:
    """Set while a colleague serves the account in the platform's own client; expires."""
    return f"{PREFIX}:channel:{{{channel}}}:taken:{account}"


def channel_sync_lock(name: str) -> str:
    """Lock: one process reads a platform's message log at a time."""
    return f"{PREFIX}:channel:{{{name}}}:sync:lock"
