"""Finding plans in words, and what is cheaper for real usage."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actions.answers import plans, recommendation
from actions.bss.models import Catalogue, Holdings, Plan, Subscription

CATALOGUE = Catalogue(
    (
        Plan("plan-youth-19", "青春19元", Decimal(19), 10, 100),
        Plan("plan-silver-29", "银龄29元", Decimal(29), 10, 300, min_age=60),
        Plan("plan-39", "畅享39元", Decimal(39), 20, 100),
        Plan("plan-59", "畅享59元", Decimal(59), 30, 200),
        Plan("plan-5g-129", "5G畅享129元", Decimal(129), 60, 500, ("5G网络",)),
        Plan("plan-family-169", "家庭融合169元", Decimal(169), 60, 500, ("300M宽带",)),
    ),
    (),
    {"data_overage": Decimal(5), "sms_domestic": Decimal("0.10"),
     "call_domestic": Decimal("0.15")},
)  # fmt: skip
NOTHING = Holdings(())


@pytest.mark.parametrize(
    ("text", "ids"),
    [("59", ["plan-59"]), ("畅享59元", ["plan-59"]), ("129和59有什么区别", ["plan-5g-129", "plan-59"]),
     ("五十九那个", ["plan-59"]), ("老人套餐", ["plan-silver-29"]), ("59G的", []), ("随便", [])],
)  # fmt: skip
def test_plans_in_words(text: str, ids: list[str]) -> None:
    assert [plan.id for plan in plans.find(text, CATALOGUE)] == ids


def use(data: str, minutes: int = 60, month: str = "2025-10") -> recommendation.MonthUse:
    return recommendation.MonthUse(month, Decimal(data), minutes, 0, Decimal(0))


def test_heavy_use_on_a_small_plan_recommends_the_one_that_saves() -> None:
    uses = [use("15.8"), use("15.0", month="2025-09")]
    current = CATALOGUE.plans[0]
    outcome = recommendation.recommend(uses, current, CATALOGUE, NOTHING, 23)
    text = outcome.replies[0].text
    assert "畅享39元" in text
    assert "46.00元" in text
    assert "7.00元" in text
    assert outcome.step is not None
    assert outcome.step.figures["月均节省"] == "7.00元"


def test_age_limits_hold() -> None:
    uses = [use("3", minutes=250)]
    young = recommendation.recommend(uses, CATALOGUE.plans[3], CATALOGUE, NOTHING, 30)
    assert "银龄" not in young.replies[0].text
    old = recommendation.recommend(uses, CATALOGUE.plans[3], CATALOGUE, NOTHING, 65)
    assert "银龄29元" in old.replies[0].text


def test_a_plan_that_carries_the_broadband_is_not_traded_for_one_without() -> None:
    line = Subscription(
        "b", "broadband", "300M宽带", "active", "broadband", Decimal(0), "month", None
    )
    outcome = recommendation.recommend(
        [use("5")], CATALOGUE.plans[5], CATALOGUE, Holdings((line,)), 40
    )
    assert "最合适" in outcome.replies[0].text


def test_cheaper_than_mine() -> None:
    text = plans.browse("有什么便宜点的套餐", CATALOGUE, CATALOGUE.plans[3]).replies[0].text
    assert "畅享39元" in text
    assert "5G畅享129元" not in text
    card = plans.browse("有什么便宜点的套餐", CATALOGUE, None).replies[0].card
    assert card is not None
    assert card["plans"][0]["payload"] == "办理青春19元"


def test_cheaper_plans_leave_out_what_the_customer_may_not_have() -> None:
    asked = "有什么便宜点的套餐"
    assert "银龄" not in plans.browse(asked, CATALOGUE, CATALOGUE.plans[3], 35).replies[0].text
    assert "银龄" in plans.browse(asked, CATALOGUE, CATALOGUE.plans[3], 71).replies[0].text
