"""Chatwoot serves: each handoff is a conversation of an API inbox; what happens here is said there.

Chatwoot knows no idempotency keys. So every act is noted before and after it, and one whose outcome is unknown
is looked for there before it is done again: messages by our id in their ``source_id`` (older versions: by
what they say), conversations by our id in their attributes, contacts by their identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from core.settings import Settings
from handoff.context import ContextPackage, masked
from handoff.integration import desk as events
from handoff.integration.chatwoot import notes
from handoff.integration.chatwoot.client import ChatwootClient, MessageType, Missing
from handoff.integration.chatwoot.hearing import Hearing
from handoff.integration.desk import Lane, Notice, Refused, TryLater
from handoff.integration.notices import Notices
from handoff.models import DeskName, Handoff
from handoff.routing import GROUP_WORDS
from handoff.service import HandoffService
from handoff.states import LIVE

log = structlog.get_logger(__name__)

OUR_ID = "changda_handoff"
_REFUSED_WAIT_S = 30.0
_KEPT_KEYS = 50
_KEPT_IDS = 300
_PRIORITIES = ((50, "urgent"), (20, "high"), (10, "medium"))


class ChatwootDesk:
    """Implements ``Desk``."""

    name: DeskName = "chatwoot"

    def __init__(
        self, settings: Settings, client: ChatwootClient, service: HandoffService, notices: Notices
    ) -> None:
        self._client = client
        self._service = service
        self._notices = notices
        self._teams = settings.chatwoot_teams
        self._poll_s = settings.chatwoot_poll_s
        self._hearing = Hearing(client, service, notices, self.post)

    async def deliver(self, notice: Notice, lane: Lane) -> None:
        """Raises TryLater or Refused."""
        if notice.kind == events.REQUESTED:
            await self._request(notice, lane)
            return
        if lane.outside_id is None:
            # Over before Chatwoot ever heard of it; or, should the request be sent again, in its record.
            lane.progress["passed_over"] = True
            await self._notices.save(lane)
            return
        try:
            await self._tell(notice, lane, lane.outside_id)
        except Missing:
            await self._begin_again(lane, notice.event_id)

    async def look(self, lane: Lane) -> float | None:
        """What the agents did meanwhile."""
        if lane.outside_id is None:
            return self._poll_s
        try:
            going_on = await self._hearing.look(lane, lane.outside_id)
        except Missing:
            await self._begin_again(lane, f"{lane.handoff_id}-again")
            return self._poll_s
        return self._poll_s if going_on else None

    async def close(self) -> None:
        await self._client.close()

    async def post(
        self, lane: Lane, key: str, content: str, kind: MessageType, private: bool
    ) -> None:
        """Says something in a lane's conversation exactly once, however often it is tried.

        Args:
            key: of this message, at most 40 characters; kept there as its ``source_id``.
        """
        posted: dict[str, int] = lane.progress.setdefault("posted", {})
        if key in posted:
            return
        conversation_id = str(lane.outside_id)
        message_id = None
        if lane.progress.get("trying") == key:
            message_id = await self._find(lane, key, content, kind, private)
        if message_id is None:
            lane.progress["trying"] = key
            await self._notices.save(lane)
            message_id = await self._client.say(conversation_id, content, kind, private, key)
        posted[key] = message_id
        lane.progress["posted"] = dict(list(posted.items())[-_KEPT_KEYS:])
        lane.progress["ids"] = [*lane.progress.get("ids", ()), message_id][-_KEPT_IDS:]
        lane.progress["trying"] = None
        await self._notices.save(lane)

    async def _find(
        self, lane: Lane, key: str, content: str, kind: MessageType, private: bool
    ) -> int | None:
        known = set(lane.progress.get("ids", ()))
        number = 0 if kind == "incoming" else 1
        for row in await self._client.messages(str(lane.outside_id), max(known, default=0)):
            if row.get("source_id") == key:
                return int(row["id"])
            nameless = not row.get("source_id") and int(row["id"]) not in known
            same = (row.get("content"), row.get("message_type"), bool(row.get("private")))
            if nameless and same == (content, number, private):
                return int(row["id"])
        return None

    async def _request(self, notice: Notice, lane: Lane) -> None:
        passed_over = lane.progress.get("passed_over")
        try:
            said_to = None if passed_over else notice.data.get("said_to")
            await self._open(lane, notice.event_id, said_to)
        except Refused as error:
            # A customer must not be given up for a wrong setting or a contact somebody deleted.
            lane.progress.pop("contact", None)
            await self._notices.save(lane)
            raise TryLater(error.reason, _REFUSED_WAIT_S) from None

    async def _open(self, lane: Lane, key: str, said_to: str | None) -> None:
        """The contact, the conversation, how urgent it is, and everything an agent must know."""
        handoff = await self._service.get(lane.handoff_id)
        package = await self._service.package(lane.handoff_id)
        if lane.outside_id is None and not await self._find_or_make(lane, handoff, package):
            return
        conversation_id = str(lane.outside_id)
        await self._notices.look_after(lane.handoff_id, self._poll_s)
        await self._dress(lane, conversation_id, handoff, package)
        transcript = _until(package.transcript, said_to)
        record = package.model_copy(update={"transcript": transcript})
        pages = [notes.handed_over(package), *notes.records(record)]
        for number, text in enumerate(pages):
            await self.post(lane, f"{key}-{number}", text, "outgoing", private=True)
        said = [m for m in transcript if m["sender"] == "customer" and m["audience"] == "all"]
        if said:
            await self.post(lane, f"{key}-say", notes.spoken(said[-1]), "incoming", private=False)

    async def _find_or_make(self, lane: Lane, handoff: Handoff, package: ContextPackage) -> bool:
        """Whether there is a conversation now; none is made for a customer who wants nobody any more."""
        wanted = handoff.state in LIVE or handoff.disposition == "left_message"
        tried = bool(lane.progress.get("opening"))
        if not wanted and not tried:
            return False
        contact_id, source_id = await self._contact(lane, handoff, package)
        found = await self._made_before(contact_id, lane.handoff_id) if tried else None
        if found is None and not wanted:
            return False
        if found is None:
            lane.progress["opening"] = True
            await self._notices.save(lane)
            body: dict[str, Any] = {
                "source_id": source_id,
                "contact_id": contact_id,
                "custom_attributes": _attributes(handoff, package),
            }
            if team := self._teams.get(handoff.skill_group):
                body["team_id"] = team
            found = await self._client.create_conversation(body)
        lane.outside_id = str(found)
        await self._notices.save(lane)
        return True

    async def _made_before(self, contact_id: int, handoff_id: str) -> int | None:
        for row in await self._client.conversations_of(contact_id):
            if (row.get("custom_attributes") or {}).get(OUR_ID) == handoff_id:
                return int(row["id"])
        return None

    async def _contact(
        self, lane: Lane, handoff: Handoff, package: ContextPackage
    ) -> tuple[int, str]:
        """Contact and source id, found by the customer's number with the operator, or made."""
        known = lane.progress.get("contact")
        if known:
            return int(known[0]), str(known[1])
        identifier = handoff.customer_id or handoff.conversation_id
        contact = await self._client.contact(identifier)
        if contact is None:
            contact, source_id = await self._make_contact(identifier, package)
        else:
            source_id = _source_of(contact, self._client.inbox_id)
        contact_id = int(contact["id"])
        if source_id is None:
            source_id = await self._client.join_inbox(contact_id, identifier)
        lane.progress["contact"] = [contact_id, source_id]
        await self._notices.save(lane)
        return contact_id, source_id

    async def _make_contact(
        self, identifier: str, package: ContextPackage
    ) -> tuple[dict[str, Any], str | None]:
        customer = package.customer
        name = customer.name or f"访客{identifier[-4:]}"
        told = {"masked_phone": customer.masked_phone, "tier": customer.tier, "plan": customer.plan}
        attributes = {key: value for key, value in told.items() if value}
        try:
            made = await self._client.create_contact(identifier, name, attributes)
        except Refused:
            # Somebody else made the same contact in this moment.
            contact = await self._client.contact(identifier)
            if contact is None:
                raise
            return contact, _source_of(contact, self._client.inbox_id)
        return made["contact"], (made.get("contact_inbox") or {}).get("source_id")

    async def _dress(
        self, lane: Lane, conversation_id: str, handoff: Handoff, package: ContextPackage
    ) -> None:
        if lane.progress.get("dressed"):
            return
        labels = [notes.LABEL, GROUP_WORDS[handoff.skill_group]]
        labels += ["投诉"] if handoff.complaint_grade else []
        labels += ["老年客户"] if package.customer.elderly else []
        await self._client.label(conversation_id, labels)
        if urgency := _urgency(handoff.priority):
            await self._client.prioritise(conversation_id, urgency)
        lane.progress["dressed"] = True
        await self._notices.save(lane)

    async def _begin_again(self, lane: Lane, key: str) -> None:
        """Somebody deleted the conversation in Chatwoot: a live customer gets a new one, with everything."""
        handoff = await self._service.get(lane.handoff_id)
        if handoff.state not in LIVE or handoff.desk != self.name:
            return
        log.warning("chatwoot_conversation_missing", handoff_id=lane.handoff_id)
        lane.outside_id, lane.progress = None, {}
        await self._notices.save(lane)
        await self._open(lane, key, None)

    async def _tell(self, notice: Notice, lane: Lane, conversation_id: str) -> None:
        data, kind, by_desk = notice.data, notice.kind, bool(notice.data.get("by_desk"))
        if kind == events.MESSAGE:
            await self._pass_on(notice, lane)
        elif kind == events.UPDATED:
            package = await self._service.package(lane.handoff_id)
            await self._note(notice, lane, notes.figures(package))
        elif kind == events.TRANSFERRED and not by_desk:
            await self._note(notice, lane, notes.moved_to(data["skill_group"]))
            if team := self._teams.get(data["skill_group"]):
                await self._client.assign_team(conversation_id, team)
        elif kind == events.LEFT_MESSAGE:
            await self._note(notice, lane, notes.left_message(data))
        elif kind == events.RATED:
            await self._note(notice, lane, notes.rated(int(data["score"]), data["comment"]))
            await self._add_attributes(conversation_id, {"changda_rating": data["score"]})
        elif kind in _ENDINGS and not by_desk:
            await self._note(notice, lane, _ENDINGS[kind](data))
            await self._client.set_status(conversation_id, "resolved")

    async def _pass_on(self, notice: Notice, lane: Lane) -> None:
        message = notice.data["message"]
        if message["sender"] == "customer":
            said = notes.spoken(message)
            await self.post(lane, notice.event_id, said, "incoming", private=False)
        else:
            who = str(message.get("agent_name") or "主管")
            await self._note(notice, lane, notes.colleague_said(who, message["text"]))

    async def _note(self, notice: Notice, lane: Lane, text: str) -> None:
        await self.post(lane, notice.event_id, text, "outgoing", private=True)

    async def _add_attributes(self, conversation_id: str, added: dict[str, Any]) -> None:
        known = (await self._client.conversation(conversation_id)).get("custom_attributes") or {}
        await self._client.set_attributes(conversation_id, known | added)


