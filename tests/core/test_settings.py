"""Settings: environment, ranges, derived addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.settings import Settings


def test_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("CHANGDA_APP_PORT=9001\nCHANGDA_RASA_PORT=9002\n")
    monkeypatch.setenv("CHANGDA_APP_PORT", "9100")
    settings = Settings(_env_file=file)
    assert (settings.app_port, settings.rasa_port) == (9100, 9002)


def test_addresses_follow_ports_until_given(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, redis_port=7000, var_dir=tmp_path)
    assert settings.redis == "redis://127.0.0.1:7000/0"
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/changda.db"
    given = Settings(_env_file=None, redis_url="redis://far:1/0", database_url="postgresql://x")
    assert (given.redis, given.database) == ("redis://far:1/0", "postgresql://x")


@pytest.mark.parametrize("port", ["0", "65536", "eighty"])
def test_impossible_ports_are_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGDA_APP_PORT", port)
    with pytest.raises(ValidationError, match="app_port"):
        Settings(_env_file=None)


def test_milvus_needs_an_address() -> None:
    with pytest.raises(ValidationError, match="CHANGDA_MILVUS_URI"):
        Settings(_env_file=None, vector_index="milvus")
    given = Settings(_env_file=None, vector_index="milvus", milvus_uri="http://milvus:19530")
    assert given.milvus_uri == "http://milvus:19530"


def test_secrets_do_not_print() -> None:
    settings = Settings(_env_file=None, token_key="t0p-secret")
    assert "t0p-secret" not in repr(settings)
