"""A stand-in for Chatwoot, over real HTTP, written from its documented API and knowing nothing of our client.

It refuses what Chatwoot refuses (token, account, unknown ids, missing or wrong fields), remembers every such
refusal in ``complaints``, posts signed webhooks, and can be told to fail: before or after the work is done,
slowly, by its rate limit, or altogether.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from fastapi import FastAPI, Request, Response

TOKEN = "chatwoot-user-token"
SECRET = "chatwoot-webhook-secret"
ACCOUNT, INBOX, TEAM = 7, 42, 3
TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}
NAMES = {number: name for name, number in TYPES.items()}
CONTENT_MAX = 150_000
Body = dict[str, Any]


class Problem(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, **body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(str(body))


@dataclass
class Fault:
    """One answer that goes wrong; ``after``: the work is done all the same."""

    status: int = 500
    delay_s: float = 0
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class Chatwoot:
    """One account with one API inbox and one team."""

    def __init__(self, keeps_source_ids: bool = True) -> None:
        self.keeps_source_ids = keeps_source_ids
        """Whether messages keep the sender's id, as current versions do."""
        self.contacts: dict[int, Body] = {}
        self.conversations: dict[int, Body] = {}
        self.messages: dict[int, list[Body]] = defaultdict(list)
        self.agents = {11: "李雷", 12: "韩梅梅"}
        self.complaints: list[str] = []
        self.calls: list[str] = []
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.webhook_url = ""
        self.webhooks_lost = False
        self.pushed: list[tuple[bytes, dict[str, str], int]] = []
        self._next = {"contact": 100, "conversation": 1, "message": 1000}
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self.app = self._build()

    # --- what people at Chatwoot do

    async def reply(
        self, conversation_id: int, text: str, agent: int = 11, private: bool = False, **extra: Any
    ) -> Body:
        """An agent writes; returns the message. The webhook goes out."""
        sender = {"id": agent, "name": self.agents[agent], "type": "user", "email": "a@b.c"}
        message = self._add(conversation_id, text, "outgoing", private, sender, **extra)
        await self._push("message_created", self._message_event(message))
        return message

    async def template(self, conversation_id: int, text: str) -> None:
        """Chatwoot itself writes: greeting, out of office, its own survey."""
        message = self._add(conversation_id, text, "template", False, None)
        await self._push("message_created", self._message_event(message))

    async def status(self, conversation_id: int, status: str, agent: int | None = None) -> None:
        """An agent resolves, reopens or hands back."""
        conversation = self.conversations[conversation_id]
        if agent is not None:
            conversation["assignee"] = {"id": agent, "name": self.agents[agent]}
        conversation["status"] = status
        self._add(conversation_id, f"Conversation was marked {status}", "activity", False, None)
        await self._push("conversation_status_changed", self._shown(conversation))

    async def push_raw(self, body: bytes, headers: dict[str, str]) -> int:
        """Posts to our webhook as it is; the status answered."""
        answer = await self._http.post(self.webhook_url, content=body, headers=headers)
        return answer.status_code

    def signed(
        self, body: bytes, secret: str = SECRET, moment: int | None = None
    ) -> dict[str, str]:
        """The headers of a delivery."""
        at = str(int(time.time()) if moment is None else moment)
        mac = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-Chatwoot-Signature": f"sha256={mac}",
            "X-Chatwoot-Timestamp": at,
            "X-Chatwoot-Delivery": str(uuid.uuid4()),
        }

    def said(
        self, conversation_id: int, kind: str = "incoming", private: bool = False
    ) -> list[str]:
        """The texts of one kind."""
        wanted = (TYPES[kind], private)
        rows = self.messages[conversation_id]
        return [m["content"] for m in rows if (m["message_type"], m["private"]) == wanted]

    def notes(self, conversation_id: int) -> list[str]:
        return self.said(conversation_id, "outgoing", private=True)

    async def close(self) -> None:
        await self._http.aclose()

    # --- the API

    def _build(self) -> FastAPI:
        app = FastAPI()
        base = "/api/v1/accounts/{account_id}"
        routes = {
            ("POST", "/contacts/filter"): self._filter,
            ("POST", "/contacts"): self._make_contact,
            ("POST", "/contacts/{id}/contact_inboxes"): self._join_inbox,
            ("GET", "/contacts/{id}/conversations"): self._conversations_of,
            ("POST", "/conversations"): self._make_conversation,
            ("GET", "/conversations/{id}"): self._show,
            ("GET", "/conversations/{id}/messages"): self._list,
            ("POST", "/conversations/{id}/messages"): self._say,
            ("POST", "/conversations/{id}/labels"): self._label,
            ("POST", "/conversations/{id}/toggle_priority"): self._priority,
            ("POST", "/conversations/{id}/toggle_status"): self._toggle,
            ("POST", "/conversations/{id}/assignments"): self._assign,
            ("POST", "/conversations/{id}/custom_attributes"): self._attributes,
        }
        for (method, path), handler in routes.items():
            app.add_api_route(base + path, self._endpoint(path, handler), methods=[method])
        return app

    def _endpoint(self, path: str, handler: Any) -> Any:
        name = path.rsplit("/", 1)[-1] if not path.endswith("}") else "show"

        async def endpoint(request: Request) -> Response:
            key = f"{request.method} {name}"
            self.calls.append(key)
            fault = self._fault(key)
            if fault and fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault and not fault.after:
                return Response(b"{}", fault.status, fault.headers)
            try:
                raw = await request.body()
                body = orjson.loads(raw) if raw else {}
                self._authorise(request)
                answer = await handler(request, body)
                status = 200
            except Problem as problem:
                answer, status = problem.body, problem.status
                self.complaints.append(f"{key} {status} {problem.body}")
            if fault and fault.after:
                return Response(b"{}", fault.status, fault.headers)
            return Response(orjson.dumps(answer), status, media_type="application/json")

        return endpoint

    def _fault(self, key: str) -> Fault | None:
        for name in (key, "*"):
            if self.faults[name]:
                return self.faults[name].pop(0)
        return None

    def _authorise(self, request: Request) -> None:
        if request.headers.get("api_access_token") != TOKEN:
            raise Problem(401, error="Invalid Access Token")
        if request.path_params["account_id"] != str(ACCOUNT):
            raise Problem(404, error="Resource could not be found")
        if request.method == "POST" and "application/json" not in request.headers["content-type"]:
            raise Problem(422, error="not JSON")

    async def _filter(self, request: Request, body: Body) -> Body:
        rules = body.get("payload")
        _need(isinstance(rules, list) and rules, "payload must be a list")
        rows = list(self.contacts.values())
        for number, rule in enumerate(rules):
            _need(
                set(rule) >= {"attribute_key", "filter_operator", "values", "query_operator"}
                and isinstance(rule["values"], list)
                and rule["filter_operator"]
                in ("equal_to", "not_equal_to", "contains", "does_not_contain"),
                "filter rule",
            )
            last = number == len(rules) - 1
            _need(
                (rule["query_operator"] is None) == last, "query_operator of the last rule is null"
            )
            _need(
                rule["attribute_key"] in ("name", "email", "phone_number", "identifier"),
                "attribute_key",
            )
            # Chatwoot compares text without regard to case.
            wanted = [str(value).lower() for value in rule["values"]]
            rows = [row for row in rows if str(row.get(rule["attribute_key"])).lower() in wanted]
        return {
            "meta": {"count": len(rows), "current_page": "1"},
            "payload": [self._contact(r) for r in rows],
        }

    async def _make_contact(self, request: Request, body: Body) -> Body:
        _need(isinstance(body.get("inbox_id"), int), "inbox_id is required")
        self._inbox(body["inbox_id"])
        for name in ("name", "identifier", "email", "phone_number"):
            _need(body.get(name) is None or isinstance(body[name], str), f"{name} must be a string")
        if body.get("phone_number"):
            _need(
                re.fullmatch(r"\+[1-9]\d{1,14}", body["phone_number"]),
                "Phone number should be in e164 format",
            )
        _need(isinstance(body.get("custom_attributes", {}), dict), "custom_attributes")
        if any(row["identifier"] == body.get("identifier") for row in self.contacts.values()):
            raise Problem(
                422, message="Identifier has already been taken", attributes=["identifier"]
            )
        contact = {
            "id": self._number("contact"), "name": body.get("name"), "identifier": body.get("identifier"),
            "custom_attributes": body.get("custom_attributes", {}), "inboxes": {},
        }  # fmt: skip
        self.contacts[contact["id"]] = contact
        source = str(uuid.uuid4())
        contact["inboxes"][INBOX] = source
        inbox = {"inbox": {"id": INBOX, "name": "畅答"}, "source_id": source}
        return {"payload": {"contact": self._contact(contact), "contact_inbox": inbox}}

    async def _join_inbox(self, request: Request, body: Body) -> Body:
        contact = self._find(self.contacts, request)
        _need(isinstance(body.get("inbox_id"), int), "inbox_id is required")
        self._inbox(body["inbox_id"])
        source = body.get("source_id") or str(uuid.uuid4())
        _need(isinstance(source, str), "source_id")
        contact["inboxes"][INBOX] = source
        return {"source_id": source, "inbox": {"id": INBOX, "name": "畅答"}}

    async def _conversations_of(self, request: Request, _: Body) -> Body:
        contact = self._find(self.contacts, request)
        rows = [row for row in self.conversations.values() if row["contact_id"] == contact["id"]]
        return {"payload": [self._shown(row) for row in reversed(rows)]}

    async def _make_conversation(self, request: Request, body: Body) -> Body:
        _need(isinstance(body.get("source_id"), str) and body["source_id"], "source_id is required")
        for name in ("inbox_id", "contact_id", "team_id", "assignee_id"):
            _need(
                body.get(name) is None or isinstance(body[name], int), f"{name} must be an integer"
            )
        self._inbox(body.get("inbox_id"))
        contact = self.contacts.get(body.get("contact_id", 0))
        if contact is None or contact["inboxes"].get(INBOX) != body["source_id"]:
            raise Problem(404, error="Resource could not be found")
        _need(body.get("status", "open") in ("open", "resolved", "pending"), "status")
        _need(isinstance(body.get("custom_attributes", {}), dict), "custom_attributes")
        if body.get("team_id") not in (None, TEAM):
            raise Problem(404, error="Resource could not be found")
        conversation = {
            "id": self._number("conversation"), "contact_id": contact["id"], "status": body.get("status", "open"),
            "custom_attributes": body.get("custom_attributes", {}), "labels": [], "priority": None,
            "team_id": body.get("team_id"), "assignee": None,
        }  # fmt: skip
        self.conversations[conversation["id"]] = conversation
        await self._push("conversation_created", self._shown(conversation))
        return self._shown(conversation)

    async def _show(self, request: Request, _: Body) -> Body:
        return self._shown(self._find(self.conversations, request))

    async def _list(self, request: Request, _: Body) -> Body:
        conversation = self._find(self.conversations, request)
        rows = self.messages[conversation["id"]]
        query = request.query_params
        if "after" in query:
            _need(query["after"].isdigit(), "after")
            rows = [row for row in rows if row["id"] > int(query["after"])][:100]
        elif "before" in query:
            rows = [row for row in rows if row["id"] < int(query["before"])][-20:]
        else:
            rows = rows[-20:]
        return {"meta": {"labels": conversation["labels"]}, "payload": rows}

    async def _say(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        _need(isinstance(body.get("content"), str) and body["content"], "content is required")
        _need(
            len(body["content"]) <= CONTENT_MAX,
            "Content is too long (maximum is 150000 characters)",
        )
        _need(body.get("message_type", "outgoing") in ("incoming", "outgoing"), "message_type")
        _need(isinstance(body.get("private", False), bool), "private must be a boolean")
        kinds = ("text", "input_email", "cards", "input_select", "form", "article")
        _need(body.get("content_type", "text") in kinds, "content_type")
        _need(isinstance(body.get("content_attributes", {}), dict), "content_attributes")
        kind = body.get("message_type", "outgoing")
        contact = {"id": conversation["contact_id"], "type": "contact"}
        sender = contact if kind == "incoming" else {"id": 1, "name": "畅答", "type": "user"}
        message = self._add(
            conversation["id"], body["content"], kind, body.get("private", False), sender,
            source_id=body.get("source_id") if self.keeps_source_ids else None,
        )  # fmt: skip
        if kind == "incoming" and conversation["status"] in ("resolved", "snoozed"):
            conversation["status"] = "open"
        await self._push("message_created", self._message_event(message))
        return message

    async def _label(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        labels = body.get("labels")
        _need(
            isinstance(labels, list) and all(isinstance(label, str) for label in labels), "labels"
        )
        conversation["labels"] = labels
        return {"payload": labels}

    async def _priority(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        _need(body.get("priority") in ("urgent", "high", "medium", "low", None), "priority")
        conversation["priority"] = body.get("priority")
        return {}

    async def _toggle(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        _need(body.get("status") in ("open", "resolved", "pending", "snoozed"), "status")
        conversation["status"] = body["status"]
        await self._push("conversation_status_changed", self._shown(conversation))
        done = {
            "success": True,
            "current_status": body["status"],
            "conversation_id": conversation["id"],
        }
        return {"meta": {}, "payload": done}

    async def _assign(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        _need(
            isinstance(body.get("team_id", body.get("assignee_id")), int), "team_id or assignee_id"
        )
        if body.get("team_id") not in (None, TEAM):
            raise Problem(404, error="Resource could not be found")
        conversation["team_id"] = body.get("team_id")
        return {"id": body.get("team_id")}

    async def _attributes(self, request: Request, body: Body) -> Body:
        conversation = self._find(self.conversations, request)
        _need(isinstance(body.get("custom_attributes"), dict), "custom_attributes is required")
        conversation["custom_attributes"] = body["custom_attributes"]
        return {"custom_attributes": body["custom_attributes"]}

    # --- shapes

    def _contact(self, row: Body) -> Body:
        inboxes = [
            {
                "source_id": source,
                "inbox": {"id": inbox, "name": "畅答", "channel_type": "Channel::Api"},
            }
            for inbox, source in row["inboxes"].items()
        ]
        known = {name: row[name] for name in ("id", "name", "identifier", "custom_attributes")}
        return known | {"phone_number": None, "email": None, "contact_inboxes": inboxes}

    def _shown(self, row: Body) -> Body:
        meta: Body = {
            "sender": self._contact(self.contacts[row["contact_id"]]),
            "channel": "Channel::Api",
        }
        if row["assignee"]:
            meta["assignee"] = row["assignee"]
        plain = ("id", "status", "custom_attributes", "labels", "priority")
        last = self.messages[row["id"]][-1:]
        return {name: row[name] for name in plain} | {
            "account_id": ACCOUNT, "inbox_id": INBOX, "meta": meta, "messages": last, "can_reply": True,
        }  # fmt: skip

    def _add(
        self, conversation_id: int, text: str, kind: str, private: bool, sender: Body | None,
        source_id: str | None = None, **extra: Any,
    ) -> Body:  # fmt: skip
        message = {
            "id": self._number("message"), "content": text, "account_id": ACCOUNT, "inbox_id": INBOX,
            "conversation_id": conversation_id, "message_type": TYPES[kind], "created_at": int(time.time()),
            "private": private, "status": "sent", "source_id": source_id, "content_type": "text",
            "content_attributes": {}, "sender": sender,
        } | extra  # fmt: skip
        self.messages[conversation_id].append(message)
        return message

    def _message_event(self, message: Body) -> Body:
        # In webhooks the type is a word and the time ISO, unlike in the API.
        conversation = self._shown(self.conversations[message["conversation_id"]])
        return message | {
            "message_type": NAMES[message["message_type"]],
            "created_at": "2026-11-23T10:00:00.000Z",
            "account": {"id": ACCOUNT, "name": "运营商"},
            "inbox": {"id": INBOX, "name": "畅答"},
            "conversation": conversation,
        }

    async def _push(self, event: str, payload: Body) -> None:
        body = orjson.dumps(payload | {"event": event})
        headers = self.signed(body)
        status = 0
        if self.webhook_url and not self.webhooks_lost:
            try:
                status = await self.push_raw(body, headers)
            except httpx.HTTPError:
                status = 0  # Chatwoot does not try again.
        self.pushed.append((body, headers, status))

    def _inbox(self, inbox_id: Any) -> None:
        if inbox_id != INBOX:
            raise Problem(404, error="Resource could not be found")

    def _find(self, rows: dict[int, Body], request: Request) -> Body:
        wanted = request.path_params["id"]
        found = rows.get(int(wanted)) if wanted.isdigit() else None
        if found is None:
            raise Problem(404, error="Resource could not be found")
        return found

    def _number(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind]


def _need(condition: object, what: str) -> None:
    if not condition:
        raise Problem(422, message=what)
