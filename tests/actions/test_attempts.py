"""Counting SMS codes on a real Redis."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from actions.attempts import SENT, WRONG, CodeAttempts, wait_words
from actions.turn import Request, Turn
from core.limits import AttemptLimiter

PHONE, OTHER = "13800000001", "13800000002"


def turn(account: str = "", address: str = "") -> Turn:
    return Turn("c1", Request(), account=account, address=address)


@pytest.fixture
def attempts(redis: Redis) -> CodeAttempts:
    return CodeAttempts(AttemptLimiter(redis))


async def test_a_number_closes_for_everybody_and_opens_again(attempts: CodeAttempts) -> None:
    most = WRONG["phone"][0].most
    for number in range(most):
        assert await attempts.closed(PHONE, turn(f"a{number}")) is None
        await attempts.wrong(PHONE, turn(f"a{number}"))
    words = await attempts.closed(PHONE, turn("fresh"))
    assert words is not None
    assert "10分钟" in words
    assert "转人工" in words
    assert await attempts.sending(PHONE, turn("fresh")) == words
    assert await attempts.closed(OTHER, turn("fresh")) is None


async def test_an_account_and_an_address_close_whatever_number_they_try(
    attempts: CodeAttempts,
) -> None:
    for number in range(WRONG["account"][0].most):
        await attempts.wrong(f"1390000{number:04}", turn("a1"))
    assert await attempts.closed(PHONE, turn("a1")) is not None
    assert await attempts.closed(PHONE, turn("a2", "somewhere")) is None
    for number in range(WRONG["address"][0].most):
        await attempts.wrong(f"1380001{number:04}", turn(f"b{number}", "somewhere"))
    assert await attempts.closed(PHONE, turn("a2", "somewhere")) is not None


async def test_a_right_code_begins_afresh(attempts: CodeAttempts) -> None:
    for _ in range(WRONG["account"][0].most):
        await attempts.wrong(PHONE, turn("a1"))
    await attempts.right(PHONE, turn("a1"))
    assert await attempts.closed(PHONE, turn("a1")) is None


async def test_codes_asked_for_are_counted(attempts: CodeAttempts) -> None:
    for number in range(SENT["account"][0].most):
        assert await attempts.sending(f"1390000{number:04}", turn("a1")) is None
    words = await attempts.sending(PHONE, turn("a1"))
    assert words is not None
    assert "1小时" in words or "60分钟" in words


async def test_without_redis_nothing_is_limited() -> None:
    free = CodeAttempts(None)
    for _ in range(100):
        await free.wrong(PHONE, turn("a1"))
    assert await free.sending(PHONE, turn("a1")) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1分钟"), (600, "10分钟"), (3600, "1小时"), (5400, "2小时"), (86_400, "明天")],
)
def test_waits_are_said_as_people_say_them(seconds: int, words: str) -> None:
    assert wait_words(seconds) == words
