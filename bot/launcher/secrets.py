"""Generates every secret at the first run into ``.env`` (mode 600), and never again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

DEMO_STAFF = (
    "agent01",
    "agent02",
    "agent03",
    "agent04",
    "agent05",
    "supervisor01",
    "editor01",
    "editor02",
)
_WORDS = "abcdefghjkmnpqrstuvwxyz23456789"


def password() -> str:
    """A password that can be typed from paper: 4 groups of 4, about 80 bits."""
    groups = ("".join(secrets.choice(_WORDS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def read_env(path: Path) -> dict[str, str]:
    """Names and values of an ``.env`` file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def ensure_secrets(path: Path) -> dict[str, str]:
    """Adds what is missing to ``path`` and returns all of it, the environment winning."""
    known = read_env(path)
    wanted: dict[str, Callable[[], str]] = {
        "CHANGDA_TOKEN_KEY": lambda: secrets.token_urlsafe(48),
        "CHANGDA_RASA_TOKEN": lambda: secrets.token_urlsafe(32),
    } | {staff_variable(name): password for name in DEMO_STAFF}
    missing = {name: make() for name, make in wanted.items() if not known.get(name)}
    if missing:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        lines += [f"{name}={value}" for name, value in missing.items()]
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        temporary.replace(path)
    merged = known | missing
    return merged | {k: v for k, v in os.environ.items() if k.startswith("CHANGDA_")}


def staff_variable(username: str) -> str:
    """Name of the variable that holds a demo login's generated password."""
    return f"CHANGDA_PASSWORD_{username.upper()}"


def staff_passwords(values: dict[str, str]) -> dict[str, str]:
    """Username → password of the demo staff."""
    shared = values.get("CHANGDA_DEMO_PASSWORD")
    return {name: shared or values[staff_variable(name)] for name in DEMO_STAFF}
