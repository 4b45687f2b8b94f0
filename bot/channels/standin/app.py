"""Tencent's API over HTTP, and beside it the demo's page with its controls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse

from bot.channels.standin import demo
from bot.channels.standin.people import Clock
from bot.channels.standin.wechat import OfficialAccount
from bot.channels.standin.wecom import Enterprise

Body = dict[str, Any]


@dataclass
class Platform:
    """Both platforms on one clock."""

    wechat: OfficialAccount
    wecom: Enterprise
    clock: Clock

    async def answer(self, path: str, request: Request) -> Response:
        """One call of the API, with the faults that were ordered."""
        side = self.wecom if path.startswith("/cgi-bin/kf/") else self.wechat
        if (delay := side.faults.next("delays", path)) is not None:
            await asyncio.sleep(delay)
        if (status := side.faults.next("statuses", path)) is not None:
            return Response(status_code=status)
        if (code := side.faults.next("errcodes", path)) is not None:
            return _json({"errcode": code, "errmsg": "ordered"})
        raw = await request.body()
        refused = side.refuses_token(request.query_params.get("access_token", ""))
        answer = refused or self._call(path, raw)
        if (status := side.faults.next("after", path)) is not None:
            return Response(status_code=status)
        return _json(answer)

    def _call(self, path: str, raw: bytes) -> Body:
        body: Body = orjson.loads(raw)
        calls = {
            "/cgi-bin/message/custom/typing": self.wechat.typing,
            "/cgi-bin/message/template/send": lambda b: self.wechat.remind("template", b),
            "/cgi-bin/message/subscribe/bizsend": lambda b: self.wechat.remind("subscribe", b),
            "/cgi-bin/menu/create": self._menu,
            "/cgi-bin/kf/sync_msg": self.wecom.sync,
            "/cgi-bin/kf/send_msg": self.wecom.send,
            "/cgi-bin/kf/send_msg_on_event": self.wecom.welcome,
            "/cgi-bin/kf/service_state/trans": self.wecom.trans,
        }
        if path == "/cgi-bin/message/custom/send":
            return self.wechat.custom_send(raw)
        return calls[path](body) if path in calls else {"errcode": 48001, "errmsg": "unauthorized"}

    def _menu(self, body: Body) -> Body:
        self.wechat.menu = body
        return {"errcode": 0, "errmsg": "ok"}


def create_app(platform: Platform) -> FastAPI:
    """The API, the demo's controls and its page."""
    app = FastAPI(title="WeChat and WeCom stand-in", docs_url=None, redoc_url=None)
    app.state.platform = platform

    @app.post("/cgi-bin/stable_token")
    async def stable_token(request: Request) -> Response:
        if (code := platform.wechat.faults.next("errcodes", "/cgi-bin/stable_token")) is not None:
            return _json({"errcode": code, "errmsg": "ordered"})
        return _json(platform.wechat.fetch_token(orjson.loads(await request.body()), stable=True))

    @app.get("/cgi-bin/token")
    async def token(request: Request) -> Response:
        return _json(platform.wechat.fetch_token(dict(request.query_params), stable=False))

    @app.get("/cgi-bin/gettoken")
    async def gettoken(corpid: str, corpsecret: str) -> Response:
        return _json(platform.wecom.fetch_token(corpid, corpsecret))

    @app.get("/cgi-bin/media/get")
    async def media(request: Request, access_token: str, media_id: str) -> Response:
        sides = (platform.wechat, platform.wecom)
        refused = [side.refuses_token(access_token) for side in sides]
        if all(refused):
            return _json(refused[0] or {})
        video = media_id == demo.VIDEO_ID
        if video and refused[0] is None:
            # The official account's API tells only where a video lies.
            return _json({"video_url": f"{request.base_url}page/{demo.VIDEO.name}"})
        if video or media_id == demo.PICTURE_ID:
            return FileResponse(demo.VIDEO if video else demo.PICTURE)
        return _json({"errcode": 40007, "errmsg": "invalid media_id"})

    @app.post("/cgi-bin/{path:path}")
    async def call(path: str, request: Request) -> Response:
        return await platform.answer(f"/cgi-bin/{path}", request)

    demo.install(app)
    return app


def _json(body: Body) -> Response:
    # The platform answers 200 whatever happened.
    return Response(orjson.dumps(body), media_type="application/json")
