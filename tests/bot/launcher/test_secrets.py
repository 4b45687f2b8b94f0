"""Secrets: generated once, private, never overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.launcher.secrets import DEMO_STAFF, ensure_secrets, read_env, staff_passwords


def test_everything_is_generated_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    first = ensure_secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first["CHANGDA_TOKEN_KEY"]) >= 48
    assert ensure_secrets(path) == first
    passwords = staff_passwords(first)
    assert set(passwords) == set(DEMO_STAFF)
    assert len(set(passwords.values())) == len(DEMO_STAFF)


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# ours\nCHANGDA_APP_PORT=9000\nCHANGDA_TOKEN_KEY=kept\n")
    secrets = ensure_secrets(path)
    assert secrets["CHANGDA_TOKEN_KEY"] == "kept"
    assert path.read_text().startswith("# ours\nCHANGDA_APP_PORT=9000\n")
    assert read_env(path)["CHANGDA_APP_PORT"] == "9000"


def test_one_demo_password_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGDA_DEMO_PASSWORD", "shared-1")
    assert set(staff_passwords(ensure_secrets(tmp_path / ".env")).values()) == {"shared-1"}
