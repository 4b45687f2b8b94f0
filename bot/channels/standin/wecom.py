"""An enterprise with 微信客服 at the platform: the message log, session states, its API."""

from __future__ import annotations

import re
import secrets
from typing import Any

from bot.channels.standin.people import SAID, Clock, Faults, Person
from bot.channels.standin.pushing import Answer, Pusher

CUSTOMER, SYSTEM, SERVICER = 3, 4, 5
LOG_S, TOKEN_S, WELCOME_S = 3 * 86_400.0, 600.0, 20.0
MAX_TEXT_BYTES = 2048
NEW, BOT, QUEUE, STAFF, ENDED = 0, 1, 2, 3, 4
TAKEN_FROM_POOL, CLOSED = 1, 3
"""Changes of a session, as their event tells them."""
_CURSOR = re.compile(r"cursor_(\d+)")
_MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}")
Body = dict[str, Any]


class Enterprise:
    """One enterprise with one service account.

    Args:
        page: the most items that one page of the log holds, whatever was asked for.
        first: number of the log's first item, as cursors tell it.
    """

    def __init__(
        self,
        corp_id: str,
        secret: str,
        pusher: Pusher,
        clock: Clock,
        open_kfid: str = "wkChangdaDemo",
        page: int = 1000,
        first: int = 0,
    ) -> None:
        self.corp_id = corp_id
        self.secret = secret
        self.pusher = pusher
        self.clock = clock
        self.open_kfid = open_kfid
        self.page = page
        self.first = first
        self.people: dict[str, Person] = {}
        self.faults = Faults()
        self.access: dict[str, float] = {}
        self.log: list[Body] = []
        self.reading: dict[str, float] = {}
        self.sent: dict[str, Body] = {}
        self.codes: dict[str, tuple[str, float]] = {}

    # What people do.

    async def enter(self, customer: str, name: str = "") -> Answer:
        """Opens the chat; who was silent for 48 hours may be welcomed once."""
        person = self.people.setdefault(customer, Person(customer, name or customer, True))
        event: Body = {"event_type": "enter_session", "scene": "demo"}
        if not person.said.open(self.clock.now()):
            code = secrets.token_urlsafe(16)
            self.codes[code] = (customer, self.clock.now() + WELCOME_S)
            event["welcome_code"] = code
        return await self._event(person, event)

    async def say(self, customer: str, text: str, menu_id: str = "") -> Answer:
        content: Body = {"content": text} | ({"menu_id": menu_id} if menu_id else {})
        self.people[customer].see("me", text)
        return await self.message(customer, "text", content)

    async def message(self, customer: str, kind: str, content: Body) -> Answer:
        """A message of any kind; one after the end begins a new session."""
        person = self.people[customer]
        person.said.grant(SAID, self.clock.now())
        if person.state == ENDED:
            person.state = NEW
        item: Body = {"msgtype": kind, kind: content, "origin": CUSTOMER}
        self._write(person, item)
        return await self._hint()

    async def recall(self, customer: str) -> Answer:
        said = [
            item
            for item in self.log
            if item["external_userid"] == customer and item["origin"] == CUSTOMER
        ]
        if not said:
            raise LookupError("nothing to take back")
        last = said[-1]
        event = {"event_type": "user_recall_msg", "recall_msgid": last["msgid"]}
        return await self._event(self.people[customer], event)

    async def take(self, customer: str) -> Answer:
        """A colleague takes the session in WeCom's own client."""
        self.people[customer].state = STAFF
        return await self._changed(customer, TAKEN_FROM_POOL, new_servicer_userid="zhao")

    async def end(self, customer: str) -> Answer:
        """The colleague ends it."""
        self.people[customer].state = ENDED
        return await self._changed(customer, CLOSED, old_servicer_userid="zhao")

    async def _changed(self, customer: str, change: int, **who: str) -> Answer:
        event: Body = {"event_type": "session_status_change", "change_type": change}
        return await self._event(self.people[customer], event | who)

    async def colleague_says(self, customer: str, text: str) -> Answer:
        """The colleague writes in WeCom's own client."""
        person = self.people[customer]
        person.see("service", text, via="colleague")
        content: Body = {"content": text}
        item: Body = {"msgtype": "text", "text": content, "origin": SERVICER}
        self._write(person, item | {"servicer_userid": "zhao"})
        return await self._hint()

    async def bounce(self, msgid: str, why: int) -> Answer:
        """What was taken could not be delivered after all."""
        person = self.people[str(self.sent[msgid]["touser"])]
        event = {"event_type": "msg_send_fail", "fail_msgid": msgid, "fail_type": why}
        return await self._event(person, event)

    async def _event(self, person: Person, event: Body) -> Answer:
        named = {"open_kfid": self.open_kfid, "external_userid": person.id}
        self._write(person, {"msgtype": "event", "event": named | event, "origin": SYSTEM})
        return await self._hint()

    def _write(self, person: Person, item: Body) -> None:
        named = {
            "msgid": secrets.token_urlsafe(12),
            "open_kfid": self.open_kfid,
            "external_userid": person.id,
            "send_time": int(self.clock.now()),
        }
        self.log.append(named | item)

    async def _hint(self) -> Answer:
        token = secrets.token_urlsafe(12)
        self.reading[token] = self.clock.now() + TOKEN_S
        fields: dict[str, object] = {
            "ToUserName": self.corp_id,
            "CreateTime": int(self.clock.now()),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": token,
            "OpenKfId": self.open_kfid,
        }
        return await self.pusher.push(fields)

    # What the API is asked.

    def fetch_token(self, corp_id: str, secret: str) -> Body:
        if (corp_id, secret) != (self.corp_id, self.secret):
            return {"errcode": 40001, "errmsg": "invalid secret"}
        now = self.clock.now()
        valid = next((t for t, ends in self.access.items() if ends > now), None)
        if valid is None:
            valid = secrets.token_urlsafe(24)
            self.access[valid] = now + 7200
        return {"errcode": 0, "access_token": valid, "expires_in": int(self.access[valid] - now)}

    def revoke(self) -> None:
        """All tokens are void from now on."""
        self.access.clear()

    def refuses_token(self, token: str) -> Body | None:
        ends = self.access.get(token)
        if ends is None:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        return None if ends > self.clock.now() else {"errcode": 42001, "errmsg": "expired"}

    def sync(self, body: Body) -> Body:
        """A page of the log after the cursor: three days, never our own sends."""
        if body.get("open_kfid") != self.open_kfid:
            return {"errcode": 95000, "errmsg": "invalid open_kfid"}
        token = body.get("token")
        if token and self.reading.get(str(token), 0) < self.clock.now():
            return {"errcode": 95007, "errmsg": "invalid token"}
        given = _CURSOR.fullmatch(str(body.get("cursor") or "cursor_0"))
        if given is None:
            return {"errcode": 40058, "errmsg": "invalid cursor"}
        start = max(0, int(given.group(1)) - self.first)
        size = min(int(body.get("limit") or 1000), self.page)
        oldest = self.clock.now() - LOG_S
        items = [i for i in self.log[start : start + size] if i["send_time"] > oldest]
        following = min(start + size, len(self.log))
        return {
            "errcode": 0,
            "errmsg": "ok",
            "next_cursor": f"cursor_{self.first + following}",
            "has_more": int(following < len(self.log)),
            "msg_list": items,
        }

    def send(self, body: Body) -> Body:
        """A message; under an id it has seen, nothing new appears."""
        person = self.people.get(str(body.get("touser")))
        msgid = str(body.get("msgid") or secrets.token_hex(12))
        if person is None or not _MSGID.fullmatch(msgid):
            return {"errcode": 40058, "errmsg": "invalid parameter"}
        if body.get("open_kfid") != self.open_kfid:
            return {"errcode": 95000, "errmsg": "invalid open_kfid"}
        if msgid in self.sent:
            return {"errcode": 0, "errmsg": "ok", "msgid": msgid}
        if person.state not in (NEW, BOT):
            return {"errcode": 95018, "errmsg": "invalid session state"}
        shown = _shown(body)
        if shown is None:
            return {"errcode": 40058, "errmsg": "invalid parameter"}
        if person.take(self.clock.now()):
            return {"errcode": 95001, "errmsg": "send limit"}
        self.sent[msgid] = body
        person.see("service", shown[0], via="api", menu=shown[1], msgid=msgid)
        return {"errcode": 0, "errmsg": "ok", "msgid": msgid}

    def welcome(self, body: Body) -> Body:
        customer, ends = self.codes.pop(str(body.get("code")), ("", 0.0))
        shown = _shown(body)
        if not customer or ends < self.clock.now() or shown is None:
            return {"errcode": 40058, "errmsg": "invalid code"}
        self.people[customer].see("service", shown[0], via="welcome", menu=shown[1])
        return {"errcode": 0, "errmsg": "ok", "msgid": str(body.get("msgid"))}

    def trans(self, body: Body) -> Body:
        person = self.people.get(str(body.get("external_userid")))
        wanted = body.get("service_state")
        if person is None or body.get("open_kfid") != self.open_kfid:
            return {"errcode": 95000, "errmsg": "invalid open_kfid"}
        if person.state in (STAFF, ENDED) and wanted != ENDED:
            return {"errcode": 95016, "errmsg": "state cannot be changed"}
        if wanted == STAFF and not body.get("servicer_userid"):
            return {"errcode": 95014, "errmsg": "servicer not activated"}
        person.state = int(wanted or 0)
        return {"errcode": 0, "errmsg": "ok"}


def _shown(body: Body) -> tuple[str, list[Body]] | None:
    if body.get("msgtype") == "text":
        text = str((body.get("text") or {}).get("content") or "")
        return (text, []) if text and len(text.encode()) <= MAX_TEXT_BYTES else None
    if body.get("msgtype") == "msgmenu":
        menu = body.get("msgmenu") or {}
        clicks = [item["click"] for item in menu.get("list") or [] if item.get("type") == "click"]
        return str(menu.get("head_content") or ""), clicks
    return None
