"""What every channel speaks to the gateway: one message type in, one delivery method out."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import EmptyText, TextTooLong

MAX_TEXT = 2000
"""Characters in one message."""
_KEPT_CONTROLS = "\n\t"


@dataclass(frozen=True)
class InboundMessage:
    """One message of a customer, verified and decoded.

    ``channel_message_id`` is the sender's own id: the same id again is the same message.
    """

    conversation_id: str
    channel: str
    channel_message_id: str
    text: str


class ChannelAdapter(Protocol):
    """A platform on which customers talk."""

    name: str

    async def deliver(self, conversation_id: str, messages: list[dict[str, Any]]) -> None:
        """Delivers messages (the public form of the transcript's) to the customer, in order."""


def clean_text(raw: str) -> str:
    """A customer's text without control characters and surrogates, trimmed.

    Raises:
        EmptyText: nothing is left.
        TextTooLong: over 2,000 characters.
    """
    kept = (c for c in raw if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cs"))
    text = "".join(kept).strip()
    if not text:
        raise EmptyText
    if len(text) > MAX_TEXT:
        raise TextTooLong(length=len(text), limit=MAX_TEXT)
    return text
