"""Routing of messages: stored first, answered once, by the owner."""

from __future__ import annotations

import asyncio

import pytest

from bot.gateway import words
from bot.gateway.conversations import identity_of
from bot.gateway.services import Services
from tests.bot.gateway.conftest import Guest, StandInDialogue

pytestmark = pytest.mark.integration

HANDOFF = {
    "replies": [{"text": "好的，马上为您转接。"}],
    "directives": [
        {"name": "handoff", "trigger": "asked", "skill_group": "billing", "request": "话费有疑问"}
    ],
}
VERIFIED = {
    "replies": [{"text": "验证通过"}],
    "directives": [
        {
            "name": "verified", "customer_id": "C1", "phone": "13800000001",
            "customer_name": "张伟", "tier": "gold", "elderly": False,
        }
    ],
}  # fmt: skip


async def test_reply_buttons_and_cards_pass_through(
    guest: Guest, dialogue: StandInDialogue
) -> None:
    reply = {
        "text": "您看",
        "buttons": [{"title": "好", "payload": "好"}],
        "card": {"type": "bill"},
    }
    dialogue.answer = lambda _: {"replies": [reply]}
    answer = (await guest.send("查账单")).json()
    assert answer["state"] == "bot"
    (said,) = answer["replies"]
    assert {key: said[key] for key in reply} == reply
    assert [m["sender"] for m in await guest.transcript()] == ["bot", "customer", "bot"]


async def test_parallel_retries_ask_the_dialogue_once(
    guest: Guest, dialogue: StandInDialogue
) -> None:
    answers = await asyncio.gather(*(guest.send("查话费", "same") for _ in range(6)))
    assert len(dialogue.asked) == 1
    assert len({a.json()["message_id"] for a in answers}) == 1
    assert all(a.json()["replies"] == answers[0].json()["replies"] for a in answers)


async def test_messages_of_one_conversation_are_answered_in_turn(
    guest: Guest, dialogue: StandInDialogue
) -> None:
    await asyncio.gather(*(guest.send(f"问{i}", f"k{i}") for i in range(5)))
    senders = [m["sender"] for m in await guest.transcript()]
    assert senders.count("customer") == senders.count("bot") - 1 == 5


async def test_a_customers_slash_is_no_command(guest: Guest, dialogue: StandInDialogue) -> None:
    await guest.send("/restart")
    assert dialogue.asked[0]["text"] == "／restart"
    assert (await guest.transcript())[1]["text"] == "/restart"


async def test_a_guests_identity_is_withheld_until_verified(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    await guest.send("你好")
    known = dialogue.asked[0]["metadata"]["customer"]
    assert (known["assurance"], known["elderly"]) == (0, False)
    assert set(known) == {"assurance", "elderly", "account"}
    dialogue.answer = lambda _: VERIFIED
    await guest.send("246810")
    conversation = await services.transcript.conversation(guest.id)
    known = identity_of(conversation)
    assert (known["customer_id"], known["phone"], known["assurance"]) == ("C1", "13800000001", 2)
    assert known["name"] == "张伟"


async def test_dialogue_down_offers_a_person_and_loses_nothing(
    guest: Guest, dialogue: StandInDialogue
) -> None:
    dialogue.down = True
    answer = (await guest.send("查话费")).json()
    assert answer["replies"][0]["text"] == words.BOT_DOWN
    assert {"title": "转人工", "payload": "转人工"} in answer["replies"][0]["buttons"]
    assert (await guest.send("转人工")).json()["state"] == "waiting"
    assert [m["text"] for m in await guest.transcript() if m["sender"] == "customer"] == [
        "查话费",
        "转人工",
    ]


@pytest.mark.parametrize("broken", [{"replies": None}, {"directives": [{"name": "dance"}]}])
async def test_nonsense_from_the_dialogue_is_an_outage(
    guest: Guest, dialogue: StandInDialogue, broken: dict[str, object]
) -> None:
    dialogue.answer = lambda _: broken
    response = await guest.send("查话费")
    assert response.status_code == 200
    assert response.json()["replies"]


async def test_an_empty_answer_is_never_silence(guest: Guest, dialogue: StandInDialogue) -> None:
    dialogue.answer = lambda _: {"replies": []}
    assert (await guest.send("喂")).json()["replies"][0]["text"] == words.BOT_DOWN


async def test_handoff_silences_the_bot_and_its_end_resets_it(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    dialogue.answer = lambda _: HANDOFF
    assert (await guest.send("转人工")).json()["state"] == "waiting"
    asked = len(dialogue.asked)
    waiting = (await guest.send("还在吗")).json()
    assert (waiting["state"], waiting["replies"]) == ("waiting", [])
    assert len(dialogue.asked) == asked
    back = (await guest.send("不等了")).json()
    assert back["state"] == "bot"
    assert dialogue.forgotten == [guest.id]


async def test_rating_without_a_handoff_is_refused(guest: Guest) -> None:
    response = await guest.http.post(
        f"/api/v1/conversations/{guest.id}/rating",
        json={"score": 5},
        headers={"Authorization": f"Bearer {guest.token}"},
    )
    assert response.status_code in (404, 409)
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_nobody_could_answer_reaches_the_editors(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    understanding = {
        "intent": {"name": "ask_knowledge"},
        "knowledge": {"decision": "none", "hits": [{"entry_id": "e1", "score": 0.3}]},
    }
    dialogue.answer = lambda _: {
        "replies": [{"text": "没查到"}],
        "understanding": understanding,
    }
    await guest.send("量子套餐什么时候上市，请打13800000001")
    (cluster,) = await services.knowledge.work("miss")
    assert "量子套餐" in cluster.text
    assert "13800000001" not in cluster.text
