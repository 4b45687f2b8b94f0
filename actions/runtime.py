"""What the actions of this process share: one client of the operator's systems, one counter of attempts."""

from __future__ import annotations

from actions.attempts import CodeAttempts
from actions.bss.client import OperatorClient
from core.limits import AttemptLimiter
from core.settings import get_settings

_client: OperatorClient | None = None
_attempts = CodeAttempts(None)


def operator() -> OperatorClient:
    """The shared client, made at its first use inside the running event loop."""
    global _client
    if _client is None:
        _client = OperatorClient.from_settings(get_settings())
    return _client


def use(client: OperatorClient | None) -> None:
    """Replaces the shared client (tests), or forgets it."""
    global _client
    _client = client


def code_attempts() -> CodeAttempts:
    """The counter of SMS codes."""
    return _attempts


def count_with(limiter: AttemptLimiter | None) -> None:
    """From now on attempts are counted there."""
    global _attempts
    _attempts = CodeAttempts(limiter)


async def close() -> None:
    """Ends its connections."""
    global _client
    if _client is not None:
        await _client.close()
        _client = None
