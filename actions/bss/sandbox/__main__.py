"""``python -m actions.bss.sandbox --port 8090``: the demo operator, on loopback only."""

from __future__ import annotations

import argparse
import logging

import uvicorn

from actions.bss.sandbox.app import create_app
from core.settings import get_settings


def main() -> None:
    """Serves until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=get_settings().sandbox_port)
    parser.add_argument(
        "--test", action="store_true", help="adds /test/reset and /test/faults, lifts the SMS limit"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    uvicorn.run(
        create_app(testing=options.test),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
