"""The demo's page: what people see on their phones, and everything that they and the platform can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from bot.channels.standin.people import Faults, Person
from bot.channels.standin.wechat import OfficialAccount
from bot.channels.standin.wecom import STAFF, Enterprise

if TYPE_CHECKING:
    from bot.channels.standin.app import Platform

PAGE = Path(__file__).parent / "page"
CHAT = Path(__file__).parents[2] / "gateway" / "pages" / "chat"
"""The customers' page, whose way to make elements is ours too."""
TEMPLATE = "demo-notice"
"""The subscription template that the page's people may accept."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SEND = {"wechat": "/cgi-bin/message/custom/send", "wecom": "/cgi-bin/kf/send_msg"}
PICTURE, VIDEO = PAGE / "picture.png", PAGE / "clip.mp4"
PICTURE_ID, VIDEO_ID = "demo", "demo-video"
"""Media ids of what the page's people send."""
_PLACE = (39.9977, 116.4813)
Body = dict[str, Any]
Act = Callable[[Any, Person, Body], Awaitable[Any]]


def install(app: FastAPI) -> None:
    """Adds the page and its controls to the stand-in."""

    @app.get("/demo/{side}/{who}")
    async def screen(side: str, who: str, request: Request) -> JSONResponse:
        platform: Platform = request.app.state.platform
        return JSONResponse(screen_of(platform, side, who))

    @app.post("/demo/{side}/{who}/{act}")
    async def act(side: str, who: str, act: str, request: Request) -> JSONResponse:
        platform: Platform = request.app.state.platform
        raw = await request.body()
        await perform(platform, side, who, act, orjson.loads(raw) if raw else {})
        return JSONResponse(screen_of(platform, side, who))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.middleware("http")
    async def headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response

    app.mount("/page", StaticFiles(directory=PAGE))
    app.mount("/chat", StaticFiles(directory=CHAT))


def screen_of(platform: Platform, side: str, who: str) -> Body:
    """What the page shows of one person. Raises HTTPException for an unknown platform."""
    account, now = _side(platform, side), platform.clock.now()
    person = account.people.get(who) or Person(who)
    allowances = {"said": person.said, "acted": person.acted}
    return {
        "seen": person.seen,
        "known": who in account.people,
        "following": person.following,
        "typing": person.typing_until > now,
        "left": {
            name: {"count": one.left, "seconds": round(one.until - now)}
            for name, one in allowances.items()
            if one.open(now)
        },
        "state": person.state,
        "consents": person.consents,
        "menu": platform.wechat.menu if side == "wechat" else {},
        "hours_ahead": round(platform.clock.ahead / 3600, 1),
        "trouble": account.faults.waiting(),
    }


def _side(platform: Platform, side: str) -> OfficialAccount | Enterprise:
    if side == "wechat":
        return platform.wechat
    if side == "wecom":
        return platform.wecom
    raise HTTPException(404)


async def perform(platform: Platform, side: str, who: str, act: str, body: Body) -> None:
    """Does one thing. Raises HTTPException when it cannot be done."""
    account = _side(platform, side)
    if act == "wait":
        platform.clock.ahead += float(body.get("hours") or 1) * 3600
    elif act == "trouble":
        _trouble(account, _SEND[side], str(body.get("kind") or "down"))
    elif act in ("follow", "enter"):
        await _arrive(account, who, str(body.get("text") or ""))
    else:
        acts = _WECHAT if isinstance(account, OfficialAccount) else _WECOM
        if who not in account.people or act not in acts:
            raise HTTPException(404)
        try:
            await acts[act](account, account.people[who], body)
        except LookupError as error:
            raise HTTPException(409, str(error)) from error


def _trouble(account: OfficialAccount | Enterprise, path: str, kind: str) -> None:
    faults: Faults = account.faults
    if kind == "down":
        faults.statuses[path] = [502, 502]
    elif kind == "busy":
        faults.errcodes[path] = [-1, -1]
    elif kind == "slow":
        faults.delays[path] = [4.0, 4.0]
    elif kind == "lost":
        faults.after[path] = [500]
    elif kind == "token":
        account.revoke()
    else:
        raise HTTPException(404)


async def _arrive(account: OfficialAccount | Enterprise, who: str, scene: str) -> None:
    if isinstance(account, Enterprise):
        await account.enter(who)
        return
    await account.follow(who, scene)


async def _unfollow(account: OfficialAccount, person: Person, _: Body) -> None:
    await account.unfollow(person.id)


