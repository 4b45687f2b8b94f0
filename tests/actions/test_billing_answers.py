"""Why a bill changed, from typed facts alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from actions.answers import billing
from actions.bss.models import Bill, BillItem, Holdings, Subscription

RATES = {"data_overage": Decimal("5.00"), "sms_domestic": Decimal("0.10"),
         "call_domestic": Decimal("0.15")}  # fmt: skip


def bill(month: str, *items: tuple[str, str, str], state: str = "settled") -> Bill:
    lines = tuple(BillItem(name, Decimal(amount), kind) for name, amount, kind in items)
    total = sum((line.amount for line in lines), Decimal(0))
    return Bill(f"B-{month}", month, total, Decimal(0), state, None, lines)


def test_names_both_totals_and_each_new_item_with_its_cause() -> None:
    before = bill("2025-09", ("套餐", "129.00", "plan"), ("彩铃", "5.00", "vas"))
    now = bill("2025-10", ("套餐", "129.00", "plan"), ("流量超出", "20.00", "data_overage"),
               ("彩铃", "5.00", "vas"), ("国内短信", "4.40", "sms"))  # fmt: skip
    outcome = billing.explain(now, before, Holdings(()), RATES)
    text = outcome.replies[0].text
    for piece in (
        "158.40元",
        "134.00元",
        "24.40元",
        "流量超出 20.00元",
        "国内短信 4.40元",
        "约4GB",
        "44条",
    ):
        assert piece in text
    assert "彩铃" not in text
    card = outcome.replies[0].card
    assert card is not None
    assert card["compare"] == {"month": "2025-09", "total": "134.00"}
    assert {"name": "流量超出", "amount": "20.00", "change": "+20.00"} in card["items"]
    assert outcome.step is not None
    assert outcome.step.figures["2025年10月账单"] == "158.40元"


def test_an_unwanted_service_is_pointed_out_and_can_be_cancelled_by_agreeing() -> None:
    service = Subscription("p1", "vas-video", "视频会员", "active", "vas", Decimal(15), "month",
                           date(2025, 10, 6), channel="电话推广")  # fmt: skip
    before = bill("2025-09", ("套餐", "59.00", "plan"))
    now = bill("2025-10", ("套餐", "59.00", "plan"), ("视频会员", "15.00", "vas"))
    outcome = billing.explain(now, before, Holdings((service,)), RATES)
    assert "电话推广" in outcome.replies[0].text
    assert outcome.replies[0].buttons[0].payload == ""
    assert outcome.offer is not None
    assert outcome.offer.action == "action_cancel_subscription"
    assert outcome.offer.request.first("service_name") == "视频会员"


def test_items_that_went_away_and_a_smaller_bill() -> None:
    before = bill("2025-09", ("套餐", "59.00", "plan"), ("视频会员", "15.00", "vas"))
    now = bill("2025-10", ("套餐", "59.00", "plan"))
    text = billing.explain(now, before, Holdings(()), RATES).replies[0].text
    assert "少了15.00元" in text
    assert "视频会员：这个月没有了" in text


def test_no_change_is_said_plainly() -> None:
    one, two = (
        bill("2025-09", ("套餐", "29.00", "plan")),
        bill("2025-10", ("套餐", "29.00", "plan")),
    )
    assert "一样" in billing.explain(two, one, Holdings(()), RATES).replies[0].text


def test_arrears_are_owed_not_negative() -> None:
    plan = Subscription("p", "plan-59", "畅享59元", "suspended", "plan", Decimal(59), "month", None)
    outcome = billing.balance(Decimal("-12.50"), None, plan)
    assert "欠费12.50元" in outcome.replies[0].text
    assert "停机" in outcome.replies[0].text
    assert "-12.50" not in outcome.replies[0].text
