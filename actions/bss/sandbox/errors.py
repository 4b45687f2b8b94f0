"""TM Forum error bodies: {"code", "reason", "message", "status"}; ``reason`` is for programs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class TmfError(Exception):
    """Refuses a request.

    Args:
        status: HTTP status.
        reason: stable word for programs, e.g. ``arrears``.
        message: Chinese sentence for people.
        extra: fields added to the body.
    """

    def __init__(self, status: int, reason: str, message: str, **extra: Any) -> None:
        self.status, self.reason, self.message, self.extra = status, reason, message, extra
        super().__init__(message)


def missing(what: str) -> TmfError:
    """404."""
    return TmfError(404, "not_found", f"没有找到{what}。")


def body(status: int, reason: str, message: str, **extra: Any) -> JSONResponse:
    """The error document."""
    content = {"code": str(status), "reason": reason, "message": message, "status": str(status)}
    return JSONResponse({**content, **extra}, status)


def install(app: FastAPI) -> None:
    """Turns every failure into a TM Forum error."""

    @app.exception_handler(TmfError)
    async def refused(_: Request, error: TmfError) -> JSONResponse:
        return body(error.status, error.reason, error.message, **error.extra)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
        return body(400, "invalid_body", "请求内容不完整或格式不对。", fields=fields)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        return body(error.status_code, "http_error", str(error.detail))
