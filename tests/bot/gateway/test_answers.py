"""What becomes of knowledge answers: by button, by words, by REST; own conversation only, once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.gateway.services import Services
from tests.bot.gateway.conftest import Guest, StandInDialogue

pytestmark = pytest.mark.integration

SOURCE = {"entry_id": "roaming-fee", "score": 0.9, "others": ["怎么开通国际漫游？"]}
ANSWER = {
    "replies": [{"text": "每天30元。", "knowledge": SOURCE}],
    "understanding": {"intent": {"name": "ask_knowledge"}},
}
CLARIFY = {
    "replies": [{"text": "您是想问下面哪一个？"}],
    "understanding": {
        "intent": {"name": "ask_knowledge"},
        "knowledge": {"decision": "clarify", "hits": [{"entry_id": "roaming-fee", "score": 0.4}]},
    },
}
HANDOFF = {"replies": [], "directives": [{"name": "handoff", "trigger": "asked"}]}


def heard(intent: str) -> dict[str, Any]:
    return {"replies": [{"text": "好的。"}], "understanding": {"intent": {"name": intent}}}


async def answered(guest: Guest, dialogue: StandInDialogue, text: str = "漫游收费？") -> str:
    dialogue.answer = lambda _: ANSWER
    (reply,) = (await guest.send(text)).json()["replies"]
    assert "knowledge" not in reply
    return str(reply["message_id"])


async def react(guest: Guest, message_id: str, helpful: object) -> httpx.Response:
    return await guest.http.post(
        f"/api/v1/conversations/{guest.id}/messages/{message_id}/feedback",
        json={"helpful": helpful}, headers={"Authorization": f"Bearer {guest.token}"},
    )  # fmt: skip


async def figures(services: Services) -> dict[str, int]:
    return (await services.knowledge.usage.of(["roaming-fee"]))["roaming-fee"].to_dict()


async def test_an_answer_is_counted_and_rated_once(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    message_id = await answered(guest, dialogue, "我13800000001漫游收费？")
    assert await figures(services) == {
        "asked": 1, "answered": 1, "helpful": 0, "unhelpful": 0, "handoffs": 0,
    }  # fmt: skip
    got = await react(guest, message_id, False)
    assert got.status_code == 200
    assert [b["title"] for b in got.json()["next"]] == ["怎么开通国际漫游？", "转人工"]
    assert (await react(guest, message_id, False)).status_code == 200
    assert (await react(guest, message_id, True)).status_code == 409
    assert (await figures(services))["unhelpful"] == 1
    (group,) = await services.knowledge.work("unhelpful")
    assert (group.entry_id, len(group.findings)) == ("roaming-fee", 1)
    assert "138****0001" in group.text


async def test_helpful_offers_nothing_more(guest: Guest, dialogue: StandInDialogue) -> None:
    got = await react(guest, await answered(guest, dialogue), True)
    assert got.json()["next"] == []


async def test_only_ones_own_knowledge_answers_can_be_rated(
    guest: Guest, dialogue: StandInDialogue, http: httpx.AsyncClient
) -> None:
    message_id = await answered(guest, dialogue)
    opened = (await http.post("/api/v1/sessions", json={"channel": "web"})).json()
    stranger = Guest(http, opened["conversation_id"], opened["access_token"])
    assert (await react(stranger, message_id, True)).status_code == 404
    assert (await react(Guest(http, guest.id, stranger.token), message_id, True)).status_code == 403
    welcome = (await guest.transcript())[0]["message_id"]
    assert (await react(guest, welcome, True)).status_code == 404
    for wrong in ("yes", 1, None):
        assert (await react(guest, message_id, wrong)).status_code == 422


@pytest.mark.parametrize(
    ("intent", "name"), [("feedback_positive", "helpful"), ("feedback_negative", "unhelpful")]
)
async def test_words_right_after_an_answer_count(
    guest: Guest, dialogue: StandInDialogue, services: Services, intent: str, name: str
) -> None:
    await answered(guest, dialogue)
    dialogue.answer = lambda _: heard(intent)
    await guest.send("说句话")
    await guest.send("再说一句")
    assert (await figures(services))[name] == 1


async def test_the_buttons_count_however_they_are_understood(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    await answered(guest, dialogue)
    dialogue.answer = lambda _: heard("nlu_fallback")
    await guest.send("沒解決！")
    assert (await figures(services))["unhelpful"] == 1


async def test_words_after_something_else_do_not_count(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    await answered(guest, dialogue)
    dialogue.answer = lambda _: heard("query_balance")
    await guest.send("查话费")
    dialogue.answer = lambda _: heard("feedback_negative")
    await guest.send("没解决")
    assert (await figures(services))["unhelpful"] == 0


async def test_a_handoff_counts_against_the_answers_before_it(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    helped = await answered(guest, dialogue)
    await react(guest, helped, True)
    await answered(guest, dialogue)
    dialogue.answer = lambda _: HANDOFF
    await guest.send("转人工")
    assert (await figures(services))["handoffs"] == 1


async def test_asking_back_is_asked_but_not_answered(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    dialogue.answer = lambda _: CLARIFY
    await guest.send("漫游")
    counts = await figures(services)
    assert (counts["asked"], counts["answered"]) == (1, 0)
