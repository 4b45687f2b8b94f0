"""The desk's live line: what concerns one agent, resumable by sequence numbers.

The server pushes handoff and agent_status events, and message, typing and state events of the conversations
the agent serves. An open socket is the agent's sign of life. A desk that cannot keep up is disconnected; it
reconnects and asks for what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from fastapi import WebSocket, WebSocketDisconnect

from core.errors import ChangdaError, NotAllowed, NotAuthenticated
from core.events import HANDOFF, TYPING, Event
from core.redis_keys import STAFF_CHANNEL, agent_channel, conversation_channel
from core.staff import STAFF_COOKIE, Staff, StaffDirectory
from handoff.context import masked
from handoff.routing import groups_within_reach
from handoff.service import HandoffService
from handoff.states import State

log = structlog.get_logger(__name__)

CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_SLOW = 1013
_AUTH_WAIT_S = 10.0
_OUTBOX = 1000
_MAX_FRAME = 16_384


async def serve_desk(socket: WebSocket, service: HandoffService, directory: StaffDirectory) -> None:
    """Authenticates a desk (cookie, Bearer header or first frame) and serves it until it leaves."""
    await socket.accept()
    try:
        staff = await _authenticate(socket, directory)
        staff.require("agent", "supervisor")
    except (NotAuthenticated, TimeoutError) as error:
        detail = error.detail if isinstance(error, NotAuthenticated) else "登录超时，请重试。"
        await _refuse(socket, CLOSE_UNAUTHENTICATED, "not_authenticated", detail)
        return
    except NotAllowed as error:
        await _refuse(socket, CLOSE_FORBIDDEN, error.code, error.detail)
        return
    except WebSocketDisconnect:
        return
    await DeskSocket(socket, service, staff).run()


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


class DeskSocket:
    """One open desk."""

    def __init__(self, socket: WebSocket, service: HandoffService, staff: Staff) -> None:
        self._socket = socket
        self._service = service
        self._staff = staff
        self._reach = groups_within_reach(staff.skill_groups)
        self._outbox: asyncio.Queue[Event] = asyncio.Queue(_OUTBOX)
        self._behind = asyncio.Event()
        """The desk reads too slowly: it must reconnect and resume."""
        self._followed: dict[str, tuple[str, asyncio.Task[None]]] = {}
        """Conversation id → its handoff and the task that forwards it."""

    async def run(self) -> None:
        """Until the desk leaves or falls too far behind."""
        tasks = [
            asyncio.create_task(work, name=f"desk-{self._staff.id}")
            for work in (
                self._send(),
                self._listen(),
                self._stay_alive(),
                self._receive(),
                self._fall_behind(),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error and not isinstance(error, WebSocketDisconnect | RuntimeError):
                    log.error("desk_socket_failed", staff=self._staff.id, error=repr(error))
        finally:
            forwards = [task for _, task in self._followed.values()]
            for task in [*tasks, *forwards]:
                task.cancel()
            await asyncio.gather(*tasks, *forwards, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(CLOSE_TOO_SLOW if self._behind.is_set() else 1000)

    async def _send(self) -> None:
        while True:
            event = await self._outbox.get()
            await self._socket.send_text(orjson.dumps(event).decode())

    async def _fall_behind(self) -> None:
        await self._behind.wait()

    async def _stay_alive(self) -> None:
        while "agent" in self._staff.roles:
            await self._service.presence.touch(self._staff.id)
            await asyncio.sleep(self._service.agent_lost_s / 3)
        await asyncio.Event().wait()

    async def _listen(self) -> None:
        channels = (STAFF_CHANNEL, agent_channel(self._staff.id))
        async with self._service.bus.listen(*channels) as events:
            active = await self._service.views.active(self._staff.id)
            for row in active:
                self._follow(row["handoff_id"], row["conversation_id"])
            status = await self._service.presence.status(self._staff.id)
            agent = {"id": self._staff.id, "display_name": self._staff.display_name}
            self._put({"type": "ready", "agent": agent | {"status": status}, "active": active})
            while True:
                event = await events.get()
                if event["type"] == HANDOFF:
                    self._on_handoff(event)
                else:
                    self._put(masked(event))

    def _on_handoff(self, event: Event) -> None:
        conversation_id = event["conversation_id"]
        mine = event["agent_id"] == self._staff.id
        followed = conversation_id in self._followed
        concerns = (
            mine
            or followed
            or "supervisor" in self._staff.roles
            or event["skill_group"] in self._reach
            or event["reserved_for"] == self._staff.id
        )
        if concerns:
            self._put(event)
        if mine and event["state"] == State.ACTIVE:
            self._follow(event["handoff_id"], conversation_id)
        elif followed and self._followed[conversation_id][0] == event["handoff_id"]:
            self._followed.pop(conversation_id)[1].cancel()

    def _follow(self, handoff_id: str, conversation_id: str) -> None:
        if conversation_id in self._followed:
            if self._followed[conversation_id][0] == handoff_id:
                return
            self._followed.pop(conversation_id)[1].cancel()
        task = asyncio.create_task(self._forward(handoff_id, conversation_id))
        self._followed[conversation_id] = (handoff_id, task)

    async def _forward(self, handoff_id: str, conversation_id: str) -> None:
        marks = {"handoff_id": handoff_id, "conversation_id": conversation_id}
        async with self._service.bus.listen(conversation_channel(conversation_id)) as events:
            # From here on nothing is missed; the desk compares last_seq with what it has.
            last_seq = await self._service.views.last_seq(conversation_id)
            self._put({"type": "following", **marks, "last_seq": last_seq})
            while True:
                event = await events.get()
                if event["type"] != TYPING or event.get("sender") != "agent":
                    self._put({**masked(event), **marks})

    def _put(self, event: Event) -> None:
        if self._outbox.full():
            self._behind.set()
        else:
            self._outbox.put_nowait(event)

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
        if kind == "ping":
            self._put({"type": "pong", "active": await self._service.views.active(self._staff.id)})
        elif kind == "typing":
            await self._service.agent_typing(str(frame.get("handoff_id", "")), self._staff)
        elif kind == "resume":
            await self._resume(frame.get("after"))
        elif kind != "auth":
            self._put({"type": "error", "code": "malformed_body", "detail": "无法识别的消息。"})

    async def _resume(self, after: Any) -> None:
        seen = after if isinstance(after, dict) else {}
        for row in await self._service.views.active(self._staff.id):
            conversation_id = row["conversation_id"]
            known = seen.get(conversation_id, 0)
            known = known if isinstance(known, int) and known >= 0 else 0
            for message in await self._service.views.missed(conversation_id, known):
                marks = {"handoff_id": row["handoff_id"], "conversation_id": conversation_id}
                await self._outbox.put({"type": "message", **marks, "message": message})
        self._put({"type": "resumed"})


def _parse(text: str) -> dict[str, Any] | None:
    if len(text) > _MAX_FRAME:
        return None
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return frame if isinstance(frame, dict) else None
