"""Progress and errors on the terminal, in English and plain ASCII drawing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class LauncherError(Exception):
    """Something the operator must mend; the text says what."""


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


@contextmanager
def timed(label: str) -> Iterator[None]:
    """Prints a step before it runs, and how long it took."""
    say(f"• {label} …")
    started = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - started:.1f} s")


def fail(text: str) -> int:
    """Prints why it cannot go on; the exit status."""
    print(f"✗ {text}", file=sys.stderr, flush=True)
    return 1
