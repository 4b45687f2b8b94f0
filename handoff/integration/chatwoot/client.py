"""Chatwoot's Application API, as far as a desk needs it. Shapes as documented at developers.chatwoot.com."""

from __future__ import annotations

from typing import Any, Literal

import httpx
import orjson

from core.settings import Settings
from handoff.integration.desk import Refused, TryLater
from handoff.integration.webhook import retry_after

MessageType = Literal["incoming", "outgoing"]
Status = Literal["open", "resolved", "pending"]
PAGE = 100
"""Messages that one listing with ``after`` returns at most."""
_BAD_TOKEN_WAIT_S = 60.0


class Missing(Refused):
    """Chatwoot does not know the id (any more)."""


class ChatwootClient:
    """One account and inbox.

    Every method raises TryLater (no answer, 401, 403, 429, 5xx), Missing (404) or Refused (any other 4xx).
    """

    def __init__(self, settings: Settings, http: httpx.AsyncClient | None = None) -> None:
        self.inbox_id = settings.chatwoot_inbox_id
        self.account_id = settings.chatwoot_account_id
        self._base = f"{settings.chatwoot_url.rstrip('/')}/api/v1/accounts/{self.account_id}"
        self._headers = {"api_access_token": settings.chatwoot_token.get_secret_value()}
        self._http = http or httpx.AsyncClient(timeout=settings.desk_timeout_s, trust_env=False)

    async def contact(self, identifier: str) -> dict[str, Any] | None:
        """The contact with exactly this identifier: {"id", "contact_inboxes": [...], …}."""
        same = {
            "attribute_key": "identifier",
            "filter_operator": "equal_to",
            "values": [identifier],
            "query_operator": None,
        }
        found = await self._ask("POST", "/contacts/filter", {"payload": [same]})
        rows: list[dict[str, Any]] = found.get("payload") or []
        return next((row for row in rows if row.get("identifier") == identifier), None)

    async def create_contact(
        self, identifier: str, name: str, attributes: dict[str, Any]
    ) -> dict[str, Any]:
        """A contact of the inbox: {"contact": {"id", …}, "contact_inbox": {"source_id", …}}."""
        body = {
            "inbox_id": self.inbox_id,
            "identifier": identifier,
            "name": name,
            "custom_attributes": attributes,
        }
        made: dict[str, Any] = (await self._ask("POST", "/contacts", body))["payload"]
        return made

    async def join_inbox(self, contact_id: int, source_id: str) -> str:
        """Makes a contact known to the inbox; returns the source id in force."""
        body = {"inbox_id": self.inbox_id, "source_id": source_id}
        made = await self._ask("POST", f"/contacts/{contact_id}/contact_inboxes", body)
        return str(made["source_id"])

    async def conversations_of(self, contact_id: int) -> list[dict[str, Any]]:
        """Conversations of a contact, newest first."""
        found = await self._ask("GET", f"/contacts/{contact_id}/conversations")
        rows: list[dict[str, Any]] = found["payload"]
        return rows

    async def create_conversation(self, body: dict[str, Any]) -> int:
        """An open conversation in the inbox; its (display) id."""
        fixed = {"inbox_id": self.inbox_id, "status": "open"}
        return int((await self._ask("POST", "/conversations", fixed | body))["id"])

    async def conversation(self, conversation_id: str) -> dict[str, Any]:
        """{"id", "status", "custom_attributes", "meta": {"assignee"?}, …}."""
        return await self._ask("GET", f"/conversations/{conversation_id}")

    async def messages(self, conversation_id: str, after: int) -> list[dict[str, Any]]:
        """Every message with an id over ``after``, by id. ``message_type`` is 0 incoming, 1 outgoing,
        2 activity, 3 template."""
        rows: list[dict[str, Any]] = []
        while True:
            path = f"/conversations/{conversation_id}/messages"
            page = (await self._ask("GET", path, params={"after": str(after)}))["payload"]
            rows += page
            if len(page) < PAGE:
                return sorted(rows, key=lambda row: int(row["id"]))
            after = max(int(row["id"]) for row in page)

    async def say(
        self, conversation_id: str, content: str, kind: MessageType, private: bool, source_id: str
    ) -> int:
        """Adds a message or a private note; its id."""
        body = {
            "content": content,
            "message_type": kind,
            "private": private,
            "content_type": "text",
            "source_id": source_id,
        }
        made = await self._ask("POST", f"/conversations/{conversation_id}/messages", body)
        return int(made["id"])

    async def label(self, conversation_id: str, labels: list[str]) -> None:
        """Sets the labels."""
        await self._ask("POST", f"/conversations/{conversation_id}/labels", {"labels": labels})

    async def prioritise(self, conversation_id: str, priority: str | None) -> None:
        """urgent, high, medium, low or nothing."""
        path = f"/conversations/{conversation_id}/toggle_priority"
        await self._ask("POST", path, {"priority": priority})

    async def set_status(self, conversation_id: str, status: Status) -> None:
        path = f"/conversations/{conversation_id}/toggle_status"
        await self._ask("POST", path, {"status": status})

    async def assign_team(self, conversation_id: str, team_id: int) -> None:
        path = f"/conversations/{conversation_id}/assignments"
        await self._ask("POST", path, {"team_id": team_id})

    async def set_attributes(self, conversation_id: str, attributes: dict[str, Any]) -> None:
        """Replaces the custom attributes: older versions know no merging."""
        path = f"/conversations/{conversation_id}/custom_attributes"
        await self._ask("POST", path, {"custom_attributes": attributes})

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            answer = await self._http.request(
                method,
                self._base + path,
                params=params,
                content=orjson.dumps(body) if body is not None else None,
                headers=self._headers | {"Content-Type": "application/json"},
            )
        except httpx.HTTPError as error:
            raise TryLater(f"连不上Chatwoot（{type(error).__name__}）") from None
        _check(answer)
        try:
            read = orjson.loads(answer.content) if answer.content.strip() else {}
        except orjson.JSONDecodeError:
            raise TryLater("Chatwoot的应答看不懂") from None
        # Listings of some versions are bare arrays.
        return read if isinstance(read, dict) else {"payload": read}


def _check(answer: httpx.Response) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if status in (401, 403):
        raise TryLater("Chatwoot不认我们的凭证，请检查access token和权限", _BAD_TOKEN_WAIT_S)
    if status == 404:
        raise Missing("Chatwoot里没有这个编号（404）")
    if status == 429:
        raise TryLater("Chatwoot限流（429）", retry_after(answer))
    if status >= 500 or answer.is_redirect:
        raise TryLater(f"Chatwoot应答{status}", retry_after(answer))
    raise Refused(f"Chatwoot不接受（{status}）：{_reason(answer)}")


def _reason(answer: httpx.Response) -> str:
    try:
        read = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return ""
    said = (read.get("message") or read.get("error")) if isinstance(read, dict) else ""
    return str(said or "")[:120]
