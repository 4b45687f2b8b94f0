"""The transcript: order, idempotence, audiences."""

from __future__ import annotations

import asyncio

import pytest

from core.database import Database
from core.errors import NotFound
from core.events import LiveBus
from core.redis_keys import conversation_channel
from core.transcript import Draft, Transcript

pytestmark = pytest.mark.integration


@pytest.fixture
def transcript(database: Database, bus: LiveBus) -> Transcript:
    return Transcript(database, bus)


async def test_concurrent_messages_get_consecutive_numbers(transcript: Transcript) -> None:
    conversation = await transcript.open("web")
    drafts = [Draft("customer", f"第{i}句", client_message_id=f"k{i}") for i in range(30)]
    await asyncio.gather(*(transcript.append(conversation.id, draft) for draft in drafts))
    stored = await transcript.messages(conversation.id)
    assert [m.seq for m in stored] == list(range(1, 31))
    assert {m.text for m in stored} == {d.text for d in drafts}


async def test_the_same_client_message_is_stored_once(transcript: Transcript) -> None:
    conversation = await transcript.open("web")
    draft = Draft("customer", "查话费", client_message_id="one")
    results = await asyncio.gather(*(transcript.append(conversation.id, draft) for _ in range(8)))
    assert len({messages[0].id for messages in results}) == 1
    assert len(await transcript.messages(conversation.id)) == 1
    other = await transcript.open("web")
    (elsewhere,) = await transcript.append(other.id, draft)
    assert elsewhere.conversation_id == other.id


async def test_staff_lines_stay_among_staff(transcript: Transcript) -> None:
    conversation = await transcript.open("web")
    await transcript.append(
        conversation.id,
        Draft("customer", "您好"),
        Draft("agent", "客户有点急", audience="staff", agent_id="agent01"),
    )
    assert len(await transcript.messages(conversation.id)) == 2
    assert [m.text for m in await transcript.messages(conversation.id, audience="all")] == ["您好"]


async def test_watchers_hear_of_new_messages(transcript: Transcript, bus: LiveBus) -> None:
    conversation = await transcript.open("web")
    async with bus.listen(conversation_channel(conversation.id)) as events:
        await transcript.append(conversation.id, Draft("bot", "在的"))
        event = await asyncio.wait_for(events.get(), 3)
    assert event["type"] == "message"
    assert event["message"]["text"] == "在的"


async def test_unknown_conversation(transcript: Transcript) -> None:
    with pytest.raises(NotFound):
        await transcript.conversation("c_nobody")
    with pytest.raises(NotFound):
        await transcript.append("c_nobody", Draft("customer", "喂"))
