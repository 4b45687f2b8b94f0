"""The outside desk over HTTP: how it fares, what it was not told, and Chatwoot's webhook."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any, Literal

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict

from core.errors import InvalidInput, NotAuthenticated, TextTooLong
from core.signing import holds
from core.staff import Staff, StaffDirectory
from handoff.integration.carrier import Carrier
from handoff.integration.desk import EVENTS
from handoff.integration.notices import Notices
from handoff.integration.people import ServiceAccess

log = structlog.get_logger(__name__)

MAX_BODY = 1_000_000
_DIGITS = re.compile(r"\d{1,12}")
_NEWS = frozenset({"message_created", "conversation_status_changed", "conversation_updated"})


class NoticeBody(BaseModel):
    """What is posted to the operator's desk. ``package`` comes with handoff.requested and .updated,
    ``message`` with message.created, ``score`` and ``comment`` with handoff.rated."""

    model_config = ConfigDict(extra="allow")

    event_id: str
    event: str
    created_at: str
    handoff_id: str
    conversation_id: str | None = None
    channel: str | None = None
    state: str | None = None
    skill_group: str | None = None
    priority: int | None = None
    request: str | None = None
    agent: dict[str, str] | None = None
    disposition: str | None = None
    summary: str | None = None
    package: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    score: int | None = None
    comment: str | None = None


class StandingBody(BaseModel):
    """``reachable`` is false while something that failed waits; ``customers_waiting`` does the desk not know of
    yet; ``dead`` were given up and can be sent again."""

    desk: str
    reachable: bool
    error: str | None
    pending: int
    oldest_s: int
    dead: int
    customers_waiting: int


def create_desk_router(
    name: str, notices: Notices, directory: StaffDirectory, access: ServiceAccess
) -> APIRouter:
    """Routes under /api/v1/desk for supervisors and for the desk's service token."""
    router = APIRouter(prefix="/api/v1/desk", tags=["desk integration"])
    allowed = Depends(access.beside(directory.guard("supervisor")))

    @router.get("", response_model=StandingBody)
    async def standing(_: Staff = allowed) -> dict[str, Any]:
        """Whether the desk that serves answers, and what it does not know yet."""
        return {"desk": name, **await notices.standing(name)}

    @router.get("/events")
    async def listed(
        state: Literal["pending", "sent", "dead"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        staff: Staff = allowed,
    ) -> dict[str, Any]:
        """What the desk was, is still to be, or never was told, newest first."""
        rows = await notices.listed(state, _only(staff), limit)
        return {"events": [row.shown() for row in rows]}

    @router.post("/events/{event_id}/retry")
    async def retry(event_id: str, staff: Staff = allowed) -> dict[str, Any]:
        """Sends what was given up once more, now."""
        row = await notices.retry(event_id, _only(staff))
        return {"event": row.shown()}

    return router


def create_chatwoot_router(
    account_id: int, secret: str, notices: Notices, carrier: Carrier
) -> APIRouter:
    """Chatwoot's webhook: signed, and only a hint. What is new is read by the API."""
    router = APIRouter(prefix="/api/v1/desk/chatwoot", tags=["desk integration"])

    @router.post("/webhook")
    async def webhook(request: Request) -> dict[str, bool]:
        """For the inbox's ``webhook_url`` (Chatwoot 4.13 or later signs it) or an account webhook."""
        body = await _limited(request)
        check_signature(request, body, secret.encode())
        conversation_id = news_of(body, account_id)
        known = conversation_id is not None and await notices.look_now("chatwoot", conversation_id)
        if known:
            carrier.nudge()
        return {"ok": True, "known": known}

    return router


def document(app: FastAPI) -> None:
    """Adds what we post to the OpenAPI document."""
    for event, meaning in EVENTS.items():
        app.webhooks.post(event, tags=["desk integration"], summary=meaning)(_receiver)


def _receiver(body: NoticeBody) -> None:
    """Signed as ``X-Changda-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``; refuse posts
    older than five minutes. ``event_id`` is the same at every attempt. Any 2xx is a receipt, 410 ends it."""


def check_signature(request: Request, body: bytes, secret: bytes) -> None:
    """Chatwoot's headers: ``X-Chatwoot-Timestamp`` and ``X-Chatwoot-Signature: sha256=<hex>``.

    Raises:
        NotAuthenticated: not signed by Chatwoot, or too long ago.
    """
    moment = request.headers.get("x-chatwoot-timestamp", "")
    given = request.headers.get("x-chatwoot-signature", "").removeprefix("sha256=")
    fresh = _DIGITS.fullmatch(moment) is not None
    if not (secret and fresh and holds(secret, int(moment), body, given, time.time())):
        log.warning("chatwoot_webhook_refused", signed=bool(given))
        raise NotAuthenticated("签名不对，请检查Chatwoot的webhook密钥。")


def news_of(body: bytes, account_id: int) -> str | None:
    """The conversation in which something happened that a customer may notice.

    Raises:
        InvalidInput: not what Chatwoot sends.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInput("请求内容不是有效的 JSON。") from None
    if not isinstance(payload, dict) or payload.get("event") not in _NEWS:
        return None
    account = payload.get("account")
    if isinstance(account, dict) and account.get("id") not in (None, account_id):
        return None
    conversation = payload
    if payload["event"] == "message_created":
        # Our own notes and the customer's words come back, too.
        if payload.get("message_type") != "outgoing" or payload.get("private"):
            return None
        conversation = payload.get("conversation") or {}
    found = conversation.get("id") if isinstance(conversation, dict) else None
    return str(found) if isinstance(found, int) else None


async def _limited(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TextTooLong("请求内容过大。")
    return bytes(body)


def _only(staff: Staff) -> str | None:
    return None if "supervisor" in staff.roles else "webhook"
