"""What customers come for, through every real process."""

from __future__ import annotations

import pytest

from tests.system import Customer

pytestmark = pytest.mark.e2e


@pytest.fixture
def zhang(customer: Customer) -> Customer:
    """13800000001, verified by the SMS code on the way to his balance."""
    assert "手机号" in customer.say("余额多少")
    assert "验证码" in customer.say("13800000001")
    assert "56.30" in customer.say("246810")
    return customer


def test_the_bill_is_explained_with_its_figures(customer: Customer) -> None:
    asked = customer.say("我上个月话费怎么比之前多")
    assert "手机号" in asked
    customer.say("13800000001")
    answer = customer.say("246810")
    for figure in ("158.40", "134.00", "20.00", "流量超出", "4.40", "国内短信"):
        assert figure in answer


def test_verification_is_asked_once(zhang: Customer) -> None:
    assert "158.40" in zhang.say("上个月账单")


@pytest.mark.parametrize(
    ("question", "figures"),
    [
        ("我还剩多少流量", ["1.4", "58.6"]),
        ("现在是什么套餐", ["5G畅享129元"]),
        ("余额多少", ["56.30"]),
        ("有什么便宜点的套餐", ["79"]),
    ],
)
def test_answers_from_the_operator_systems(
    zhang: Customer, question: str, figures: list[str]
) -> None:
    answer = zhang.send(question)
    said = str(answer["replies"])
    for figure in figures:
        assert figure in said


@pytest.mark.parametrize(
    ("question", "words"),
    [("国际漫游怎么收费", ["漫游"]), ("携号转网需要什么条件", ["携号转网", "实名"])],
)
def test_answers_from_the_knowledge_base(
    customer: Customer, question: str, words: list[str]
) -> None:
    answer = customer.say(question)
    for word in words:
        assert word in answer
    assert "${" not in answer


def test_cards_come_with_bill_and_plans(zhang: Customer) -> None:
    replies = zhang.send("上个月话费怎么这么多")["replies"]
    (bill,) = [r["card"] for r in replies if r.get("card", {}).get("type") == "bill"]
    assert bill["total"] == "158.40"
    assert {item["name"]: item["amount"] for item in bill["items"]}["彩铃"] == "5.00"
    replies = zhang.send("介绍一下你们的套餐")["replies"]
    (plans,) = [r["card"] for r in replies if r.get("card", {}).get("type") == "plans"]
    assert len(plans["plans"]) >= 3


def test_two_requests_in_one_message(zhang: Customer) -> None:
    said = zhang.say("查下余额，顺便加个10G流量包")
    assert said.index("56.30") < said.index("10GB流量包")
    assert "不办" in zhang.say("不办了")


def test_wrong_code_tells_nothing(customer: Customer) -> None:
    customer.say("我的话费余额")
    customer.say("13800000001")
    answer = customer.say("111111")
    assert "56.30" not in answer
    assert "验证码" in answer


def test_nobody_reads_anothers_figures(zhang: Customer) -> None:
    answer = zhang.say("帮我查一下13800000002的余额")
    assert "-12.50" not in answer
    assert "12.50" not in answer


def test_two_misses_lead_to_a_person(customer: Customer) -> None:
    customer.say("锟斤拷烫烫烫")
    answer = customer.send("屯屯屯葺葺葺")
    titles = [b["title"] for r in answer["replies"] for b in r.get("buttons", [])]
    assert answer["state"] == "waiting" or any("人工" in title for title in titles)


def test_retry_with_the_same_id_answers_the_same(zhang: Customer) -> None:
    first = zhang.send("余额多少", client_message_id="twice")
    second = zhang.send("余额多少", client_message_id="twice")
    assert first == second
    asked = [m for m in zhang.transcript() if m.get("client_message_id") == "twice"]
    assert len(asked) == 1
