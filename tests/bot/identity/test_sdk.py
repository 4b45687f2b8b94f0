"""The examples in docs/sdk do what they say, against the code they speak to."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bot.identity.app_tokens import AppTokens
from bot.identity.keys import FixedKeys, read_jwks
from core.settings import ROOT
from core.signing import signature

SDK = ROOT / "docs" / "sdk"


@pytest.fixture
def server() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sdk_server", SDK / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_tokens_of_the_example_are_taken(server: ModuleType) -> None:
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    keys = read_jwks(server.key_set({"old": old, "new": new}))
    tokens = AppTokens(FixedKeys(keys), server.ISSUER, server.AUDIENCE)
    for kid, key in (("old", old), ("new", new)):
        login = await tokens.read(server.chat_token(key, kid, "8600001", "13800000001"))
        assert login.known.customer_id == "8600001"


def test_pushes_are_checked_as_they_are_signed(server: ModuleType) -> None:
    secret, body, moment = b"s" * 32, b'{"event":"message"}', int(time.time())
    assert server.pushed(secret, signature(secret, moment, body), body) == {"event": "message"}
    for bad in (
        signature(b"x" * 32, moment, body), signature(secret, moment - 900, body), "", "t=,v1=",
    ):  # fmt: skip
        assert server.pushed(secret, bad, body) is None
    assert server.pushed(secret, signature(secret, moment, body), body + b" ") is None


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read JavaScript with")
def test_the_scripts_can_be_read() -> None:
    widget = ROOT / "bot" / "gateway" / "pages" / "widget"
    for path in (SDK / "miniprogram.js", widget / "inside.js"):
        command = ["node", "--input-type=module", "--check"]
        subprocess.run(command, input=path.read_bytes(), check=True, timeout=30)


def test_the_examples_name_what_exists() -> None:
    texts = "".join(path.read_text() for path in SDK.iterdir() if path.suffix != ".md")
    for name in ("widget.js", "changda-token-needed", "appToken", "/preferences", '"moved"'):
        assert name in texts
