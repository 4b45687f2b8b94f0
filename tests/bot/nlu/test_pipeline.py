"""The trained pipeline, in the environment it is served in: one process parses everything asked here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from bot.nlu.offers import WORDINGS
from core.settings import ROOT

PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
MODEL = ROOT / "var" / "models" / "rasa" / "changda.tar.gz"
pytestmark = pytest.mark.integration
Parse = Callable[[str], dict[str, Any]]

REQUESTS = {
    "查下余额，顺便加个10G流量包": ["query_balance", "order_addon"],
    "帮我看看上个月账单，另外退订彩铃": ["query_bill", "cancel_subscription"],
}
ENTITIES = {
    "幫我改成５９元套餐，電話１３８００００００01": {
        ("package_name", "５９元套餐"), ("phone_number", "１３８００００００01"),
    },
    "查上上个月的账单": {("month", "上上个月")},
    "给幺三八零零零零零零零幺充五十块": {("phone_number", "幺三八零零零零零零零幺"), ("money_amount", "五十块")},
    "退掉视频会员": {("service_name", "视频会员")},
    "后天去日本，开通漫游": {("date", "后天"), ("country", "日本")},
}  # fmt: skip
HUMAN = ["转人工", "人工客服", "我要人工"]
BAD = {
    "letters": "a" * 2000, "emoji": "😀" * 60, "digits": "1" * 500, "phones": "13800000001" * 180,
    "russian": "Здравствуйте, как дела?", "control": "\x00\x01\x02", "sql": "'; DROP TABLE users; --",
    "html": "<script>alert('x')</script>", "json": '{"intent": "recharge", "n": [1, null]}',
    "questions": "。".join(f"第{i}个问题流量怎么算" for i in range(50)), "commas": ",." * 900,
    "months": "1月" * 900, "numerals": "一" * 2000, "slash": "／restart", "refusals": "不是" * 900,
    "quotes": "‘“" * 800, "brackets": "[" * 1500 + "]" * 500, "spaces": "查" + " " * 1900 + "话费",
}  # fmt: skip
PLAIN = [
    "那上上个月呢",
    "不是三月，是四月",
    "垃圾公司，我要去工信部告你们！",
    "国际漫游怎么收费",
    "👍",
]


@pytest.fixture(scope="module")
def parse() -> Parse:
    if not PYTHON.exists() or not MODEL.exists():
        pytest.skip("needs the Rasa environment and a trained model (make build)")
    payloads = [wording.plain for wording in WORDINGS.values()]
    texts = [*REQUESTS, *ENTITIES, *HUMAN, *BAD.values(), *PLAIN, *payloads]
    done = subprocess.run(
        [str(PYTHON), "-W", "ignore", "-m", "bot.nlu.parse", "--model", str(MODEL)],
        input="\n".join(json.dumps(t) for t in texts), capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=280,
    )  # fmt: skip
    found = dict(zip(texts, map(json.loads, done.stdout.splitlines()), strict=True))
    return found.__getitem__


@pytest.mark.parametrize("text", REQUESTS)
def test_several_requests(parse: Parse, text: str) -> None:
    assert [r["intent"] for r in parse(text)["requests"]] == REQUESTS[text]


def test_a_request_has_its_own_entities(parse: Parse) -> None:
    first, second = parse("查下余额，顺便加个10G流量包")["requests"]
    assert first["entities"] == []
    assert [e["value"] for e in second["entities"]] == ["10G"]


@pytest.mark.parametrize("text", ENTITIES)
def test_entities_are_the_customers_own_words(parse: Parse, text: str) -> None:
    output = parse(text)
    assert {(e["entity"], e["value"]) for e in output["entities"]} == ENTITIES[text]
    assert all(output["text"][e["start"] : e["end"]] == e["value"] for e in output["entities"])


def test_values_are_normalised(parse: Parse) -> None:
    found = {
        e["entity"]: e["normalized"] for e in parse("给幺三八零零零零零零零幺充五十块")["entities"]
    }
    assert found == {"phone_number": "13800000001", "money_amount": "50.00"}


def test_a_correction_names_what_is_meant_first(parse: Parse) -> None:
    first, second = parse("不是三月，是四月")["entities"]
    assert first["value"] == "四月"
    assert second["negated"] is True


def test_a_message_of_facts_only_is_elliptical(parse: Parse) -> None:
    assert parse("那上上个月呢")["elliptical"] is True
    assert parse("国际漫游怎么收费")["elliptical"] is False


@pytest.mark.parametrize("text", HUMAN)
def test_a_person_is_always_to_be_had(parse: Parse, text: str) -> None:
    assert parse(text)["intent"]["name"] == "request_human"


def test_anger_and_threats_are_heard(parse: Parse) -> None:
    mood = parse("垃圾公司，我要去工信部告你们！")["sentiment"]
    assert mood["label"] == "angry"
    assert mood["flags"] == ["regulator"]


def test_knowledge_travels_with_the_parse(parse: Parse) -> None:
    output = parse("国际漫游怎么收费")
    assert output["intent"]["name"] == "ask_knowledge"
    assert {"decision", "hits"} <= set(output["knowledge"])
    assert len(output["knowledge"]["hits"]) <= 3


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sane_parse_in_bounded_time(parse: Parse, name: str) -> None:
    output = parse(BAD[name])
    assert output["seconds"] < 2
    assert 0 <= output["intent"]["confidence"] <= 1
    assert output["intent"]["name"]
    assert len(output["entities"]) <= 30
    assert output["sentiment"]["label"] in ("calm", "unhappy", "angry")


@pytest.mark.parametrize("intent", WORDINGS)
def test_what_a_button_sends_is_understood(parse: Parse, intent: str) -> None:
    assert parse(WORDINGS[intent].plain)["intent"]["name"] == intent
