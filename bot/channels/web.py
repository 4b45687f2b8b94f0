"""The web page and the app: input comes by REST or WebSocket, delivery is the live transcript."""

from __future__ import annotations

from bot.channels.base import InboundMessage, clean_text
from core.clock import new_id


class WebAdapter:
    """Decodes the page's messages. The page follows the transcript itself, so there is nothing to carry."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(
        self,
        conversation_id: str,
        text: str,
        client_message_id: str | None,
        account: str = "",
        address: str = "",
    ) -> InboundMessage:
        """Raises EmptyText or TextTooLong."""
        return InboundMessage(
            conversation_id,
            self.name,
            client_message_id or new_id("cm"),
            clean_text(text),
            account=account,
            address=address,
        )
