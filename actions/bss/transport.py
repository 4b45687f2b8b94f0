"""HTTP to the operator: one pooled client, a bounded wait, one careful retry, one error family."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random

from actions.bss.errors import BssNotFound, BssRefused, BssUnavailable

log = structlog.get_logger(__name__)
Json = Any


class _Transient(Exception):
    """The next try may succeed. Never leaves this module."""


class Transport:
    """GET, POST and PATCH with JSON; numbers with a point arrive as Decimal.

    Reads, and writes carrying an ``externalId`` (the operator does those once), are tried again
    once after a broken connection or a 502, 503, 504; a timeout is final.

    Args:
        base_url: root of the operator's gateway.
        timeout_s: for each try.
        http: a ready client, for tests.
    """

    def __init__(
        self, base_url: str, timeout_s: float, http: httpx.AsyncClient | None = None
    ) -> None:
        self._http = http or httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=40),
            trust_env=False,
        )

    async def get(self, path: str, **params: str | int) -> Json:
        """Raises BssError."""
        return await self._send("GET", path, params=params, again=True)

    async def post(self, path: str, body: dict[str, Any]) -> Json:
        """Raises BssError."""
        return await self._send("POST", path, body=body, again=bool(body.get("externalId")))

    async def patch(self, path: str, body: dict[str, Any]) -> Json:
        """Raises BssError."""
        return await self._send("PATCH", path, body=body, again=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(
        self, method: str, path: str, *, params: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None, again: bool,
    ) -> Json:  # fmt: skip
        attempts = AsyncRetrying(
            stop=stop_after_attempt(2 if again else 1),
            wait=wait_random(0.02, 0.08),
            retry=retry_if_exception_type(_Transient),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return await self._once(method, path, params, body)
        except _Transient as error:
            log.warning("bss_unavailable", method=method, path=path, error=str(error))
            raise BssUnavailable from error

    async def _once(
        self, method: str, path: str, params: dict[str, Any] | None, body: dict[str, Any] | None
    ) -> Json:
        try:
            response = await self._http.request(method, path, params=params, json=body)
        except httpx.TimeoutException as error:
            # A second wait would outlast the customer's patience, and the gateway's.
            log.warning("bss_timeout", method=method, path=path)
            raise BssUnavailable from error
        except httpx.HTTPError as error:
            raise _Transient(f"{type(error).__name__}: {error}") from error
        if response.status_code in (502, 503, 504):
            raise _Transient(f"HTTP {response.status_code}")
        try:
            content = json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise BssUnavailable from error
        if response.is_success:
            return content
        raise _failure(response.status_code, content)


def _failure(status: int, content: Json) -> Exception:
    shape = content if isinstance(content, dict) else {}
    message, reason = shape.get("message"), str(shape.get("reason", "refused"))
    if status == 404:
        return BssNotFound(message)
    if status in (409, 422, 429):
        known = ("code", "reason", "message", "status")
        extra = {key: value for key, value in shape.items() if key not in known}
        return BssRefused(message, reason=reason, **extra)
    # 400 and 401 are our fault, 5xx theirs: either way nothing is known.
    log.error("bss_failure", status=status, reason=reason)
    return BssUnavailable()
