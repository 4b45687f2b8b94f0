"""Figures come from the catalogue or not at all."""

from __future__ import annotations

import pytest

from knowledge_base.rendering import (
    HIDDEN,
    UnknownFigure,
    malformed_placeholders,
    placeholders,
    render,
    render_or_hide,
    without_figures,
)

FACTS = {"offer.plan-59.price": "59", "offer.plan-59.name": "畅享59元", "rate.data_overage": "5"}


def test_figures_are_filled_in() -> None:
    text = "${offer.plan-59.name}每月${offer.plan-59.price}元，超出${rate.data_overage}元/GB。"
    assert render(text, FACTS) == "畅享59元每月59元，超出5元/GB。"


def test_an_unknown_figure_raises_and_guesses_nothing() -> None:
    with pytest.raises(UnknownFigure, match=r"offer\.plan-1\.price"):
        render("每月${offer.plan-1.price}元", FACTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("月费${offer.plan-1.price}元，次月生效。", f"{HIDDEN}，次月生效。"),
        ("超出后${rate.nosuch}元/GB计费。", f"超出后{HIDDEN}计费。"),
        ("没有数字。", "没有数字。"),
        ("${offer.plan-59.price}元和${offer.x.price}元", f"59元和{HIDDEN}"),
    ],
)
def test_unknown_figures_are_hidden_with_their_unit(text: str, shown: str) -> None:
    assert render_or_hide(text, FACTS) == shown


def test_a_fact_is_never_rendered_again() -> None:
    assert render("${offer.a.name}", {"offer.a.name": "${offer.b.name}"}) == "${offer.b.name}"


def test_placeholders_are_listed_and_checked() -> None:
    text = "${offer.plan-59.price} ${bad} ${offer.x y} ${unclosed"
    assert placeholders(text) == ["offer.plan-59.price"]
    assert malformed_placeholders(text) == ["${bad}", "${offer.x y}", "${unclosed"]
    assert without_figures("每月${offer.plan-59.price}元") == "每月元"
