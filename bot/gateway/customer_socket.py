"""The customer's live connection: the transcript as it grows, resumable by sequence number."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from bot.gateway.access import Visitor
from bot.gateway.customer_api import PAGE, MessageRequest
from bot.gateway.metrics import SOCKETS
from bot.gateway.services import Services, services_of
from core.errors import ChangdaError, InvalidInput, MalformedBody, NotAuthenticated
from core.events import MESSAGE, MOVED, QUEUE_POSITION, STATE, TYPING, Event
from core.redis_keys import conversation_channel

router = APIRouter(prefix="/api/v1")
log = structlog.get_logger(__name__)
AUTH_WAIT_S = 10
MAX_FRAME = 64_000
_STAFF_ONLY = ("audience", "agent_id", "understanding")
_REFUSED = 4401


@router.websocket("/conversations/{conversation_id}/ws")
async def follow(socket: WebSocket, conversation_id: str) -> None:
    """First frame {"type": "auth", "token", "after"}; then messages, typing and state, live."""
    services = services_of(socket)
    await socket.accept()
    try:
        visitor, after = await _authenticate(socket, services, conversation_id)
    except ChangdaError as error:
        await socket.send_json({"type": "error", **error.problem()})
        await socket.close(_REFUSED)
        return
    except (WebSocketDisconnect, TimeoutError):
        return
    SOCKETS.labels("customer").inc()
    try:
        await _CustomerSocket(socket, services, visitor).run(after)
    finally:
        SOCKETS.labels("customer").dec()


async def _authenticate(
    socket: WebSocket, services: Services, conversation_id: str
) -> tuple[Visitor, int]:
    frame = await asyncio.wait_for(_receive(socket), AUTH_WAIT_S)
    token, after = frame.get("token"), frame.get("after", 0)
    if frame.get("type") != "auth" or not isinstance(token, str):
        raise NotAuthenticated
    visitor = await services.access.by_token(socket, token, conversation_id)
    return visitor, after if isinstance(after, int) and after >= 0 else 0


async def _receive(socket: WebSocket) -> dict[str, Any]:
    text = await socket.receive_text()
    if len(text) > MAX_FRAME:
        raise InvalidInput("消息太大了。")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedBody from error
    if not isinstance(frame, dict):
        raise MalformedBody
    return frame


class _CustomerSocket:
    def __init__(self, socket: WebSocket, services: Services, visitor: Visitor) -> None:
        self._socket = socket
        self._services = services
        self._visitor = visitor
        self._seen = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _id(self) -> str:
        return self._visitor.conversation.id

    async def run(self, after: int) -> None:
        self._seen = after
        await self._services.sockets.opened(self._id)
        pulling = asyncio.create_task(self._pull())
        try:
            while not pulling.done():
                await self._follow(pulling)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            pulling.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await pulling
            await self._services.sockets.closed(self._id)

    async def _follow(self, pulling: asyncio.Task[None]) -> None:
        """Pushes what happens in the conversation until the customer leaves or goes on in another."""
        # Listening starts before the backlog is read, so nothing falls between the two.
        async with self._services.bus.listen(conversation_channel(self._id)) as events:
            await self._send_backlog()
            status = await self._services.status_of(self._id)
            await self._socket.send_json({"type": "ready", "seq": self._seen, **status})
            pushing = asyncio.create_task(self._push(events))
            try:
                await asyncio.wait({pulling, pushing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pushing.cancel()
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                    await pushing

    async def _move(self) -> bool:
        """Whether this account now speaks elsewhere; the page begins anew there."""
        account = await self._services.identities.find(self._visitor.channel, self._visitor.account)
        if account is None or account.conversation_id in (None, self._id):
            return False
        await self._services.sockets.closed(self._id)
        joined = await self._services.transcript.conversation(str(account.conversation_id))
        self._visitor = replace(self._visitor, conversation=joined)
        await self._services.sockets.opened(self._id)
        self._seen = 0
        await self._socket.send_json({"type": MOVED, "conversation_id": joined.id})
        return True

    async def _send_backlog(self) -> None:
        while True:
            messages = await self._services.transcript.messages(self._id, self._seen, "all", PAGE)
            for message in messages:
                await self._socket.send_json({"type": MESSAGE, "message": message.public()})
                self._seen = message.seq
            if len(messages) < PAGE:
                return

    async def _push(self, events: asyncio.Queue[Event]) -> None:
        while True:
            event = await events.get()
            if event["type"] == MOVED and await self._move():
                return
            if event["type"] == MESSAGE:
                await self._push_message(event["message"])
            elif event["type"] == TYPING:
                await self._socket.send_json({"type": TYPING, "sender": event["sender"]})
            elif event["type"] == STATE:
                status = await self._services.status_of(self._id)
                await self._socket.send_json({"type": STATE, **status})
            elif event["type"] == QUEUE_POSITION:
                await self._socket.send_json(event)

    async def _push_message(self, message: dict[str, Any]) -> None:
        if message["seq"] <= self._seen or message["audience"] != "all":
            return
        if message["seq"] > self._seen + 1:
            # Events may overtake each other; the transcript has the order. Staff lines leave gaps too.
            await self._send_backlog()
            return
        self._seen = message["seq"]
        shown = {key: value for key, value in message.items() if key not in _STAFF_ONLY}
        await self._socket.send_json({"type": MESSAGE, "message": shown})

    async def _pull(self) -> None:
        while True:
            try:
                frame = await _receive(self._socket)
                await self._handle(frame)
            except ChangdaError as error:
                await self._socket.send_json({"type": "error", **error.problem()})

    async def _handle(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "ping":
            await self._socket.send_json({"type": "pong"})
            await self._services.sockets.alive(self._id)
        elif kind == "typing":
            preview = str(frame.get("text", ""))
            await self._services.handoffs.customer_typing(self._id, preview)
        elif kind == "message":
            # Answering must not block the reading of pings and further messages.
            task = asyncio.create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            raise InvalidInput("不支持的消息类型。")

    async def _answer(self, frame: dict[str, Any]) -> None:
        client_message_id = frame.get("client_message_id")
        try:
            body = MessageRequest.model_validate(frame)
            inbound = self._visitor.says(body.text, body.client_message_id)
            outcome = await self._services.router.receive(inbound)
            reply: dict[str, Any] = {
                "type": "ack",
                "client_message_id": inbound.channel_message_id,
                "message_id": outcome.message.id,
                "seq": outcome.message.seq,
                "state": outcome.state,
            }
        except ValidationError:
            problem = InvalidInput().problem()
            reply = {"type": "error", "client_message_id": client_message_id, **problem}
        except ChangdaError as error:
            problem = error.problem()
            reply = {"type": "error", "client_message_id": client_message_id, **problem}
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_json(reply)
