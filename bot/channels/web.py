"""The web page and the app: input comes by REST or WebSocket, delivery is the live transcript."""

from __future__ import annotations

from typing import Any

from bot.channels.base import InboundMessage, clean_text
from core.clock import new_id


class WebAdapter:
    """Decodes the page's messages. The page follows the transcript itself, so delivery does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(
        self, conversation_id: str, text: str, client_message_id: str | None
    ) -> InboundMessage:
        """Raises EmptyText or TextTooLong."""
        message_id = client_message_id or new_id("cm")
        return InboundMessage(conversation_id, self.name, message_id, clean_text(text))

    async def deliver(self, conversation_id: str, messages: list[dict[str, Any]]) -> None:
        """Nothing to do: storing a message already announced it to the open pages."""
