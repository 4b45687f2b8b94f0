"""Who may touch a conversation: the customer with its token, nobody else."""

from __future__ import annotations

from typing import Any

import jwt
from starlette.requests import HTTPConnection

from core.errors import NotAllowed, NotAuthenticated, TokenExpired
from core.security import TokenIssuer
from core.settings import Settings
from core.transcript import Conversation, Transcript

APP_TOKEN_ALGORITHMS = ["RS256", "ES256"]


class CustomerAccess:
    """Issues and checks customers' access tokens; each opens exactly one conversation."""

    def __init__(self, settings: Settings, tokens: TokenIssuer, transcript: Transcript) -> None:
        self._settings = settings
        self._tokens = tokens
        self._transcript = transcript

    def issue(self, conversation_id: str) -> str:
        """A token for the conversation just opened."""
        return self._tokens.issue("customer", conversation_id, self._settings.customer_token_hours)

    async def conversation(self, connection: HTTPConnection, conversation_id: str) -> Conversation:
        """The conversation, if the Bearer token of the request opens it.

        Raises:
            NotAuthenticated, TokenExpired: no valid token.
            NotFound: there is no such conversation.
            NotAllowed: it is another customer's.
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        return await self.by_token(token, conversation_id)

    async def by_token(self, token: str, conversation_id: str) -> Conversation:
        """Like ``conversation``, for a token that came another way."""
        claims = self._tokens.read(token, "customer")
        conversation = await self._transcript.conversation(conversation_id)
        if claims["sub"] != conversation_id:
            raise NotAllowed("这不是您的会话。")
        return conversation

    def app_identity(self, app_token: str) -> dict[str, Any]:
        """Fields of a conversation opened with the operator's signed app token.

        Raises:
            NotAuthenticated, TokenExpired: not signed by the operator, or too old.
        """
        key = self._settings.app_token_public_key
        if not key:
            raise NotAuthenticated("本系统没有启用应用登录。")
        try:
            claims = jwt.decode(
                app_token, key, APP_TOKEN_ALGORITHMS, options={"require": ["exp", "sub", "phone"]}
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise NotAuthenticated("应用登录凭证无效。") from error
        profile = {key: claims.get(key) for key in ("name", "tier", "elderly")}
        return {
            "customer_id": str(claims["sub"]),
            "phone": str(claims["phone"]),
            "assurance": 2,
            "profile": profile,
        }
