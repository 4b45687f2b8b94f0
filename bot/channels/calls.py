"""Calls to Tencent's APIs: JSON with an ``errcode`` in an answer that is always HTTP 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import orjson

from bot.channels.base import NotDelivered, TooLong, TryLater
from bot.channels.tokens import AccessTokens

T = TypeVar("T")
TOKEN_ERRORS = frozenset({40001, 40014, 42001})
BUSY = -1
_BUSY_RETRIES = 3
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class ApiError(Exception):
    """The platform refused: ``code`` is its errcode."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"errcode {code}")


class PlatformCalls:
    """One platform's API with our token: refreshed once, repeated once."""

    def __init__(self, http: httpx.AsyncClient, tokens: AccessTokens) -> None:
        self._http = http
        self._tokens = tokens

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Calls ``path`` with a token.

        Raises:
            ApiError: refused for another reason than the token.
            TryLater: no answer, or the platform is busy.
            NotDelivered: there is no token to be had.
        """
        return await self._with_token(lambda token: self._ask(path, token, body))

    async def media(self, media_id: str, limit: int) -> bytes:
        """A file that a customer sent.

        Raises:
            ApiError: it is gone.
            NotDelivered: no answer, or one over ``limit`` bytes.
        """
        return await self._with_token(lambda token: self._download(token, media_id, limit))

    async def _with_token(self, call: Callable[[str], Awaitable[T]]) -> T:
        token = await self._tokens.get()
        try:
            return await call(token)
        except ApiError as error:
            if error.code not in TOKEN_ERRORS:
                raise
        fresh = await self._tokens.get(wrong=token)
        try:
            return await call(fresh)
        except ApiError as error:
            if error.code in TOKEN_ERRORS:
                raise TryLater("平台不认我们的凭证", wait_s=10) from error
            raise

    async def _download(self, token: str, media_id: str, limit: int) -> bytes:
        params = {"access_token": token, "media_id": media_id}
        content = await self._get("/cgi-bin/media/get", params, limit)
        if not content.startswith(b"{"):
            return content
        # No file begins so: it is the platform's refusal, or where a video lies, which asks for no token.
        if address := _video_address(content):
            return await self._get(address, None, limit)
        raise ApiError(_errcode(content))

    async def _get(self, address: str, params: dict[str, str] | None, limit: int) -> bytes:
        content = bytearray()
        try:
            async with self._http.stream("GET", address, params=params) as response:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise TooLong("文件太大")
        except httpx.HTTPError as error:
            raise TryLater(f"平台没有正常应答（{type(error).__name__}）") from None
        if not response.is_success:
            raise TryLater(f"平台没有正常应答（HTTP {response.status_code}）")
        return bytes(content)

    async def _ask(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await ask(self._http, "POST", path, body, {"access_token": token})
        except ApiError as error:
            if error.code == BUSY:
                raise TryLater("平台系统繁忙", at_most=1 + _BUSY_RETRIES, wait_s=1) from error
            raise

    async def close(self) -> None:
        await self._http.aclose()


def _video_address(content: bytes) -> str | None:
    """The address in ``{"video_url": …}``, which WeChat answers instead of the video itself."""
    try:
        address = orjson.loads(content)["video_url"]
        return address if httpx.URL(address).scheme in ("http", "https") else None
    except (orjson.JSONDecodeError, KeyError, TypeError, httpx.InvalidURL):
        return None


def _errcode(content: bytes) -> int:
    try:
        return int(orjson.loads(content)["errcode"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return BUSY


async def ask(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One call. What goes wrong is told without the URL, which holds the token.

    Raises:
        ApiError: errcode other than 0.
        TryLater: no answer that can be read.
    """
    # UTF-8 as it is: the platform would show \\u escapes to the customer.
    content = orjson.dumps(body) if body is not None else None
    headers = {"Content-Type": "application/json"} if content else None
    try:
        response = await http.request(method, path, params=params, content=content, headers=headers)
        answer = orjson.loads(response.content) if response.is_success else None
    except _NEVER_SENT as error:
        raise TryLater(f"连不上平台（{type(error).__name__}）") from None
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        raise TryLater(f"平台没有正常应答（{type(error).__name__}）", counted=True) from None
    if not isinstance(answer, dict):
        raise TryLater(f"平台没有正常应答（HTTP {response.status_code}）")
    code = int(answer.get("errcode") or 0)
    if code:
        raise ApiError(code)
    return answer


def token_of(answer: dict[str, Any]) -> tuple[str, float]:
    """Token and life of a platform's answer. Raises NotDelivered."""
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise NotDelivered("平台没有给凭证")
    return token, float(answer.get("expires_in") or 7200)


async def fetch_token(
    http: httpx.AsyncClient, method: str, path: str, **given: Any
) -> tuple[str, float]:
    """Asks for a token. Raises NotDelivered."""
    try:
        return token_of(await ask(http, method, path, **given))
    except ApiError as error:
        raise TryLater(f"平台拒绝给凭证（{error.code}）", wait_s=10) from None
