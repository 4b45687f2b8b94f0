"""The desk's live line: what concerns one member of staff, resumable by sequence numbers.

The server pushes handoff and agent_status events, and everything in the conversations that somebody serves,
has joined or watches (``watch``). Supervisors who ask for the ``floor`` get it whole, then what changed. An
open socket is a sign of life. A desk that cannot keep up is disconnected; it reconnects and asks for what it
missed. When the token runs out, the login is ended or the account disabled, the socket says so and closes
with a code of its own; a fresh token in an ``auth`` frame keeps it open.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
import structlog
from fastapi import WebSocket, WebSocketDisconnect

from core.errors import (
    AccountDisabled,
    ChangdaError,
    Conflict,
    NotAllowed,
    NotAuthenticated,
    SignedOut,
    TokenExpired,
)
from core.events import GUEST, HANDOFF, MESSAGE, SIGNED_OUT, TYPING, Event
from core.redis_keys import (
    STAFF_CHANNEL,
    agent_channel,
    backstage_channel,
    conversation_channel,
)
from core.staff import STAFF_COOKIE, Staff, StaffDirectory
from handoff.context import masked
from handoff.floor import FloorChanges
from handoff.routing import groups_within_reach
from handoff.service import HandoffService
from handoff.states import State

log = structlog.get_logger(__name__)

CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_EXPIRED = 4410
"""The token ran out: renew it, or log in again, and come back; nothing is lost."""
CLOSE_SIGNED_OUT = 4411
"""This login was ended."""
CLOSE_DISABLED = 4412
"""This account may not come back."""
CLOSE_TOO_SLOW = 1013
CHECK_S = 5.0
"""How long a socket may outlive its login when nobody tells it."""
MAX_WATCHED = 20
_AUTH_WAIT_S = 10.0
_OUTBOX = 1000
_MAX_FRAME = 16_384


async def serve_desk(socket: WebSocket, service: HandoffService, directory: StaffDirectory) -> None:
    """Authenticates a desk (cookie, Bearer header or first frame) and serves it until it leaves."""
    await socket.accept()
    try:
        staff = await _authenticate(socket, directory)
        await directory.check(staff)
        staff.require("agent", "supervisor")
    except NotAuthenticated as error:
        await _refuse(socket, close_code(error), error.code, error.detail)
        return
    except TimeoutError:
        await _refuse(socket, CLOSE_UNAUTHENTICATED, "not_authenticated", "登录超时，请重试。")
        return
    except NotAllowed as error:
        await _refuse(socket, CLOSE_FORBIDDEN, error.code, error.detail)
        return
    except WebSocketDisconnect:
        return
    await DeskSocket(socket, service, staff, directory).run()


def close_code(error: NotAuthenticated) -> int:
    """The code a socket closes with, so that a page knows what would help."""
    codes: dict[type[NotAuthenticated], int] = {
        TokenExpired: CLOSE_EXPIRED,
        SignedOut: CLOSE_SIGNED_OUT,
        AccountDisabled: CLOSE_DISABLED,
    }
    return codes.get(type(error), CLOSE_UNAUTHENTICATED)


async def _authenticate(socket: WebSocket, directory: StaffDirectory) -> Staff:
    if STAFF_COOKIE in socket.cookies or "authorization" in socket.headers:
        _check_origin(socket)
        return directory.from_connection(socket)
    async with asyncio.timeout(_AUTH_WAIT_S):
        frame = _parse(await socket.receive_text())
    if frame is None or frame.get("type") != "auth" or not isinstance(frame.get("token"), str):
        raise NotAuthenticated
    return directory.read_token(frame["token"])


def _check_origin(socket: WebSocket) -> None:
    # Browsers send the cookie with any page's socket; only our own pages may use it.
    origin = socket.headers.get("origin")
    if origin and urlsplit(origin).netloc != socket.headers.get("host"):
        raise NotAllowed("请求来源无法确认，请从客服工作台进入。")


async def _refuse(socket: WebSocket, close_code: int, code: str, detail: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_json({"type": "error", "code": code, "detail": detail})
        await socket.close(close_code)


@dataclass
class _Followed:
    """A conversation whose events this desk gets."""

    handoff_id: str
    why: Literal["owner", "guest", "watch"]
    task: asyncio.Task[None]


class DeskSocket:
    """One open desk.

    Args:
        directory: who is still let in; None = nobody asks (tests).
    """

    def __init__(
        self,
        socket: WebSocket,
        service: HandoffService,
        staff: Staff,
        directory: StaffDirectory | None = None,
    ) -> None:
        self._socket = socket
        self._service = service
        self._staff = staff
        self._directory = directory
        self._reach = groups_within_reach(staff.skill_groups)
        self._outbox: asyncio.Queue[Event] = asyncio.Queue(_OUTBOX)
        self._behind = asyncio.Event()
        """The desk reads too slowly: it must reconnect and resume."""
        self._login_changed = asyncio.Event()
        self._followed: dict[str, _Followed] = {}
        """By conversation."""
        self._watched: set[str] = set()
        """Handoffs this person asked to watch; kept while they also serve or join them."""
        self._floor: asyncio.Task[None] | None = None
        self._closing = 1000

    async def run(self) -> None:
        """Until the desk leaves, falls too far behind, or its login is over."""
        tasks = [
            asyncio.create_task(work, name=f"desk-{self._staff.id}")
            for work in (
                self._send(),
                self._listen(),
                self._stay_alive(),
                self._receive(),
                self._fall_behind(),
                self._mind_the_login(),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error and not isinstance(error, WebSocketDisconnect | RuntimeError):
                    log.error("desk_socket_failed", staff=self._staff.id, error=repr(error))
        finally:
            others = [followed.task for followed in self._followed.values()]
            others += [self._floor] if self._floor else []
            for task in [*tasks, *others]:
                task.cancel()
            await asyncio.gather(*tasks, *others, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(self._closing)

    # ---- the socket itself

    async def _send(self) -> None:
        while True:
            event = await self._outbox.get()
            await self._socket.send_text(orjson.dumps(event).decode())

    async def _fall_behind(self) -> None:
        await self._behind.wait()
        self._closing = CLOSE_TOO_SLOW

    async def _stay_alive(self) -> None:
        while True:
            await self._service.presence.touch(self._staff.id)
            await asyncio.sleep(self._service.agent_lost_s / 3)

    async def _mind_the_login(self) -> None:
        while True:
            try:
                if self._directory is not None:
                    await self._directory.check(self._staff)
            except NotAuthenticated as error:
                self._closing = close_code(error)
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self._socket.send_json(
                        {"type": "error", "code": error.code, "detail": error.detail}
                    )
                return
            wait = CHECK_S
            if self._staff.expires_at:
                wait = min(wait, max(0.0, self._staff.expires_at - time.time()) + 0.01)
            self._login_changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._login_changed.wait(), wait)

    def _put(self, event: Event) -> None:
        if self._outbox.full():
            self._behind.set()
        else:
            self._outbox.put_nowait(event)

    # ---- what happens elsewhere

    async def _listen(self) -> None:
        channels = (STAFF_CHANNEL, agent_channel(self._staff.id))
        async with self._service.bus.listen(*channels) as events:
            active = await self._service.views.active(self._staff.id)
            for row in active:
                self._follow(row["handoff_id"], row["conversation_id"], row["role"])
            status = await self._service.presence.status(self._staff.id)
            agent = {"id": self._staff.id, "display_name": self._staff.display_name}
            ready = {"type": "ready", "agent": agent | {"status": status}, "active": active}
            self._put(ready | self._token_time())
            while True:
                event = await events.get()
                if event["type"] == HANDOFF:
                    self._on_handoff(event)
                elif event["type"] == SIGNED_OUT:
                    if event.get("session") == self._staff.session:
                        self._login_changed.set()
                else:
                    if event["type"] == GUEST:
                        self._on_guest(event)
                    self._put(masked(event))

    def _token_time(self) -> dict[str, Any]:
        if not self._staff.expires_at:
            return {}
        return {"token_s": max(0, int(self._staff.expires_at - time.time()))}

    def _on_handoff(self, event: Event) -> None:
        conversation_id, handoff_id = event["conversation_id"], event["handoff_id"]
        mine = event["agent_id"] == self._staff.id and event["state"] == State.ACTIVE
        followed = self._followed.get(conversation_id)
        concerns = (
            event["agent_id"] == self._staff.id
            or followed
            or "supervisor" in self._staff.roles
            or event["skill_group"] in self._reach
            or event["reserved_for"] == self._staff.id
        )
        if concerns:
            self._put(event)
        if mine:
            self._follow(handoff_id, conversation_id, "owner")
            return
        # A guest's stay ends with the stretch of service; who watches goes on watching.
        ends = {"owner", "guest"} if event["state"] != State.ACTIVE else {"owner"}
        if followed and followed.handoff_id == handoff_id and followed.why in ends:
            self._unfollow(conversation_id)

    def _on_guest(self, event: Event) -> None:
        if event["guest"] != self._staff.id:
            return
        conversation_id, handoff_id = event["conversation_id"], event["handoff_id"]
        followed = self._followed.get(conversation_id)
        if event["state"] == "joined" and (followed is None or followed.why == "watch"):
            self._follow(handoff_id, conversation_id, "guest")
        elif event["state"] == "left" and followed and followed.why == "guest":
            self._unfollow(conversation_id)

    # ---- conversations

    def _follow(
        self, handoff_id: str, conversation_id: str, why: Literal["owner", "guest", "watch"]
    ) -> None:
        followed = self._followed.get(conversation_id)
        if followed is not None:
            if followed.handoff_id == handoff_id:
                followed.why = why
                return
            followed.task.cancel()
        task = asyncio.create_task(self._forward(handoff_id, conversation_id))
        self._followed[conversation_id] = _Followed(handoff_id, why, task)

    def _unfollow(self, conversation_id: str) -> None:
        followed = self._followed[conversation_id]
        if followed.handoff_id in self._watched:
            followed.why = "watch"
            return
        self._followed.pop(conversation_id).task.cancel()

    async def _forward(self, handoff_id: str, conversation_id: str) -> None:
        marks = {"handoff_id": handoff_id, "conversation_id": conversation_id}
        channels = (conversation_channel(conversation_id), backstage_channel(conversation_id))
        async with self._service.bus.listen(*channels) as events:
            # From here on nothing is missed; the desk compares last_seq with what it has.
            last_seq = await self._service.views.last_seq(conversation_id)
            self._put({"type": "following", **marks, "last_seq": last_seq})
            while True:
                event = await events.get()
                if event["type"] == GUEST and event["guest"] == self._staff.id:
                    continue  # It came on the person's own channel.
                own = event.get("agent_id") == self._staff.id
                if event["type"] != TYPING or not own:
                    self._put({**masked(event), **marks})

    async def _watch(self, handoff_id: str) -> None:
        self._staff.require("supervisor")
        handoff = await self._service.views.check(handoff_id, self._staff)
        if len(self._watched) >= MAX_WATCHED:
            raise Conflict(f"同时最多查看{MAX_WATCHED}个会话。")
        self._watched.add(handoff_id)
        followed = self._followed.get(handoff.conversation_id)
        if followed is None or followed.handoff_id != handoff_id:
            self._follow(handoff_id, handoff.conversation_id, "watch")

    def _unwatch(self, handoff_id: str) -> None:
        self._watched.discard(handoff_id)
        for conversation_id, followed in list(self._followed.items()):
            if followed.handoff_id == handoff_id and followed.why == "watch":
                self._unfollow(conversation_id)

    # ---- what the desk says

    async def _receive(self) -> None:
        while True:
            text = await self._socket.receive_text()
            frame = _parse(text)
            try:
                await self._on_frame(frame or {})
            except ChangdaError as error:
                self._put({"type": "error", "code": error.code, "detail": error.detail})

    async def _on_frame(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        handoff_id = str(frame.get("handoff_id", ""))
        if kind == "ping":
            self._put({"type": "pong", "active": await self._service.views.active(self._staff.id)})
        elif kind == "typing":
            await self._service.agent_typing(handoff_id, self._staff)
        elif kind == "resume":
            await self._resume(frame.get("after"))
        elif kind == "watch":
            await self._watch(handoff_id)
        elif kind == "unwatch":
            self._unwatch(handoff_id)
        elif kind == "floor":
            self._see_floor(frame.get("on") is not False)
        elif kind == "auth":
            await self._authenticate_again(frame.get("token"))
        else:
            self._put({"type": "error", "code": "malformed_body", "detail": "无法识别的消息。"})

    async def _authenticate_again(self, token: Any) -> None:
        # A renewed token of the same person; anything else leaves the socket as it was.
        if self._directory is None or not isinstance(token, str):
            return
        staff = self._directory.read_token(token)
        await self._directory.check(staff)
        if staff.id != self._staff.id:
            raise NotAllowed("请重新进入工作台。")
        self._staff, self._reach = staff, groups_within_reach(staff.skill_groups)
        self._login_changed.set()
        self._put({"type": "renewed", **self._token_time()})

    async def _resume(self, after: Any) -> None:
        seen = after if isinstance(after, dict) else {}
        for row in await self._service.views.active(self._staff.id):
            conversation_id = row["conversation_id"]
            known = seen.get(conversation_id, 0)
            known = known if isinstance(known, int) and known >= 0 else 0
            for message in await self._service.views.missed(conversation_id, known):
                marks = {"handoff_id": row["handoff_id"], "conversation_id": conversation_id}
                await self._outbox.put({"type": MESSAGE, **marks, "message": message})
        self._put({"type": "resumed"})

    # ---- the floor

    def _see_floor(self, on: bool) -> None:
        self._staff.require("supervisor")
        if self._floor is not None:
            self._floor.cancel()
            self._floor = None
        if on:
            self._floor = asyncio.create_task(self._push_floor())

    async def _push_floor(self) -> None:
        changes = FloorChanges(self._staff.id)
        async with self._service.floor.snapshots() as snapshots:
            while True:
                news = changes.since_last(await snapshots.get())
                if news is not None:
                    self._put(news)


def _parse(text: str) -> dict[str, Any] | None:
    if len(text) > _MAX_FRAME:
        return None
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return frame if isinstance(frame, dict) else None
