"""App tokens against a real JWKS server on the loopback: what is let in, what is refused, how keys rotate."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from bot.identity import keys as keys_module
from bot.identity.app_tokens import AppTokens
from bot.identity.keys import JwksAddress
from core.errors import ChangdaError, NotAuthenticated, TokenExpired, Unavailable
from core.settings import Settings

RSA_ONE = rsa.generate_private_key(65537, 2048)
RSA_TWO = rsa.generate_private_key(65537, 2048)
EC_ONE = ec.generate_private_key(ec.SECP256R1())
ISSUER, AUDIENCE = "https://id.example.com", "changda"
REFUSED = "not_authenticated"


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def jwk(key: Any, kid: str, **fields: Any) -> dict[str, Any]:
    maker = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(maker.to_jwk(key.public_key())), "kid": kid, "use": "sig", **fields}


def token(
    key: Any = RSA_ONE, kid: str | None = "one", algorithm: str = "RS256", **claims: Any
) -> str:
    body = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "8600001", "phone": "13800000001", "name": "张伟",
        "exp": int(time.time()) + 600,
    }  # fmt: skip
    body = {name: value for name, value in (body | claims).items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": kid} if kid else None)


class KeyServer:
    """Serves a key set over HTTP, counts how often, and can fail."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None
        self.wait_s = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                time.sleep(outer.wait_s)
                body = outer.body or json.dumps({"keys": outer.keys}).encode()
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    running = KeyServer()
    running.keys = [jwk(RSA_ONE, "one")]
    yield running
    running.stop()


@pytest.fixture
def tokens(server: KeyServer) -> AppTokens:
    return AppTokens(JwksAddress(server.url, 1.0), ISSUER, AUDIENCE, leeway_s=30)


async def refusal(tokens: AppTokens, text: str) -> str:
    with pytest.raises(NotAuthenticated) as caught:
        await tokens.read(text)
    assert caught.value.code == REFUSED
    assert "exp" not in caught.value.detail
    return str(caught.value.data["reason"])


async def test_a_good_token_says_who(tokens: AppTokens, server: KeyServer) -> None:
    login = await tokens.read(token(elderly=True, tier="gold"))
    assert login.known.customer_id == "8600001"
    assert login.known.phone == "13800000001"
    assert login.known.profile == {"name": "张伟", "tier": "gold", "elderly": True}
    await tokens.read(token())
    assert server.asked == 1


async def test_both_algorithms_and_a_rotation(
    tokens: AppTokens, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tokens.read(token())
    server.keys = [jwk(RSA_TWO, "two"), jwk(EC_ONE, "three")]
    monkeypatch.setattr(keys_module, "ASK_AGAIN_S", 0.0)
    await tokens.read(token(RSA_TWO, "two"))
    await tokens.read(token(EC_ONE, "three", "ES256"))
    assert server.asked == 2
    assert await refusal(tokens, token(RSA_ONE, "one")) == "unknown_key"


async def test_unknown_keys_do_not_make_us_ask_without_end(
    tokens: AppTokens, server: KeyServer
) -> None:
    await tokens.read(token())
    for number in range(20):
        assert await refusal(tokens, token(kid=f"no-{number}")) == "unknown_key"
    assert server.asked == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: token(RSA_TWO), "signature"),
        (lambda: token(EC_ONE, "one", "ES256"), "algorithm"),
        (lambda: token(RSA_ONE, "one", "RS512"), "algorithm"),
        (lambda: token(RSA_ONE, "one", "PS256"), "algorithm"),
        (lambda: token(iss="https://other.example.com"), "issuer"),
        (lambda: token(iss=None), "claims"),
        (lambda: token(aud="somebody-else"), "audience"),
        (lambda: token(aud=None), "claims"),
        (lambda: token(nbf=int(time.time()) + 120), "not_yet_valid"),
        (lambda: token(iat=int(time.time()) + 120), "not_yet_valid"),
        (lambda: token(exp=None), "claims"),
        (lambda: token(phone=None), "claims"),
        (lambda: token(phone="12345"), "claims"),
        (lambda: token(sub="x" * 41), "claims"),
        (lambda: token(elderly="yes"), "claims"),
        (lambda: token(name=["张"]), "claims"),
        (lambda: token(exp=10**18), "claims"),
        (lambda: token(name="x" * 9000), "too_large"),
        (lambda: "not.a.token", "malformed"),
        (lambda: "一.二.三", "malformed"),
        (lambda: "", "malformed"),
        (lambda: token() + ".x", "malformed"),
    ],
)  # fmt: skip
async def test_what_is_refused(tokens: AppTokens, make: Callable[[], str], reason: str) -> None:
    assert await refusal(tokens, make()) == reason


