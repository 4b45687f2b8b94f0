"""A gateway for the tests of the chat page: the customer's contract over real HTTP and WebSocket.

It answers from a script and can misbehave in the ways networks and servers do. The page itself, its files
and its security headers come from the real ``bot.gateway.pages``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse

from bot.gateway import pages

GREETING = "您好，我是智能客服小畅，查话费、换套餐、报故障，直接告诉我就行。"
CHOICES = ("查话费", "查流量", "我的套餐", "推荐套餐", "转人工")


def buttons(*titles: str) -> list[dict[str, str]]:
    return [{"title": title, "payload": title} for title in titles]


@dataclass
class Thread:
    """One conversation as the stand-in keeps it."""

    id: str
    token: str
    state: str = "bot"
    messages: list[dict[str, Any]] = field(default_factory=list)
    sockets: set[WebSocket] = field(default_factory=set)
    ratings: list[dict[str, Any]] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    seq: int = 0
    joined: str = "home"


class FakeGateway:
    """``script`` maps what a customer says to replies; anything else is repeated back."""

    def __init__(self) -> None:
        self.threads: dict[str, Thread] = {}
        self.script: dict[str, list[dict[str, Any]]] = {}
        self.opened: list[dict[str, Any]] = []
        """Bodies of POST /sessions."""
        self.preferred: list[dict[str, Any]] = []
        """Bodies of PUT …/preferences."""
        self.profile: dict[str, Any] = {}
        self.greets: dict[str, Any] = {}
        """What the ready frame says besides state and seq."""
        self.no_sockets = False
        """Every WebSocket handshake is refused."""
        self.mute_sockets = 0
        """So many coming messages are stored, but their connection dies before anything is said."""
        self.problems: list[tuple[int, str]] = []
        """Answers (status, detail) for the next messages instead of taking them."""
        self.problems_after: list[tuple[int, str]] = []
        """The same, but the message is stored and answered first."""
        self.clock = lambda: datetime.now(UTC)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app = self._build()

    # ---- what tests use

    @property
    def thread(self) -> Thread:
        """The newest conversation."""
        return list(self.threads.values())[-1]

    def said(self, sender: str = "customer") -> list[str]:
        """Every stored text of a sender in the newest conversation, in order."""
        return [m["text"] for m in self.thread.messages if m["sender"] == sender]

    def say(self, sender: str, text: str, **fields: Any) -> None:
        """Appends a message and announces it, as the live transcript does."""
        self._run(self._announce([self._append(self.thread, sender, text, **fields)]))

    def hide(self) -> None:
        """A line for staff: takes a number that the customer never sees."""
        self.thread.seq += 1

    def push(self, **frame: Any) -> None:
        """Sends a frame to every open connection."""
        self._run(self._send(self.thread, frame))

    def become(self, state: str, **fields: Any) -> None:
        self.thread.state = state
        self.push(type="state", state=state, **fields)

    def join(self, *texts: str) -> None:
        """The customer's conversation turns out to be another one, with these words of theirs in it."""
        own = [m["text"] for m in self.thread.messages if m["sender"] == "customer"]
        self.thread.messages.clear()
        self.thread.seq += 100
        self.thread.joined += "x"
        for text in (*texts, *own):
            self._append(self.thread, "customer", text)
        self.push(type="moved", conversation_id=self.thread.joined)
        self._run(self._announce(list(self.thread.messages)))

    def cut(self) -> None:
        """Closes every connection without a word."""
        self._run(self._cut(self.thread))

    # ---- the contract

    def _build(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            yield

        app = FastAPI(lifespan=lifespan)
        root = "/api/v1/conversations/{conversation_id}"
        app.post("/api/v1/sessions", status_code=201)(self._open)
        app.post(f"{root}/messages", response_model=None)(self._post)
        app.get(f"{root}/messages", response_model=None)(self._read)
        app.post(f"{root}/rating", response_model=None)(self._rate)
        app.post(f"{root}/cancel-wait", response_model=None)(self._cancel)
        app.put(f"{root}/preferences", response_model=None)(self._prefer)
        app.get(f"{root}/transcript", response_model=None)(self._transcript)
        app.websocket(f"{root}/ws")(self._follow)
        pages.install(app)
        return app

    async def _open(self, body: dict[str, Any]) -> dict[str, Any]:
        self.opened.append(body)
        thread = Thread(secrets.token_hex(8), secrets.token_hex(16))
        self.threads[thread.id] = thread
        self._append(thread, "bot", GREETING, buttons=buttons(*CHOICES))
        access = {"conversation_id": thread.id, "access_token": thread.token}
        return {**access, "state": "bot", "profile": self.profile}

    def _enter(self, conversation_id: str, token: str) -> Thread | None:
        thread = self.threads.get(conversation_id)
        return thread if thread and secrets.compare_digest(thread.token, token) else None

    def _of(self, request: Request, conversation_id: str) -> Thread | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self._enter(conversation_id, token)

    async def _post(
        self, conversation_id: str, body: dict[str, Any], request: Request
    ) -> dict[str, Any] | JSONResponse:
        thread = self._of(request, conversation_id)
        if thread is None:
            return problem(401, "登录已过期，请重新进入。")
        if self.problems:
            return problem(*self.problems.pop(0))
        message, replies = await self._receive(thread, body)
        if self.problems_after:
            return problem(*self.problems_after.pop(0))
        shown = [{k: v for k, v in reply.items() if k != "created_at"} for reply in replies]
        ids = {"message_id": message["message_id"], "seq": message["seq"]}
        return {**ids, "replies": shown, "state": thread.state}

    async def _read(
        self, conversation_id: str, request: Request, after: int = 0
    ) -> dict[str, Any] | JSONResponse:
        thread = self._of(request, conversation_id)
        if thread is None:
            return problem(401, "登录已过期，请重新进入。")
        messages = [m for m in thread.messages if m["seq"] > after]
        return {
            "conversation_id": thread.joined,
            "messages": messages,
            "state": thread.state,
            "profile": self.profile,
        }

    async def _rate(
        self, conversation_id: str, body: dict[str, Any], request: Request
    ) -> dict[str, Any] | JSONResponse:
        thread = self._of(request, conversation_id)
        assert thread is not None
        if thread.ratings:
            return problem(409, "您已经评价过了。")
        thread.ratings.append(body)
        return {"score": body["score"]}

    async def _cancel(self, conversation_id: str, request: Request) -> dict[str, Any]:
        thread = self._of(request, conversation_id)
        assert thread is not None
        thread.state = "bot"
        message = self._append(thread, "system", "已为您取消人工排队。")
        await self._announce([message], thread)
        return {"state": "bot"}

    async def _prefer(self, conversation_id: str, body: dict[str, Any]) -> dict[str, Any]:
        self.preferred.append(body)
        return {"profile": body}

    async def _transcript(
        self, conversation_id: str, request: Request
    ) -> HTMLResponse | JSONResponse:
        if self.problems:
            return problem(*self.problems.pop(0))
        thread = self._of(request, conversation_id)
        assert thread is not None
        return HTMLResponse("<!doctype html>" + "|".join(m["text"] for m in thread.messages))

    async def _follow(self, socket: WebSocket, conversation_id: str) -> None:
        if self.no_sockets:
            await socket.close()
            return
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):
            hello = await socket.receive_json()
            thread = self._enter(conversation_id, hello["token"])
            if thread is None:
                refusal = {"status": 401, "code": "not_authenticated", "detail": "凭证无效。"}
                await socket.send_json({"type": "error", **refusal})
                await socket.close(4401)
                return
            await self._serve(socket, thread, hello["after"])

    async def _serve(self, socket: WebSocket, thread: Thread, after: int) -> None:
        for message in [m for m in thread.messages if m["seq"] > after]:
            await socket.send_json({"type": "message", "message": message})
        last = thread.messages[-1]["seq"] if thread.messages else 0
        ready = {"type": "ready", "state": thread.state, "seq": max(after, last)}
        await socket.send_json(ready | self.greets)
        thread.sockets.add(socket)
        try:
            while True:
                await self._frame(socket, thread, await socket.receive_json())
        finally:
            thread.sockets.discard(socket)

    async def _frame(self, socket: WebSocket, thread: Thread, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping":
            await socket.send_json({"type": "pong"})
        elif frame["type"] == "typing":
            thread.previews.append(frame["text"])
        elif frame["type"] == "message":
            await self._take(socket, thread, frame)

    async def _take(self, socket: WebSocket, thread: Thread, frame: dict[str, Any]) -> None:
        if self.mute_sockets:
            self.mute_sockets -= 1
            await self._cut(thread)
        if self.problems:
            status, detail = self.problems.pop(0)
            answer = {"type": "error", "status": status, "detail": detail}
        else:
            message, _ = await self._receive(thread, frame)
            answer = {"type": "ack", "seq": message["seq"], "message_id": message["message_id"]}
            answer["state"] = thread.state
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_json({**answer, "client_message_id": frame["client_message_id"]})

    async def _receive(
        self, thread: Thread, body: dict[str, Any]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        known = [
            m for m in thread.messages if m.get("client_message_id") == body["client_message_id"]
        ]
        if known:
            ours = known[0]["message_id"]
            return known[0], [m for m in thread.messages if m.get("in_reply_to") == ours]
        own = {"client_message_id": body["client_message_id"]}
        message = self._append(thread, "customer", body["text"], **own)
        await self._announce([message], thread)
        default = [{"text": f"您说的是：{body['text']}"}]
        answers = self.script.get(body["text"], default) if thread.state == "bot" else []
        replies = [
            self._append(thread, "bot", in_reply_to=message["message_id"], **answer)
            for answer in answers
        ]
        await self._announce(replies, thread)
        return message, replies

    # ---- inside

    def _append(self, thread: Thread, sender: str, text: str = "", **fields: Any) -> dict[str, Any]:
        thread.seq += 1
        created = (self.clock() + timedelta(milliseconds=thread.seq)).isoformat()
        head = {"message_id": f"m{thread.seq}", "seq": thread.seq, "sender": sender, "text": text}
        message = {"created_at": created, **head, **fields}
        thread.messages.append(message)
        return message

    async def _announce(self, messages: list[dict[str, Any]], thread: Thread | None = None) -> None:
        for message in messages:
            await self._send(thread or self.thread, {"type": "message", "message": message})

    async def _send(self, thread: Thread, frame: dict[str, Any]) -> None:
        for socket in tuple(thread.sockets):
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_json(frame)

    async def _cut(self, thread: Thread) -> None:
        for socket in tuple(thread.sockets):
            thread.sockets.discard(socket)
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(1011)

    def _run(self, coroutine: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)


def problem(status: int, detail: str) -> JSONResponse:
    body = {"status": status, "code": "refused_by_test", "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")
