"""The operator's side: signs login tokens, serves the public keys, takes pushes. Needs PyJWT and cryptography."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from jwt.algorithms import ECAlgorithm

ISSUER, AUDIENCE = "https://id.example.com", "changda"
LIFE_S, FRESH_S = 600, 300


def chat_token(key: EllipticCurvePrivateKey, kid: str, customer_id: str, phone: str) -> str:
    """A token for the customer who is logged in right now."""
    moment = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": customer_id, "phone": phone,
        "iat": moment, "exp": moment + LIFE_S,
    }  # fmt: skip
    return jwt.encode(claims, key, "ES256", headers={"kid": kid})


def key_set(keys: dict[str, EllipticCurvePrivateKey]) -> dict[str, Any]:
    """What the JWKS address serves. A new key is listed before the first token is signed with it."""
    shown = {kid: json.loads(ECAlgorithm.to_jwk(key.public_key())) for kid, key in keys.items()}
    return {
        "keys": [{**key, "kid": kid, "use": "sig", "alg": "ES256"} for kid, key in shown.items()]
    }


def pushed(secret: bytes, header: str, body: bytes) -> dict[str, Any] | None:
    """The notice in a push, or None when it is not from us or not fresh."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    moment = parts.get("t", "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > FRESH_S:
        return None
    wanted = hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, parts.get("v1", "")):
        return None
    notice: dict[str, Any] = json.loads(body)
    return notice