def forged(header: dict[str, Any], secret: bytes = b"") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "8600001", "phone": "13800000001",
            "exp": int(time.time()) + 600}  # fmt: skip
    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(body).encode())}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("algorithm", ["HS256", "none", "None", "NONE", "", None, 1, ["RS256"]])
async def test_no_algorithm_confusion(tokens: AppTokens, algorithm: Any) -> None:
    text = forged({"alg": algorithm, "kid": "one", "typ": "JWT"}, pem(RSA_ONE).encode())
    assert await refusal(tokens, text) in ("algorithm", "malformed")


async def test_a_header_cannot_bring_its_own_key(tokens: AppTokens) -> None:
    theirs = rsa.generate_private_key(65537, 2048)
    text = jwt.encode(
        {"sub": "8600001", "phone": "13800000001", "exp": int(time.time()) + 60, "iss": ISSUER,
         "aud": AUDIENCE},
        theirs, "RS256", headers={"kid": "one", "jwk": jwk(theirs, "one"), "jku": "http://x/"},
    )  # fmt: skip
    assert await refusal(tokens, text) == "signature"
    critical = jwt.encode(
        {"sub": "1"}, RSA_ONE, "RS256", headers={"kid": "one", "crit": ["b64"], "b64": True}
    )
    assert await refusal(tokens, critical) in ("algorithm", "malformed")


async def test_clocks_may_differ_a_little(tokens: AppTokens) -> None:
    moment = int(time.time())
    await tokens.read(token(exp=moment - 10, nbf=moment + 10))
    with pytest.raises(TokenExpired):
        await tokens.read(token(exp=moment - 60))


async def test_an_address_that_fails_is_worded_and_old_keys_still_count(
    tokens: AppTokens, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 500
    with pytest.raises(Unavailable) as caught:
        await tokens.read(token())
    assert "短信验证码" in caught.value.detail
    monkeypatch.setattr(keys_module, "ASK_AGAIN_S", 0.0)
    server.status = 200
    await tokens.read(token())
    monkeypatch.setattr(keys_module, "FRESH_S", 0.0)
    for broken in (b"<html>", b'{"keys": []}', b"[]", b"x" * 300_000):
        server.body = broken
        await tokens.read(token())
    monkeypatch.setattr(keys_module, "STALE_S", 0.0)
    with pytest.raises(Unavailable):
        await tokens.read(token())


async def test_a_slow_address_is_not_waited_for(server: KeyServer) -> None:
    server.wait_s = 1.0
    slow = AppTokens(JwksAddress(server.url, 0.2))
    with pytest.raises(Unavailable):
        await slow.read(token())


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_only_keys_fit_to_verify_are_taken(server: KeyServer) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    server.keys = [
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0", "alg": "HS256"},
        jwk(weak, "weak"), jwk(RSA_TWO, "enc", use="enc"), jwk(RSA_TWO, "ps", alg="PS256"),
        {"kty": "RSA", "kid": "broken"}, "nonsense", jwk(EC_ONE, "good"),
    ]  # fmt: skip
    tokens = AppTokens(JwksAddress(server.url, 1.0))
    await tokens.read(token(EC_ONE, "good", "ES256"))
    for key, kid in ((weak, "weak"), (RSA_TWO, "enc"), (RSA_TWO, "ps")):
        assert await refusal(tokens, token(key, kid)) == "unknown_key"


async def test_a_pem_in_the_settings_goes_on_to_work(settings: Settings, tmp_path: Path) -> None:
    by_setting = settings.model_copy(update={"app_token_public_key": pem(RSA_ONE)})
    tokens = AppTokens.from_settings(by_setting)
    for kid in (None, "any"):
        assert (await tokens.read(token(kid=kid))).known.customer_id == "8600001"
    confused = forged({"alg": "HS256", "typ": "JWT"}, pem(RSA_ONE).encode())
    assert await refusal(tokens, confused) == "algorithm"
    for name, text in (
        ("keys.json", json.dumps({"keys": [jwk(RSA_ONE, "one"), jwk(RSA_TWO, "two")]})),
        ("key.pem", pem(RSA_ONE)),
    ):
        path = tmp_path / name
        path.write_text(text)
        by_file = AppTokens.from_settings(settings.model_copy(update={"app_token_jwks": str(path)}))
        await by_file.read(token())
    off = AppTokens.from_settings(settings)
    assert await refusal(off, token()) == "off"


def test_a_private_or_unfit_key_in_the_settings_stops_the_start(settings: Settings) -> None:
    curve = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        AppTokens.from_settings(settings.model_copy(update={"app_token_public_key": pem(curve)}))


async def test_refusals_never_show_what_was_sent(tokens: AppTokens) -> None:
    with pytest.raises(ChangdaError) as caught:
        await tokens.read(token(phone="13811112222x"))
    assert "13811112222" not in json.dumps(caught.value.problem(), ensure_ascii=False)
