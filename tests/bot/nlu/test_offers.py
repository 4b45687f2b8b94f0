from __future__ import annotations

from bot.nlu.offers import choices


def test_uses_the_customers_words() -> None:
    found = choices(
        ["change_package", "query_bill"], {"package_name": "88块的", "month": "上月"}, []
    )
    assert [c.payload for c in found] == ["帮我改成88块的", "查一下我上月的账单"]


def test_a_knowledge_hit_is_offered_as_its_question() -> None:
    found = choices(["ask_knowledge"], {}, [{"question": "怎么开通国际漫游？"}])
    assert found[0].to_dict() == {
        "title": "怎么开通国际漫游？",
        "payload": "怎么开通国际漫游？",
        "intent": "ask_knowledge",
    }


def test_at_most_three_and_only_what_can_be_done() -> None:
    found = choices(
        ["greet", "recharge", "affirm", "query_bill", "query_usage", "port_out"], {}, []
    )
    assert [c.intent for c in found] == ["recharge", "query_bill", "query_usage"]


def test_no_payload_is_a_command() -> None:
    assert not any(
        c.payload.startswith("/") for c in choices(["recharge"], {"money_amount": "/50"}, [])
    )
