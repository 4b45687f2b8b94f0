from __future__ import annotations

import pytest

from bot.nlu.evaluation import figures
from bot.nlu.evaluation.data import Sentence
from bot.nlu.evaluation.figures import Parsed
from bot.nlu.evaluation.summary import summarise


def parsed(intent: str, top: float = 0.9, predicted: str = "", entities: tuple = ()) -> Parsed:
    return Parsed(intent, predicted or intent, top, top, entities, (), 0.01)


def sentence(intent: str, *entities: tuple[str, str]) -> Sentence:
    return Sentence("话", intent, entities)


def test_a_miss_is_right_only_out_of_scope() -> None:
    assert figures.is_right(sentence("out_of_scope"), parsed("nlu_fallback"))
    assert not figures.is_right(sentence("recharge"), parsed("nlu_fallback"))
    assert not figures.is_right(sentence("recharge"), parsed("clarify"))


def test_rates_of_refusal() -> None:
    gold = [
        sentence("out_of_scope"),
        sentence("out_of_scope"),
        sentence("recharge"),
        sentence("greet"),
    ]
    told = [parsed("out_of_scope"), parsed("recharge"), parsed("nlu_fallback"), parsed("greet")]
    assert figures.outside_rates(gold, told) == (0.5, 0.5)


def test_entities_count_as_multisets_of_exact_words() -> None:
    gold = [sentence("recharge", ("money_amount", "50"), ("money_amount", "50"), ("month", "三月"))]
    told = [parsed("recharge", entities=(("money_amount", "50"), ("month", "三月份")))]
    by_type, overall = figures.entity_scores(gold, told)
    assert by_type["money_amount"].recall == 0.5
    assert by_type["money_amount"].precision == 1
    assert by_type["month"].f1 == 0
    assert overall.f1 == pytest.approx(2 * 1 / (2 + 3))


def test_reliability_of_a_boaster() -> None:
    gold = [sentence("a")] * 4
    told = [parsed("a", 0.95), parsed("b", 0.95), parsed("b", 0.95), parsed("b", 0.95)]
    assert figures.reliability(gold, told).error == pytest.approx(0.7)


def test_macro_f1_weighs_labels_alike() -> None:
    gold = [sentence("a")] * 9 + [sentence("b")]
    told = [parsed("a")] * 10
    scores = figures.intent_scores(gold, told)
    assert figures.macro_f1(scores) == pytest.approx((2 * 0.9 / 1.9) / 2)


def test_summary_holds_the_agreed_keys() -> None:
    found = summarise([sentence("a")], [parsed("a")]).to_dict()
    assert {
        "accuracy",
        "macro_f1",
        "entity_f1",
        "oos_caught",
        "in_scope_refused",
        "ece",
        "median_ms",
    } <= set(found)
