"""Who may touch a conversation: the customer with its token, nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from bot.channels.base import InboundMessage
from bot.channels.web import WebAdapter
from bot.identity.accounts import Identities
from core.errors import NotAllowed, NotAuthenticated, TokenExpired
from core.security import TokenIssuer
from core.settings import Settings
from core.transcript import Conversation, Transcript


@dataclass(frozen=True)
class Visitor:
    """A customer at the door: the account that speaks, and the conversation it speaks in now."""

    conversation: Conversation
    channel: str
    account: str
    address: str = ""

    def says(self, text: str, client_message_id: str | None) -> InboundMessage:
        """Raises EmptyText or TextTooLong."""
        return WebAdapter(self.channel).decode(
            self.conversation.id, text, client_message_id, self.account, self.address
        )


class CustomerAccess:
    """Issues and checks customers' access tokens.

    A token names an account and opens the one conversation in which that account speaks, even when that
    becomes another one (``Identities.bind``): the page may go on using the id it began with.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: TokenIssuer,
        transcript: Transcript,
        identities: Identities,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._transcript = transcript
        self._identities = identities

    def issue(self, channel: str, account: str, conversation_id: str) -> str:
        """A token for the conversation just opened."""
        hours = self._settings.customer_token_hours
        return self._tokens.issue("customer", account, hours, ch=channel, cid=conversation_id)

    async def visitor(self, connection: HTTPConnection, conversation_id: str) -> Visitor:
        """Whoever the Bearer token of the request names, if it opens this conversation.

        Raises:
            NotAuthenticated, TokenExpired: no valid token.
            NotFound: there is no such conversation.
            NotAllowed: it is another customer's.
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        return await self.by_token(connection, token, conversation_id)

    async def by_token(
        self, connection: HTTPConnection, token: str, conversation_id: str
    ) -> Visitor:
        """Like ``visitor``, for a token that came another way."""
        claims = self._tokens.read(token, "customer")
        account = str(claims["sub"])
        begun = str(claims.get("cid") or account)
        channel = str(claims.get("ch") or "web")
        row = await self._identities.find(channel, account)
        if row is None or row.conversation_id is None:
            conversation = await self._transcript.conversation(begun)
        else:
            if await self._identities.outlived(row):
                raise TokenExpired
            conversation = await self._transcript.conversation(row.conversation_id)
        if conversation_id not in (begun, conversation.id):
            # Known or not is told before whose it is, as ever.
            await self._transcript.conversation(conversation_id)
            raise NotAllowed("这不是您的会话。")
        return Visitor(conversation, channel, account, address_of(connection))


def address_of(connection: HTTPConnection) -> str:
    """Network address of the other side; a trusted proxy's word counts (uvicorn sees to that).

    Empty for this machine itself: that is a proxy which did not say for whom, so everybody at once.
    """
    host = connection.client.host if connection.client else ""
    return "" if host in ("127.0.0.1", "::1") else host
