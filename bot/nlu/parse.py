"""Parses texts with the trained model: ``python -m bot.nlu.parse [text …]``.

Without texts it reads JSON strings from standard input, one a line. Each answer is a line of JSON: what
``POST /model/parse`` returns, and ``seconds``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

from bot.nlu.evaluation import running
from bot.nlu.paths import var_dir


def main() -> None:
    parser = argparse.ArgumentParser(description="Parse texts with the trained model.")
    parser.add_argument("texts", nargs="*")
    default = var_dir() / "models" / "rasa" / "changda.tar.gz"
    parser.add_argument("--model", type=Path, default=default)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    running.quiet()
    texts = options.texts or [str(json.loads(line)) for line in sys.stdin if line.strip()]
    agent, _ = running.load(options.model)
    for output, seconds in running.parse_all(agent, texts):
        print(json.dumps({**output, "seconds": round(seconds, 4)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
