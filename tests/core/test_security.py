"""Passwords, tokens, masking."""

from __future__ import annotations

import jwt
import pytest

from core.errors import NotAuthenticated, TokenExpired
from core.security import TokenIssuer, hash_password, mask, password_matches

KEY = "a" * 40


def test_password_round_trip() -> None:
    stored = hash_password("s3cret-畅")
    assert password_matches("s3cret-畅", stored)
    assert not password_matches("s3cret", stored)
    assert not password_matches("s3cret-畅", "not a hash")


def test_token_opens_only_its_audience() -> None:
    issuer = TokenIssuer(KEY)
    token = issuer.issue("customer", "c_1", 1, extra="x")
    assert issuer.read(token, "customer")["sub"] == "c_1"
    with pytest.raises(NotAuthenticated):
        issuer.read(token, "staff")


def test_expired_token_is_told_apart() -> None:
    issuer = TokenIssuer(KEY)
    with pytest.raises(TokenExpired):
        issuer.read(issuer.issue("customer", "c_1", -1), "customer")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x.y.z",
        TokenIssuer("b" * 40).issue("customer", "c_1", 1),
        jwt.encode({"sub": "c_1", "aud": "customer", "iss": "changda"}, KEY, "HS256"),
        jwt.encode({"sub": "c_1", "aud": "customer", "exp": 9e9}, None, "none"),
        jwt.encode({"sub": "c", "aud": "customer", "iss": "changda", "exp": 9e9}, KEY, "HS512"),
    ],
    ids=["empty", "garbage", "other key", "no expiry", "alg none", "other algorithm"],
)
def test_forged_tokens_are_refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        TokenIssuer(KEY).read(token, "customer")


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        TokenIssuer("short")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的号码是13800000001吗", "我的号码是138****0001吗"),
        ("身份证110101199003071234。", "身份证1101**********1234。"),
        ("11010119900307123X", "1101**********123X"),
        ("订单138000000012", "订单138000000012"),
        ("充了50元", "充了50元"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked
