"""The operator's public keys for app tokens: a PEM, a file, or a JWKS address that rotates them.

A key serves one algorithm, chosen by what the key is and never by what the token says: so a public key can
not be used as an HMAC secret, and 「none」 is no algorithm at all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from core.errors import Unavailable

log = structlog.get_logger(__name__)
PublicKey = RSAPublicKey | EllipticCurvePublicKey
FRESH_S = 600.0
"""Keys are read again after this."""
STALE_S = 24 * 3600.0
"""Known keys still count for so long while the address does not answer."""
ASK_AGAIN_S = 10.0
"""An unknown key id makes us look at most this often, or anybody could make us ask without end."""
_MAX_BYTES = 256 * 1024
_MIN_RSA_BITS = 2048
NO_KEYS = "暂时无法核实应用登录，请稍后再试，或者先以访客身份进入，用短信验证码验证。"


@dataclass(frozen=True)
class VerifyingKey:
    """``kid`` is "" for a key without a name."""

    kid: str
    algorithm: str
    key: PublicKey


Keys = Mapping[str, VerifyingKey]


class KeySource(Protocol):
    """Where keys come from."""

    async def key(self, kid: str) -> VerifyingKey | None:
        """The key of that name; without a name, the only key there is. Raises Unavailable."""


class FixedKeys:
    """Keys that do not change while we run."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def key(self, kid: str) -> VerifyingKey | None:
        return pick(self._keys, kid)


class JwksAddress:
    """Keys behind a JWKS URL: cached, read again when old or when a token names an unknown one."""

    def __init__(self, url: str, timeout_s: float, http: httpx.AsyncClient | None = None) -> None:
        self._url = url
        self._http = http or httpx.AsyncClient(timeout=timeout_s, trust_env=False)
        self._keys: Keys = {}
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> VerifyingKey | None:
        if time.monotonic() - self._read_at > FRESH_S:
            await self._refresh()
        found = pick(self._keys, kid)
        if found is None and self._read_at > float("-inf"):
            await self._refresh()
            found = pick(self._keys, kid)
        if time.monotonic() - self._read_at > STALE_S:
            raise Unavailable(NO_KEYS)
        return found

    async def _refresh(self) -> None:
        async with self._lock:
            if time.monotonic() - self._asked_at < ASK_AGAIN_S:
                return
            self._asked_at = time.monotonic()
            try:
                self._keys = await self._read()
            except (httpx.HTTPError, ValueError) as error:
                # What is known goes on to count; only without any key is nobody let in.
                log.warning("app_token_keys_not_read", error=type(error).__name__)
                return
            self._read_at = time.monotonic()

    async def _read(self) -> Keys:
        async with self._http.stream("GET", self._url) as response:
            response.raise_for_status()
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _MAX_BYTES:
                    raise ValueError("the key set is too large")
        return read_jwks(orjson.loads(body))

    async def close(self) -> None:
        await self._http.aclose()


def pick(keys: Keys, kid: str) -> VerifyingKey | None:
    """The key a token means. A key without a name serves tokens that name one, as before key sets."""
    if kid and kid in keys:
        return keys[kid]
    if len(keys) == 1 and (not kid or "" in keys):
        return next(iter(keys.values()))
    return None


def read_pem(pem: str) -> Keys:
    """Raises ValueError: no public RSA key of 2,048 bits or more, nor one on the curve P-256."""
    return {"": _checked("", load_pem_public_key(pem.encode()))}


def read_jwks(document: Any) -> Keys:
    """The keys of a set that can verify our algorithms; others in it are passed over.

    Raises:
        ValueError: it is no key set, or no key in it serves.
    """
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    found: dict[str, VerifyingKey] = {}
    for entry in document["keys"]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if entry.get("kty") not in ("RSA", "EC"):
            continue
        try:
            usable = _checked(str(entry.get("kid") or ""), PyJWK(entry).key)
        except (PyJWTError, ValueError) as error:
            log.warning("app_token_key_unusable", error=str(error)[:100])
            continue
        if entry.get("alg", usable.algorithm) == usable.algorithm:
            found[usable.kid] = usable
    if not found:
        raise ValueError("no usable key in the set")
    return found


def read_file(path: Path) -> Keys:
    """A PEM or a JWKS file. Raises OSError or ValueError."""
    text = path.read_text()
    return read_pem(text) if text.lstrip().startswith("-----") else read_jwks(orjson.loads(text))


def _checked(kid: str, key: Any) -> VerifyingKey:
    if isinstance(key, RSAPublicKey) and key.key_size >= _MIN_RSA_BITS:
        return VerifyingKey(kid, "RS256", key)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return VerifyingKey(kid, "ES256", key)
    raise ValueError("neither a public RSA key of 2048 bits nor one on P-256")
