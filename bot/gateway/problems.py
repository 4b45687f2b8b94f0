"""Every error leaves the app as problem+json, made in this one place."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.errors import ChangdaError, InvalidInput, MalformedBody, NotFound

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem_response(error: ChangdaError) -> JSONResponse:
    """The RFC 9457 response of an error."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse(error.problem(), error.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Registers the handlers."""
    app.add_exception_handler(ChangdaError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ChangdaError)  # noqa: S101 (the handler is registered for it)
    return problem_response(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [_field(e) for e in error.errors()]
    if any(e["type"].startswith("json") for e in error.errors()):
        return problem_response(MalformedBody("请求内容不是有效的 JSON。"))
    return problem_response(InvalidInput(fields=fields))


def _field(error: dict[str, Any]) -> dict[str, str]:
    place = ".".join(str(part) for part in error["loc"] if part != "body")
    return {"field": place, "reason": error["type"], "message": error["msg"]}


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return problem_response(NotFound())
    if error.status_code == 400:
        # Bodies that are not even text do not reach validation.
        return problem_response(MalformedBody())
    problem = ChangdaError(str(error.detail)).problem()
    problem |= {"status": error.status_code, "code": f"http_{error.status_code}"}
    return JSONResponse(problem, error.status_code, error.headers, MEDIA_TYPE)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.exception("unexpected_error", path=request.url.path, error=type(error).__name__)
    return problem_response(ChangdaError())
