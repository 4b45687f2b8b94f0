from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.nlu.decide import CALIBRATION, Evidence, Thresholds, decide

LIMITS = Thresholds("e", outside_from=0.3, miss_below=0.15, clarify_below=0.4, choice_from=0.15)


def evidence(text: str = "那个", knowledge: dict | None = None, **ranking: float) -> Evidence:
    pairs = sorted(ranking.items(), key=lambda p: -p[1])
    return Evidence(text, pairs, knowledge or {"decision": "none", "hits": []}, {})


def test_a_sure_task_goes_through() -> None:
    assert decide(evidence(query_balance=0.9), LIMITS).intent == "query_balance"


@pytest.mark.parametrize("text", ["人工", "转人工", "我要人工客服", "快转人工!!", "找真人", "客服"])
def test_plain_calls_for_a_person_need_no_model(text: str) -> None:
    assert decide(evidence(text, chitchat=0.9), LIMITS).intent == "request_human"


@pytest.mark.parametrize(
    "text", ["不要人工", "人工智能是什么", "先别转人工,查话费", "人工几点上班"]
)
def test_other_talk_of_persons_is_left_to_the_model(text: str) -> None:
    assert decide(evidence(text, deny=0.9), LIMITS).intent == "deny"


def test_enough_evidence_of_another_trade_refuses() -> None:
    assert decide(evidence(recharge=0.6, out_of_scope=0.35), LIMITS).intent == "out_of_scope"


@pytest.mark.parametrize(
    ("score", "outside", "intent"),
    [(0.75, 0.6, "ask_knowledge"), (0.6, 0.6, "out_of_scope"), (0.95, 0.85, "out_of_scope")],
)
def test_what_the_base_knows_is_no_other_trades(score: float, outside: float, intent: str) -> None:
    known = {"decision": "clarify", "hits": [{"entry_id": "a", "question": "问", "score": score}]}
    assert decide(evidence(knowledge=known, out_of_scope=outside), LIMITS).intent == intent
    unknown = known | {"decision": "none"}
    assert (
        decide(evidence(knowledge=unknown, out_of_scope=outside), LIMITS).intent == "out_of_scope"
    )


def test_asks_between_two_likely_tasks() -> None:
    verdict = decide(evidence(query_balance=0.35, query_bill=0.3, greet=0.05), LIMITS)
    assert verdict.intent == "clarify"
    assert [c.intent for c in verdict.choices] == ["query_balance", "query_bill"]


def test_does_not_ask_when_only_one_choice_can_be_offered() -> None:
    assert decide(evidence(query_balance=0.35, greet=0.3), LIMITS).intent == "query_balance"


def test_a_lost_classifier_misses_or_asks_the_base() -> None:
    assert decide(evidence(query_balance=0.1), LIMITS).intent == "nlu_fallback"
    known = {"decision": "answer", "hits": [{"question": "问", "score": 0.9}]}
    assert decide(evidence(knowledge=known, query_balance=0.1), LIMITS).intent == "ask_knowledge"


def test_a_published_question_word_for_word_is_answered() -> None:
    known = {"decision": "answer", "exact": True, "hits": [{"question": "问", "score": 1.0}]}
    assert decide(evidence(knowledge=known, find_store=0.45), LIMITS).intent == "ask_knowledge"
    assert decide(evidence(knowledge=known, out_of_scope=0.9), LIMITS).intent == "ask_knowledge"
    assert decide(evidence(knowledge=known, query_balance=0.9), LIMITS).intent == "query_balance"


def test_nothing_readable_is_a_miss() -> None:
    assert decide(evidence(""), LIMITS).intent == "nlu_fallback"


def test_thresholds_of_another_encoder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"thresholds": LIMITS.to_dict()}), "utf-8")
    assert Thresholds.load("e", path) == LIMITS
    assert Thresholds.load("other", path) == Thresholds("other")
    assert Thresholds.load("e", tmp_path / "absent.json") == Thresholds("e")


def test_the_stored_calibration_is_usable() -> None:
    stored = json.loads(CALIBRATION.read_text("utf-8"))["thresholds"]
    limits = Thresholds(**stored)
    assert 0 < limits.miss_below <= limits.clarify_below < 1
