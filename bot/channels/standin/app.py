"""Tencent's API over HTTP, and what a demo's page or a test does with the people."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from bot.channels.standin.people import Clock, Faults, Person
from bot.channels.standin.wechat import OfficialAccount
from bot.channels.standin.wecom import Enterprise

PAGE = Path(__file__).parent / "page"
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

    @app.post("/cgi-bin/{path:path}")
    async def call(path: str, request: Request) -> Response:
        return await platform.answer(f"/cgi-bin/{path}", request)

    @app.get("/demo/{side}/{who}")
    async def screen(side: str, who: str) -> JSONResponse:
        person = _person(platform, side, who)
        return JSONResponse(_screen(platform, person))

    @app.post("/demo/{side}/{who}/{act}")
    async def act(side: str, who: str, act: str, request: Request) -> JSONResponse:
        raw = await request.body()
        await _act(platform, side, who, act, orjson.loads(raw) if raw else {})
        return JSONResponse(_screen(platform, _person(platform, side, who)))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE))
    return app


def _json(body: Body) -> Response:
    # The platform answers 200 whatever happened.
    return Response(orjson.dumps(body), media_type="application/json")


def _person(platform: Platform, side: str, who: str) -> Person:
    people = platform.wechat.people if side == "wechat" else platform.wecom.people
    if who not in people:
        raise HTTPException(404)
    return people[who]


def _screen(platform: Platform, person: Person) -> Body:
    now = platform.clock.now()
    return {
        "seen": person.seen,
        "following": person.following,
        "typing": person.typing_until > now,
        "left": person.said.left if person.said.open(now) else 0,
        "menu": platform.wechat.menu,
        "hours_ahead": round(platform.clock.ahead / 3600, 1),
    }


async def _act(platform: Platform, side: str, who: str, act: str, body: Body) -> None:
    text = str(body.get("text") or "")
    if act == "wait":
        platform.clock.ahead += float(body.get("hours") or 1) * 3600
    elif act == "trouble":
        faults: Faults = getattr(platform, side).faults
        path = "/cgi-bin/message/custom/send" if side == "wechat" else "/cgi-bin/kf/send_msg"
        faults.statuses[path] = [500, 500]
    elif side == "wecom":
        await _act_wecom(platform.wecom, who, act, text, body)
    else:
        await _act_wechat(platform.wechat, who, act, text, body)


async def _act_wechat(account: OfficialAccount, who: str, act: str, text: str, body: Body) -> None:
    if act == "follow":
        await account.follow(who, text)
        return
    if who not in account.people:
        raise HTTPException(404)
    person = account.people[who]
    if act == "unfollow":
        await account.unfollow(who)
    elif act == "say":
        await account.say(who, text)
    elif act == "click":
        person.see("me", f"（点菜单）{text}")
        await account.click(who, text)
    elif act == "tap":
        await account.tap(who, int(body.get("number") or 1))
    elif act == "voice":
        person.see("me", f"（语音）{text}")
        heard: dict[str, object] = {"Recognition": text} if text else {}
        await account.message(who, "voice", MediaId="demo", Format="amr", **heard)
    elif act == "image":
        person.see("me", "（图片）")
        await account.message(who, "image", PicUrl="https://mmbiz.qpic.cn/demo.jpg", MediaId="demo")
    elif act == "location":
        person.see("me", f"（位置）{text}")
        await account.message(
            who, "location", Location_X=39.997, Location_Y=116.48, Scale=15, Label=text
        )
    else:
        raise HTTPException(404)


async def _act_wecom(desk: Enterprise, who: str, act: str, text: str, body: Body) -> None:
    if act in ("enter", "follow"):
        await desk.enter(who)
        return
    if who not in desk.people:
        raise HTTPException(404)
    if act == "say":
        await desk.say(who, text)
    elif act == "tap":
        number = int(body.get("number") or 1)
        menu = next(line["menu"] for line in reversed(desk.people[who].seen) if line.get("menu"))
        await desk.say(who, menu[number - 1]["content"], str(menu[number - 1]["id"]))
    elif act == "image":
        desk.people[who].see("me", "（图片）")
        await desk.message(who, "image", {"media_id": "demo"})
    elif act == "recall":
        await desk.recall(who)
    else:
        raise HTTPException(404)
