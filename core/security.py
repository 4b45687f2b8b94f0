"""Passwords, tokens and masking. Keys come from settings and are generated at the first run."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Literal

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.clock import now
from core.errors import NotAuthenticated, TokenExpired

ALGORITHM = "HS256"
_ISSUER = "changda"
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

Audience = Literal["customer", "staff"]


def hash_password(password: str) -> str:
    """Argon2id hash, parameters as OWASP advises."""
    return _hasher.hash(password)


def password_matches(password: str, stored: str) -> bool:
    """Constant-time check of a password against its hash."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


class TokenIssuer:
    """Signs and reads the access tokens of customers and staff.

    Args:
        key: secret of at least 32 characters.
    """

    def __init__(self, key: str) -> None:
        if len(key) < 32:
            raise ValueError("CHANGDA_TOKEN_KEY must have at least 32 characters")
        self._key = key

    def issue(self, audience: Audience, subject: str, hours: float, **claims: Any) -> str:
        """A signed token for ``subject`` (a conversation or a staff id)."""
        moment = now()
        registered = {
            "iss": _ISSUER,
            "aud": audience,
            "sub": subject,
            "iat": moment,
            "exp": moment + timedelta(hours=hours),
        }
        return jwt.encode({**claims, **registered}, self._key, ALGORITHM)

    def read(self, token: str, audience: Audience) -> dict[str, Any]:
        """The claims of a valid token.

        Raises:
            TokenExpired: it was ours once.
            NotAuthenticated: it never was.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, [ALGORITHM], audience=audience, issuer=_ISSUER,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )  # fmt: skip
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("凭证无效，请重新进入。") from error
        return claims


_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_IDENTITY = re.compile(r"(?<!\d)(\d{4})\d{10}(\d{3}[\dXx])(?!\d)")


def mask(text: str) -> str:
    """Hides the middle of mobile and identity-card numbers: 138****0001, 1101**********123X."""
    return _PHONE.sub(r"\1****\2", _IDENTITY.sub(r"\1**********\2", text))
