"""What every channel speaks to the gateway: one message type in, one way of carrying messages out."""

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
    ``card`` is set when it is no text: {"type": "media", "kind": "image"|"voice"|"video"|"location"|"link"|
    "other", "url"?, "media_id"?, "latitude"?, "longitude"?, "label"?, "channel"}.
    """

    conversation_id: str
    channel: str
    channel_message_id: str
    text: str
    card: dict[str, Any] | None = None
    account: str = ""
    """Who wrote, on their channel, where the gateway must still note it."""
    address: str = ""
    """Network address of whoever wrote, where it is known."""


class NotDelivered(Exception):
    """Base of what keeps a message from its customer; ``reason`` is Chinese, for the agent."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class TryLater(NotDelivered):
    """Worth another try.

    Args:
        at_most: tries in all, if fewer than usual.
        wait_s: the shortest wait before the next.
        counted: whether the platform may have taken the message, so that our count must stand.
    """

    def __init__(
        self, reason: str, at_most: int | None = None, wait_s: float = 0, counted: bool = False
    ) -> None:
        super().__init__(reason)
        self.at_most = at_most
        self.wait_s = wait_s
        self.counted = counted


class QuotaUsed(NotDelivered):
    """Nothing more until the customer speaks; then it may go."""


class SessionOver(NotDelivered):
    """Somebody else has the conversation on the platform, or it ended there: until the customer speaks."""


class WindowClosed(NotDelivered):
    """The customer has been silent for too long, or does not follow us any more."""


class Undeliverable(NotDelivered):
    """This message will never arrive.

    Args:
        all_of_them: neither will any other message to this account.
    """

    def __init__(self, reason: str, all_of_them: bool = False) -> None:
        super().__init__(reason)
        self.all_of_them = all_of_them


class TooLong(NotDelivered):
    """The platform takes shorter texts only; or we take smaller files only."""


@dataclass(frozen=True)
class Sending:
    """One message of the platform: one or more of ours, or a part of a long one.

    ``key`` is the same whenever the same content is tried again.
    """

    key: str
    text: str
    choices: tuple[dict[str, str], ...] = ()


class ChannelAdapter(Protocol):
    """A platform to which messages are carried. Each method raises the errors above."""

    name: str
    max_bytes: int
    """Of one text in UTF-8."""

    async def send(self, account: str, sending: Sending) -> str | None:
        """Sends; returns the platform's name for it, if a failure may be reported by that name later."""

    async def remind(self, account: str) -> bool:
        """Asks a customer outside the window to come back; False when there is no way to."""


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
