"""``python -m actions [--port N]``: the action server, on loopback only."""

from __future__ import annotations

import argparse
import logging

import structlog

from actions.server import create_app
from core.settings import get_settings


def main() -> None:
    """Serves until stopped; one process, actions run concurrently on its event loop."""
    settings = get_settings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=settings.actions_port)
    options = parser.parse_args()
    level = logging.getLevelName(settings.log_level)
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "sanic.root", "sanic.access", "sanic.server", "rasa_sdk"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    create_app().run(
        host="127.0.0.1",
        port=options.port,
        single_process=True,
        access_log=False,
        motd=False,
        debug=False,
    )


if __name__ == "__main__":
    main()