async def _say(account: OfficialAccount | Enterprise, person: Person, body: Body) -> None:
    await account.say(person.id, _text(body))


async def _scan(account: OfficialAccount, person: Person, body: Body) -> None:
    person.see("me", "（扫描二维码）")
    await account.scan(person.id, _text(body) or "demo")


async def _click(account: OfficialAccount, person: Person, body: Body) -> None:
    person.see("me", f"（点菜单）{body.get('name') or _text(body)}")
    await account.click(person.id, _text(body))


async def _tap(account: OfficialAccount, person: Person, body: Body) -> None:
    person.menu()
    await account.tap(person.id, int(body.get("number") or 1))


async def _consent(account: OfficialAccount, person: Person, _: Body) -> None:
    person.see("platform", "您已同意接收一次服务通知")
    await account.consent(person.id, TEMPLATE)


async def _voice(account: OfficialAccount, person: Person, body: Body) -> None:
    text = _text(body)
    person.see("me", f"（语音）{text}" if text else "（语音，没有听清）")
    heard: dict[str, object] = {"Recognition": text} if text else {}
    await account.message(person.id, "voice", MediaId="demo", Format="amr", **heard)


async def _image(account: OfficialAccount, person: Person, body: Body) -> None:
    person.see("me", "（图片）", picture=f"/page/{PICTURE.name}")
    await account.message(person.id, "image", PicUrl=str(body.get("url") or ""), MediaId=PICTURE_ID)


async def _video(account: OfficialAccount, person: Person, _: Body) -> None:
    person.see("me", "（视频）")
    await account.message(person.id, "video", MediaId=VIDEO_ID, ThumbMediaId=PICTURE_ID)


async def _location(account: OfficialAccount, person: Person, body: Body) -> None:
    person.see("me", f"（位置）{_text(body)}")
    place = {"Location_X": _PLACE[0], "Location_Y": _PLACE[1], "Scale": 15, "Label": _text(body)}
    await account.message(person.id, "location", **place)


_WECHAT: dict[str, Act] = {
    "unfollow": _unfollow, "say": _say, "scan": _scan, "click": _click, "tap": _tap,
    "consent": _consent, "voice": _voice, "image": _image, "video": _video,
    "location": _location,
}  # fmt: skip


async def _tap_wecom(desk: Enterprise, person: Person, body: Body) -> None:
    item = person.menu()[int(body.get("number") or 1) - 1]
    await desk.say(person.id, item["content"], str(item["id"]))


async def _voice_wecom(desk: Enterprise, person: Person, _: Body) -> None:
    person.see("me", "（语音）")
    await desk.message(person.id, "voice", {"media_id": "demo"})


async def _image_wecom(desk: Enterprise, person: Person, _: Body) -> None:
    person.see("me", "（图片）", picture=f"/page/{PICTURE.name}")
    await desk.message(person.id, "image", {"media_id": PICTURE_ID})


async def _video_wecom(desk: Enterprise, person: Person, _: Body) -> None:
    person.see("me", "（视频）")
    await desk.message(person.id, "video", {"media_id": VIDEO_ID})


async def _location_wecom(desk: Enterprise, person: Person, body: Body) -> None:
    person.see("me", f"（位置）{_text(body)}")
    place = {"latitude": _PLACE[0], "longitude": _PLACE[1], "name": _text(body), "address": ""}
    await desk.message(person.id, "location", place)


async def _recall(desk: Enterprise, person: Person, _: Body) -> None:
    person.see("platform", "您撤回了一条消息")
    await desk.recall(person.id)


async def _colleague(desk: Enterprise, person: Person, body: Body) -> None:
    if person.state != STAFF:
        person.see("platform", "同事已在企业微信客户端接待这位客户")
        await desk.take(person.id)
    await desk.colleague_says(person.id, _text(body) or "您好，我是小赵，接下来由我为您服务。")


async def _end(desk: Enterprise, person: Person, _: Body) -> None:
    person.see("platform", "会话已结束")
    await desk.end(person.id)


_WECOM: dict[str, Act] = {
    "say": _say, "tap": _tap_wecom, "voice": _voice_wecom, "image": _image_wecom,
    "video": _video_wecom, "location": _location_wecom, "recall": _recall,
    "colleague": _colleague, "end": _end,
}  # fmt: skip


def _text(body: Body) -> str:
    return str(body.get("text") or "")