_ENDINGS = {
    events.CANCELLED: lambda _: notes.cancelled(),
    events.WITHDRAWN: lambda _: notes.withdrawn(),
    events.RETURNED: lambda _: notes.returned(),
    events.CLOSED: notes.ended,
}


def _attributes(handoff: Handoff, package: ContextPackage) -> dict[str, Any]:
    customer = package.customer
    told = {
        OUR_ID: handoff.id,
        "changda_channel": package.conversation.channel,
        "skill_group": GROUP_WORDS[handoff.skill_group],
        "reason": package.why.trigger_text,
        "request": handoff.request,
        "tier": customer.tier,
        "verification": customer.verification,
        "masked_phone": customer.masked_phone,
        "plan": customer.plan,
        "balance": customer.balance,
        "arrears": customer.arrears,
        "contract_end": customer.contract_end,
    }
    return {key: masked(value) for key, value in told.items() if value is not None}


def _urgency(points: int) -> str | None:
    return next((word for least, word in _PRIORITIES if points >= least), None)


def _source_of(contact: Mapping[str, Any], inbox_id: int) -> str | None:
    for row in contact.get("contact_inboxes") or ():
        if (row.get("inbox") or {}).get("id") == inbox_id:
            return str(row["source_id"])
    return None


def _until(transcript: list[dict[str, Any]], message_id: str | None) -> list[dict[str, Any]]:
    # What came later has notices of its own.
    ids = [message["message_id"] for message in transcript]
    return transcript[: ids.index(message_id) + 1] if message_id in ids else transcript
