"""The official account at the platform: its followers, its tokens, its API."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import Any

import orjson

from bot.channels.standin.people import ACTED, SAID, Clock, Faults, Person
from bot.channels.standin.pushing import Answer, Pusher
from bot.channels.standin.sealing import Nested

OUT_OF_ORDER = "该公众号暂时无法提供服务，请稍后再试"
MAX_TEXT_BYTES = 2048
TYPING_S, TYPING_AFTER_S = 15.0, 30.0
Body = dict[str, Any]


class OfficialAccount:
    """One service account (服务号).

    Args:
        token_s: life of an access token.
    """

    def __init__(
        self, app_id: str, secret: str, pusher: Pusher, clock: Clock, token_s: float = 7200
    ) -> None:
        self.app_id = app_id
        self.secret = secret
        self.pusher = pusher
        self.clock = clock
        self.token_s = token_s
        self.people: dict[str, Person] = {}
        self.faults = Faults()
        self.tokens: dict[str, float] = {}
        self.current = ""
        self.fetched = 0
        self.menu: Body = {}
        self.reminders: list[Body] = []
        self._ids = itertools.count(secrets.randbelow(10**12) + 10**15)

    # What people do.

    async def follow(self, openid: str, scene: str = "", name: str = "") -> None:
        person = self.people.setdefault(openid, Person(openid, name or openid))
        person.following = True
        person.acted.grant(ACTED, self.clock.now())
        key = f"qrscene_{scene}" if scene else ""
        await self._event(person, "subscribe", key)

    async def unfollow(self, openid: str) -> None:
        self.people[openid].following = False
        await self._event(self.people[openid], "unsubscribe", "")

    async def scan(self, openid: str, scene: str) -> None:
        self.people[openid].acted.grant(ACTED, self.clock.now())
        await self._event(self.people[openid], "SCAN", scene)

    async def click(self, openid: str, key: str) -> None:
        self.people[openid].acted.grant(ACTED, self.clock.now())
        await self._event(self.people[openid], "CLICK", key)

    async def consent(self, openid: str, template: str) -> None:
        """Accepts a subscription template on the page that asks."""
        inner = Nested(
            f"<List><TemplateId><![CDATA[{template}]]></TemplateId>"
            "<SubscribeStatusString>accept</SubscribeStatusString></List>"
        )
        person = self.people[openid]
        person.consents.append(template)
        fields = self._fields(person, "event") | {"Event": "subscribe_msg_popup_event"}
        await self._push(person, fields | {"SubscribeMsgPopupEvent": inner})

    async def say(self, openid: str, text: str) -> Answer:
        self.people[openid].see("me", text)
        return await self.message(openid, "text", Content=text)

    async def tap(self, openid: str, number: int) -> Answer:
        """Taps a choice of the last menu message on the screen."""
        person = self.people[openid]
        item = person.menu()[number - 1]
        person.see("me", item["content"])
        person.acted.grant(ACTED, self.clock.now())
        fields = {"Content": item["content"], "bizmsgmenuid": item["id"]}
        return await self._push(person, self._fields(person, "text") | self._id() | fields)

    async def message(self, openid: str, kind: str, **fields: object) -> Answer:
        """A message of any kind."""
        person = self.people[openid]
        person.said.grant(SAID, self.clock.now())
        person.spoke_at = self.clock.now()
        return await self._push(person, self._fields(person, kind) | self._id() | fields)

    def _id(self) -> dict[str, object]:
        return {"MsgId": next(self._ids)}

    def _fields(self, person: Person, kind: str) -> dict[str, object]:
        return {
            "ToUserName": "gh_changda",
            "FromUserName": person.id,
            "CreateTime": int(self.clock.now()),
            "MsgType": kind,
        }

    async def _event(self, person: Person, event: str, key: str) -> None:
        await self._push(person, self._fields(person, "event") | {"Event": event, "EventKey": key})

    async def _push(self, person: Person, fields: dict[str, object]) -> Answer:
        answer = await self.pusher.push(fields)
        try:
            said = self.pusher.opened(answer) if answer.status else {"MsgType": "none"}
        except ValueError:
            person.see("platform", OUT_OF_ORDER)
            return answer
        if said is None:
            return answer
        kind, to = said.get("MsgType"), said.get("ToUserName")
        if kind == "text" and to == person.id and said.get("Content"):
            person.see("service", said["Content"], via="passive")
        else:
            person.see("platform", OUT_OF_ORDER)
        return answer

    # What the API is asked.

    def fetch_token(self, body: Body, stable: bool) -> Body:
        """``stable_token`` gives the same token again until five minutes before its end."""
        if body.get("appid") != self.app_id:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if body.get("secret") != self.secret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        now = self.clock.now()
        ends = self.tokens.get(self.current, 0.0)
        early = min(300.0, self.token_s / 2)
        if not stable or body.get("force_refresh") or ends - early <= now:
            # The one before goes on working for five minutes.
            for token in self.tokens:
                self.tokens[token] = min(self.tokens[token], now + early)
            self.current = secrets.token_urlsafe(24)
            self.tokens[self.current] = ends = now + self.token_s
            self.fetched += 1
        return {"access_token": self.current, "expires_in": int(ends - now)}

    def revoke(self) -> None:
        """All tokens are void from now on."""
        self.tokens.clear()

    def refuses_token(self, token: str) -> Body | None:
        """The error for a token that does not open the API."""
        ends = self.tokens.get(token)
        if ends is None:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        if ends <= self.clock.now():
            return {"errcode": 42001, "errmsg": "access_token expired"}
        return None

    def custom_send(self, raw: bytes) -> Body:
        """A customer-service message."""
        body: Body = orjson.loads(raw)
        person = self.people.get(str(body.get("touser")))
        if person is None:
            return {"errcode": 40003, "errmsg": "invalid openid"}
        shown = _shown(body)
        if shown is None:
            return {"errcode": 40008, "errmsg": "invalid message type"}
        text, menu = shown
        if not text:
            return {"errcode": 44004, "errmsg": "empty content"}
        if len(text.encode()) > MAX_TEXT_BYTES:
            return {"errcode": 45002, "errmsg": "content size out of limit"}
        if not person.following:
            return {"errcode": 45015, "errmsg": "response out of time limit"}
        refused = person.take(self.clock.now())
        if refused:
            return {"errcode": refused, "errmsg": "out of response limit"}
        # A \\u escape would be read as such by the customer.
        literal = text.encode("unicode_escape").decode() if b"\\u" in raw else text
        person.see("service", literal, via="api", menu=menu)
        return {"errcode": 0, "errmsg": "ok"}

    def typing(self, body: Body) -> Body:
        person = self.people.get(str(body.get("touser")))
        now = self.clock.now()
        if person is None:
            return {"errcode": 40003, "errmsg": "invalid openid"}
        if body.get("command") == "CancelTyping":
            person.typing_until = 0.0
        elif now - person.spoke_at > TYPING_AFTER_S:
            return {"errcode": 45080, "errmsg": "no message lately"}
        elif person.typing_until > now:
            return {"errcode": 45081, "errmsg": "typing already"}
        else:
            person.typing_until = now + TYPING_S
        return {"errcode": 0, "errmsg": "ok"}

    def remind(self, kind: str, body: Body) -> Body:
        """Template and subscription messages: no window, but a template, and perhaps consent."""
        person = self.people.get(str(body.get("touser")))
        if person is None or not person.following:
            return {"errcode": 43004, "errmsg": "require subscribe"}
        template = str(body.get("template_id"))
        if kind == "subscribe":
            if template not in person.consents:
                return {"errcode": 43101, "errmsg": "user refuse to accept the msg"}
            person.consents.remove(template)
        self.reminders.append({"kind": kind, **body})
        values = [str(field.get("value")) for field in (body.get("data") or {}).values()]
        person.see("platform", "服务通知：" + "，".join(values))
        return {"errcode": 0, "errmsg": "ok"}

    async def wait_typing(self, openid: str, seconds: float = 3) -> bool:
        """Whether the typing sign shows within so long (for tests)."""
        for _ in range(int(seconds / 0.05)):
            if self.people[openid].typing_until > self.clock.now():
                return True
            await asyncio.sleep(0.05)
        return False


def _shown(body: Body) -> tuple[str, list[Body]] | None:
    """What the customer sees of a message: text, and the choices below it."""
    if body.get("msgtype") == "text":
        return str((body.get("text") or {}).get("content") or ""), []
    if body.get("msgtype") == "msgmenu":
        menu = body.get("msgmenu") or {}
        items = [item for item in menu.get("list") or [] if item.get("id") and item.get("content")]
        return str(menu.get("head_content") or ""), items
    return None
