"""What customers say about their numbers, and what is about something else."""

from __future__ import annotations

import pytest

from bot.gateway.numbers import asks_which, to_bind, to_use

NUMBERS = [{"phone": "13800000001"}, {"phone": "13900000001"}, {"phone": "13900000009"}]


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("绑定13900000009", "13900000009"), ("我要再绑定一个号码：13900000009", "13900000009"),
        ("帮我绑一个手机号 13900000009", "13900000009"), ("绑定手机号", None), ("绑定12345", None),
        ("绑定宽带13900000009", None), ("给13900000009充值", None), ("绑定139000000091", None),
    ],
)  # fmt: skip
def test_a_number_to_bind(text: str, phone: str | None) -> None:
    assert to_bind(text) == phone


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("换成尾号0009的号码", "13900000009"), ("用尾号0009", "13900000009"),
        ("换成138尾号0001的号码", "13800000001"), ("换成尾号0001的号码", None),
        ("换成尾号7777的号码", None), ("尾号0009的话费", None), ("换号码", None),
    ],
)  # fmt: skip
def test_a_bound_number_named_by_its_ends(text: str, phone: str | None) -> None:
    assert to_use(text, NUMBERS) == phone


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("切换号码", True), ("切换手机号", True), ("我绑定了哪些号码", True), ("查看绑定的号码", True),
        ("我的号码", True), ("换号码", False), ("我的号码停机了", False), ("携号转网", False),
        ("换个手机号", False), ("绑定号码", False),
    ],
)  # fmt: skip
def test_which_number(text: str, asked: bool) -> None:
    assert asks_which(text) is asked
