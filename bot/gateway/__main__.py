"""Runs the app: ``python -m bot.gateway``."""

from __future__ import annotations

import uvicorn

from bot.gateway.app import create_app
from core.logs import configure
from core.settings import get_settings


def main() -> None:
    settings = get_settings()
    configure(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.app_host,
        port=settings.app_port,
        log_config=None,
        access_log=False,
        ws_max_size=256_000,
        # Our frames are short; compression would cost every open page its own dictionary.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
