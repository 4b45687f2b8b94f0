"""Reads the signed token with which the operator's app vouches for a customer who is logged in there.

RS256 or ES256. Claims: ``sub`` (customer id), ``phone``, ``exp``; ``name``, ``tier``, ``elderly`` if known;
``iss`` and ``aud`` where the settings name them; ``nbf`` and ``iat`` are honoured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import structlog
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from bot.identity.keys import FixedKeys, JwksAddress, KeySource, read_file, read_pem
from bot.identity.models import Known
from core.errors import NotAuthenticated, TokenExpired
from core.settings import Settings

log = structlog.get_logger(__name__)
MAX_TOKEN = 8192
ALGORITHMS = frozenset({"RS256", "ES256"})
_YEAR_2100 = 4_102_444_800
_PHONE = r"^1[3-9]\d{9}$"
_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ImmatureSignatureError, "not_yet_valid"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.MissingRequiredClaimError, "claims"),
    (jwt.InvalidIssuedAtError, "not_yet_valid"),
    (jwt.InvalidSignatureError, "signature"),
)


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sub: StrictStr = Field(min_length=1, max_length=40)
    phone: StrictStr = Field(pattern=_PHONE)
    exp: float = Field(gt=0, lt=_YEAR_2100)
    name: StrictStr | None = Field(None, max_length=40)
    tier: StrictStr | None = Field(None, max_length=20)
    elderly: StrictBool | None = None


@dataclass(frozen=True)
class AppLogin:
    """A customer the operator's app vouches for, until ``expires``."""

    known: Known
    expires: datetime


class AppTokens:
    """Checks app tokens against the operator's keys.

    Args:
        keys: None = this installation takes no app tokens.
    """

    def __init__(
        self, keys: KeySource | None, issuer: str = "", audience: str = "", leeway_s: float = 30
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway_s = leeway_s

    @classmethod
    def from_settings(cls, settings: Settings) -> AppTokens:
        """Raises ValueError or OSError: a key that is set cannot be used."""
        return cls(
            _source(settings),
            settings.app_token_issuer,
            settings.app_token_audience,
            settings.app_token_leeway_s,
        )

    async def read(self, token: str) -> AppLogin:
        """Whom the token names.

        Raises:
            TokenExpired: it was good once.
            NotAuthenticated: anything else; ``reason`` says what, for whoever builds the app.
            Unavailable: the keys cannot be read now.
        """
        if self._keys is None:
            raise NotAuthenticated("本系统没有启用应用登录。", reason="off")
        kid, algorithm = _header(token)
        key = await self._keys.key(kid)
        if key is None:
            raise refused("unknown_key")
        if key.algorithm != algorithm:
            raise refused("algorithm")
        try:
            claims = jwt.decode(
                token,
                key.key,
                [key.algorithm],
                issuer=self._issuer or None,
                audience=self._audience or None,
                leeway=self._leeway_s,
                options={"require": self._required(), "verify_aud": bool(self._audience)},
            )
            return _login(_Claims.model_validate(claims))
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except jwt.InvalidTokenError as error:
            raise refused(_reason(error)) from error
        except (ValidationError, ValueError, OverflowError) as error:
            raise refused("claims") from error

    def _required(self) -> list[str]:
        named = {"iss": self._issuer, "aud": self._audience}
        return ["exp", "sub", "phone", *(claim for claim, value in named.items() if value)]

    async def close(self) -> None:
        """Ends connections to the operator."""
        if isinstance(self._keys, JwksAddress):
            await self._keys.close()


def refused(reason: str) -> NotAuthenticated:
    """Every refusal has the same code and words; the reason helps the app's developers only."""
    log.info("app_token_refused", reason=reason)
    return NotAuthenticated("应用登录凭证无效。", reason=reason)


def _source(settings: Settings) -> KeySource | None:
    where = settings.app_token_jwks
    if where.startswith(("https://", "http://")):
        return JwksAddress(where, settings.app_token_timeout_s)
    if where:
        return FixedKeys(read_file(Path(where)))
    pem = settings.app_token_public_key
    return FixedKeys(read_pem(pem)) if pem else None


def _header(token: str) -> tuple[str, str]:
    """Key id and algorithm as the token says, before anything is believed."""
    if len(token) > MAX_TOKEN:
        raise refused("too_large")
    if not _SHAPE.fullmatch(token):
        raise refused("malformed")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise refused("malformed") from error
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
        raise refused("algorithm")
    if not isinstance(kid, str):
        raise refused("malformed")
    return kid, algorithm


def _reason(error: Exception) -> str:
    return next((name for kind, name in _REASONS if isinstance(error, kind)), "malformed")


def _login(claims: _Claims) -> AppLogin:
    profile = {"name": claims.name, "tier": claims.tier, "elderly": claims.elderly}
    known = Known(claims.sub, claims.phone, {k: v for k, v in profile.items() if v is not None})
    return AppLogin(known, datetime.fromtimestamp(claims.exp, UTC))
