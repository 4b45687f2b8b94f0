"""What ``CHANGDA_WECHAT_DEMO=on`` adds: the stand-in for WeChat, and accounts that only it knows."""

from __future__ import annotations

import secrets
import string
import subprocess
import sys
from pathlib import Path

from bot.launcher.words import LauncherError, say
from core.settings import ROOT, Settings

APP_ID, CORP_ID, TEMPLATE = "wxchangdademo0000", "wwchangdademo0000", "demo-notice"


def demo_environment(settings: Settings) -> dict[str, str]:
    """Settings of the accounts, with secrets that live as long as this run; empty when it is off.

    Raises:
        LauncherError: a real account is configured, which a demo must not shadow.
    """
    if settings.wechat_demo == "off":
        return {}
    if settings.wechat_app_id or settings.wecom_corp_id:
        raise LauncherError(
            "the demo brings accounts of its own: remove CHANGDA_WECHAT_APP_ID and "
            "CHANGDA_WECOM_CORP_ID, or set CHANGDA_WECHAT_DEMO=off"
        )
    url = f"http://127.0.0.1:{settings.wechat_demo_port}"
    return {
        "CHANGDA_WECHAT_APP_ID": APP_ID,
        "CHANGDA_WECHAT_SECRET": secrets.token_hex(16),
        "CHANGDA_WECHAT_TOKEN": secrets.token_hex(12),
        "CHANGDA_WECHAT_AES_KEY": _aes_key(),
        "CHANGDA_WECHAT_API_URL": url,
        "CHANGDA_WECHAT_SUBSCRIPTION": TEMPLATE,
        "CHANGDA_WECOM_CORP_ID": CORP_ID,
        "CHANGDA_WECOM_SECRET": secrets.token_hex(16),
        "CHANGDA_WECOM_TOKEN": secrets.token_hex(12),
        "CHANGDA_WECOM_AES_KEY": _aes_key(),
        "CHANGDA_WECOM_API_URL": url,
    }


def _aes_key() -> str:
    """43 letters and digits that are the base64 of 32 bytes."""
    letters = string.ascii_letters + string.digits
    # The last one holds four bits only, the other two of it being zero.
    return "".join(secrets.choice(letters) for _ in range(42)) + secrets.choice("AEIMQUYcgkosw048")


def publish_menu(environment: dict[str, str], log: Path) -> None:
    """Gives the demo's account its menu. A demo without one is a demo still."""
    command = [sys.executable, "-m", "bot.channels.wechat.menu"]
    with log.open("ab") as out:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, timeout=60
        )
    if done.returncode:
        say(f"! the menu was not published: see {log}")
