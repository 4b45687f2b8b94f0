"""Serves Rasa: ``python -m bot.dialogue.server`` in the Rasa environment.

The same as ``rasa run --enable-api``, except that the token comes from the environment (arguments can be read by
every user of the machine) and the server listens on loopback only.
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
warnings.filterwarnings("ignore")


def main() -> None:
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings

    configure_logging_and_warnings(log_level=logging.WARNING, filter_repeated_logs=True)
    serve_application(
        model_path=os.environ["CHANGDA_RASA_MODEL"],
        interface="127.0.0.1",
        port=int(os.environ.get("CHANGDA_RASA_PORT", "5005")),
        credentials="credentials.yml",
        auth_token=os.environ["CHANGDA_RASA_TOKEN"],
        enable_api=True,
        endpoints=AvailableEndpoints.read_endpoints("endpoints.yml"),
    )


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent.parent)
    main()
