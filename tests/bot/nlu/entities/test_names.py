from __future__ import annotations

import pytest

from bot.nlu.catalogue import Offer
from bot.nlu.entities import names

OFFERS = (
    Offer("plan-59", "plan", ("畅享59元",), "59.00"),
    Offer("plan-5g-129", "plan", ("5g畅享129元",), "129.00"),
    Offer("vas-ringback", "service", ("彩铃",)),
    Offer("vas-video", "service", ("视频会员",)),
)


@pytest.mark.parametrize(
    ("words", "plans", "offer"),
    [
        ("59", True, "plan-59"), ("59元套餐", True, "plan-59"), ("畅享59", True, "plan-59"),
        ("一百二十九", True, "plan-5g-129"), ("5g畅享129", True, "plan-5g-129"),
        ("彩玲", False, "vas-ringback"), ("腾讯视频会员", False, "vas-video"),
    ],
)  # fmt: skip
def test_resolves_names_prices_and_typos(words: str, plans: bool, offer: str) -> None:
    found = names.resolve_offer(words, OFFERS, plans)
    assert found is not None
    assert found.offer_id == offer


@pytest.mark.parametrize("words", ["88", "畅享", "冰激凌套餐"])
def test_does_not_guess_between_several_or_none(words: str) -> None:
    assert names.resolve_offer(words, OFFERS, plans=True) is None


def test_price_of_a_plan_ignores_the_generation() -> None:
    assert names.price_of("5g畅享129元") == "129"
    assert names.price_of("5g畅享") is None


def test_same_sound_same_reading() -> None:
    assert names.reading("彩玲") == names.reading("彩铃")
