"""What agents do in Chatwoot, done here: their replies reach the customer, resolving ends the handoff.

Webhooks only say that something is new. What is new is read by the API, by message number and with some
overlap: so a webhook that is forged, repeated, late or lost changes nothing, and replies keep their order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from core.errors import ChangdaError, Conflict, InvalidInput, NotAllowed
from core.staff import Staff
from handoff.checks import MAX_MESSAGE
from handoff.integration.chatwoot import notes
from handoff.integration.chatwoot.client import ChatwootClient, MessageType
from handoff.integration.desk import Lane
from handoff.integration.notices import Notices
from handoff.integration.people import outside_agent
from handoff.service import HandoffService
from handoff.serving import DISPOSITIONS
from handoff.states import State

log = structlog.get_logger(__name__)

OVERLAP = 100
"""Two agents who write at once may become visible out of the order of their numbers."""
_KEPT = 300
_OUTGOING = 1
_OUTCOME = "changda_disposition"

Post = Callable[[Lane, str, str, MessageType, bool], Awaitable[None]]


class Hearing:
    """Reads conversations and acts.

    Args:
        post: says something in Chatwoot exactly once.
    """

    def __init__(
        self, client: ChatwootClient, service: HandoffService, notices: Notices, post: Post
    ) -> None:
        self._client = client
        self._service = service
        self._notices = notices
        self._post = post

    async def look(self, lane: Lane, conversation_id: str) -> bool:
        """Whether the handoff goes on in Chatwoot. Raises TryLater, Missing or Refused."""
        # The status first: replies that came before it are then certain to be among the messages.
        conversation = await self._client.conversation(conversation_id)
        cursor = int(lane.progress.get("cursor", 0))
        heard: list[int] = list(lane.progress.get("heard", ()))
        for row in await self._client.messages(conversation_id, max(0, cursor - OVERLAP)):
            cursor = max(cursor, int(row["id"]))
            if _for_customer(row) and int(row["id"]) not in heard:
                await self._hear(lane, row)
                heard.append(int(row["id"]))
                lane.progress |= {"cursor": cursor, "heard": heard[-_KEPT:]}
                await self._notices.save(lane)
        if cursor != lane.progress.get("cursor"):
            lane.progress["cursor"] = cursor
            await self._notices.save(lane)
        await self._follow_status(lane, conversation)
        handoff = await self._service.get(lane.handoff_id)
        return handoff.desk == "chatwoot" and handoff.state in (State.WAITING, State.ACTIVE)

    async def _hear(self, lane: Lane, row: Mapping[str, Any]) -> None:
        text = _words(row)
        if not text:
            return
        try:
            agent = await self._serving(lane.handoff_id, row.get("sender") or {})
            for number, start in enumerate(range(0, len(text), MAX_MESSAGE)):
                part = text[start : start + MAX_MESSAGE]
                await self._service.message(
                    lane.handoff_id, agent, part, f"chatwoot-{row['id']}-{number}"
                )
        except (Conflict, NotAllowed):
            ours = (await self._service.get(lane.handoff_id)).desk == "own"
            why = notes.withdrawn() if ours else notes.over()
            await self._tell_agent(lane, row, notes.not_sent(why, text))
        except InvalidInput as error:
            await self._tell_agent(lane, row, notes.not_sent(error.detail, text))

    async def _tell_agent(self, lane: Lane, row: Mapping[str, Any], note: str) -> None:
        await self._post(lane, f"re-{row['id']}", note, "outgoing", True)

    async def _serving(self, handoff_id: str, sender: Mapping[str, Any]) -> Staff:
        """Whoever writes serves: they accept, or relieve the one before."""
        agent = _agent(sender)
        handoff = await self._service.get(handoff_id)
        if handoff.state == State.WAITING:
            await self._service.accept(handoff_id, agent)
        elif handoff.state == State.ACTIVE and handoff.agent_id != agent.id:
            before = Staff(str(handoff.agent_id), "", ("integration",), ())
            await self._service.relieve(handoff_id, before, agent)
        return agent

    async def _follow_status(self, lane: Lane, conversation: Mapping[str, Any]) -> None:
        status = conversation.get("status")
        handoff = await self._service.get(lane.handoff_id)
        if handoff.desk != "chatwoot" or status not in ("resolved", "pending"):
            return
        agent = _agent((conversation.get("meta") or {}).get("assignee") or {})
        try:
            if status == "resolved" and handoff.state == State.WAITING:
                await self._service.accept(lane.handoff_id, agent)
                handoff = await self._service.get(lane.handoff_id)
            if handoff.state != State.ACTIVE:
                return
            owner = Staff(str(handoff.agent_id), agent.display_name, ("integration",), ())
            if status == "resolved":
                outcome = (conversation.get("custom_attributes") or {}).get(_OUTCOME)
                known = str(outcome) if outcome in DISPOSITIONS else "resolved"
                await self._service.close(lane.handoff_id, owner, known)
            else:
                await self._service.give_back(lane.handoff_id, owner)
        except ChangdaError as error:
            # The customer left, or a supervisor took over, in this very moment.
            log.info("chatwoot_status_too_late", handoff_id=lane.handoff_id, why=error.code)


def _for_customer(row: Mapping[str, Any]) -> bool:
    deleted = (row.get("content_attributes") or {}).get("deleted")
    return row.get("message_type") == _OUTGOING and not row.get("private") and not deleted


def _agent(sender: Mapping[str, Any]) -> Staff:
    name = sender.get("available_name") or sender.get("name") or ""
    return outside_agent("chatwoot", str(sender.get("id") or "0"), str(name))


def _words(row: Mapping[str, Any]) -> str:
    parts = [notes.plain(str(row.get("content") or ""))]
    for attachment in row.get("attachments") or ():
        url = str(attachment.get("data_url") or "")
        if url.startswith(("https://", "http://")):
            parts.append(f"客服发来附件：{url}")
    return "\n".join(part for part in parts if part)
