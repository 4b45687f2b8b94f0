"""The demo's accounts: complete, different each time, and never in the place of a real one."""

from __future__ import annotations

import httpx
import pytest

from bot.channels.sealing import Sealer
from bot.channels.standin.__main__ import build_platform
from bot.launcher.processes import processes_of
from bot.launcher.wechat_demo import demo_environment
from bot.launcher.words import LauncherError
from core.settings import Settings


def settings_with(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


def test_off_adds_nothing() -> None:
    settings = Settings(_env_file=None)
    assert demo_environment(settings) == {}
    assert "wechat" not in [process.name for process in processes_of(settings)]


async def test_both_platforms_can_be_served_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    on = Settings(_env_file=None, wechat_demo="on", wechat_demo_port=8079)
    (process,) = [p for p in processes_of(on) if p.name == "wechat"]
    assert process.port == 8079
    first, second = demo_environment(on), demo_environment(on)
    assert first["CHANGDA_WECHAT_SECRET"] != second["CHANGDA_WECHAT_SECRET"]
    settings = settings_with(monkeypatch, first)
    assert settings.wechat_on
    assert settings.wecom_on
    for key in (settings.wechat_aes_key, settings.wecom_aes_key):
        Sealer(key.get_secret_value(), "anybody")
    async with httpx.AsyncClient() as http:
        platform = build_platform(settings, http)
    assert platform.wechat.pusher.url == "http://127.0.0.1:8000/wechat/callback"
    assert platform.wechat.app_id == settings.wechat_app_id


@pytest.mark.parametrize("real", [{"wechat_app_id": "wx1"}, {"wecom_corp_id": "ww1"}])
def test_a_real_account_is_never_shadowed(real: dict[str, str]) -> None:
    with pytest.raises(LauncherError, match="accounts of its own"):
        demo_environment(Settings(_env_file=None, wechat_demo="on", **real))
