"""The silent bot: what it finds for the agent, and what it leaves alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import orjson
import pytest

from actions.bss.client import OperatorClient
from actions.bss.sandbox.app import create_app as create_sandbox
from bot.dialogue.client import DialogueClient, DialogueDown
from bot.gateway.assistant import DialogueAssistant
from core.settings import Settings
from tests.browser import Server, serve  # noqa: F401

pytestmark = pytest.mark.integration
ZHANG = "8600001"


class Rasa:
    """Rasa's parse endpoint; everything else it is asked is remembered as a mistake."""

    def __init__(self) -> None:
        self.intent, self.confidence = "query_balance", 0.9
        self.entities: list[dict[str, str]] = []
        self.knowledge: dict[str, Any] = {"decision": "none", "hits": []}
        self.touched: list[str] = []
        self.down = False

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path != "/model/parse":
            self.touched.append(request.url.path)
            return httpx.Response(500)
        body = orjson.loads(request.content)
        assert set(body) == {"text"}, "no conversation is named, so none can change"
        return httpx.Response(200, json={
            "text": body["text"], "intent": {"name": self.intent, "confidence": self.confidence},
            "entities": self.entities, "knowledge": self.knowledge,
            "sentiment": {"label": "calm"}, "text_tokens": [[0, 1]],
        })  # fmt: skip


@pytest.fixture
def rasa() -> Rasa:
    return Rasa()


@pytest.fixture
async def assistant(
    rasa: Rasa,
    settings: Settings,
    serve: Callable[[Any], AbstractContextManager[Server]],  # noqa: F811
) -> AsyncIterator[DialogueAssistant]:
    transport = httpx.MockTransport(rasa.handle)
    http = httpx.AsyncClient(transport=transport, base_url="http://rasa")
    with serve(create_sandbox()) as operator:
        bss = OperatorClient(operator.url)
        yield DialogueAssistant(DialogueClient(settings, http), bss)
        await bss.close()
    await http.aclose()


@pytest.mark.parametrize(
    ("intent", "shown"),
    [
        ("query_balance", {"余额": "56.30元"}),
        ("query_package", {"当前套餐": "5G畅享129元"}),
        ("chitchat", {}),
        ("ask_knowledge", {}),
    ],
)
async def test_the_customers_own_figures(
    assistant: DialogueAssistant, rasa: Rasa, intent: str, shown: dict[str, str]
) -> None:
    rasa.intent = intent
    found = await assistant.insight("帮我看看", ZHANG)
    assert found.figures == shown
    assert found.understanding["sentiment"] == {"label": "calm"}
    assert "text_tokens" not in found.understanding
    assert rasa.touched == []


async def test_what_made_the_bill_grow(assistant: DialogueAssistant, rasa: Rasa) -> None:
    rasa.intent = "explain_bill"
    figures = (await assistant.insight("为什么扣这么多", ZHANG)).figures
    assert list(figures.values())[:2] == ["158.40元", "134.00元"]
    assert "20.00元" in figures.values()
    assert "129.00元" not in figures.values()


async def test_a_stranger_has_no_figures_and_a_doubt_has_no_answer(
    assistant: DialogueAssistant, rasa: Rasa
) -> None:
    assert (await assistant.insight("余额", None)).figures == {}
    rasa.confidence = 0.2
    doubtful = await assistant.insight("余额", ZHANG)
    assert (doubtful.figures, doubtful.wants, doubtful.missing) == ({}, None, [])


async def test_the_missing_slot(assistant: DialogueAssistant, rasa: Rasa) -> None:
    rasa.intent = "report_network_fault"
    assert (await assistant.insight("宽带上不去了", ZHANG)).missing == ["故障地点"]
    rasa.entities = [{"entity": "address", "value": "朝阳区望京街道"}]
    found = await assistant.insight("朝阳区望京街道宽带上不去", ZHANG)
    assert (found.missing, found.wants) == ([], "网络报障")


async def test_answers_come_with_todays_prices(assistant: DialogueAssistant, rasa: Rasa) -> None:
    hit = {"entry_id": "k", "question": "59元套餐", "score": 0.9, "signals": {}}
    rasa.intent = "ask_knowledge"
    rasa.knowledge = {
        "decision": "answer",
        "hits": [hit | {"answer": "每月${offer.plan-59.price}元。"}],
    }
    (found,) = (await assistant.insight("59元套餐怎么样", None)).hits
    assert (found["answer"], set(found)) == (
        "每月59元。", {"entry_id", "question", "score", "answer"},
    )  # fmt: skip
    rasa.knowledge["decision"] = "none"
    assert (await assistant.insight("59元套餐怎么样", None)).hits == []


async def test_a_dialogue_that_is_down_says_so(assistant: DialogueAssistant, rasa: Rasa) -> None:
    rasa.down = True
    with pytest.raises(DialogueDown):
        await assistant.insight("在吗", ZHANG)


async def test_an_operator_that_is_down_costs_only_the_figures(
    rasa: Rasa, settings: Settings
) -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(rasa.handle), base_url="http://rasa")
    bss = OperatorClient("http://127.0.0.1:1", 0.3)
    rasa.knowledge = {"decision": "answer", "hits": [{"entry_id": "k", "answer": "${rate.x}元"}]}
    found = await DialogueAssistant(DialogueClient(settings, http), bss).insight("余额", ZHANG)
    assert found.figures == {}
    assert found.wants == "查询话费余额"
    assert "${" not in found.hits[0]["answer"]
    await bss.close()
    await http.aclose()
