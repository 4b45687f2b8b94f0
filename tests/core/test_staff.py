"""Logins: renewed while they are good, refused once they are ended."""

from __future__ import annotations

import asyncio

import pytest

from core import staff as staff_module
from core.database import Database
from core.errors import AccountDisabled, NotFound, SignedOut, TokenExpired
from core.security import TokenIssuer
from core.staff import StaffDirectory

pytestmark = pytest.mark.integration


@pytest.fixture
async def directory(database: Database) -> StaffDirectory:
    staff = StaffDirectory(database, TokenIssuer("k" * 40), 1)
    await staff.create("lin", "correct-horse-7", "林小雨", ["agent"], ["billing"])
    return staff


async def test_a_renewed_token_is_the_same_login(directory: StaffDirectory) -> None:
    token, _ = await directory.login("lin", "correct-horse-7")
    first = directory.read_token(token)
    await directory.create("lin", "correct-horse-7", "林小雨", ["agent", "supervisor"], ["vip"])
    again, account = await directory.renew(first)
    second = directory.read_token(again)
    assert (second.session, second.since) == (first.session, first.since)
    assert second.roles == ("agent", "supervisor")
    assert account.display_name == "林小雨"


async def test_signing_out_ends_every_token_of_the_login_and_no_other(
    directory: StaffDirectory,
) -> None:
    here, elsewhere = [
        directory.read_token((await directory.login("lin", "correct-horse-7"))[0]) for _ in range(2)
    ]
    renewed = directory.read_token((await directory.renew(here))[0])
    await directory.sign_out(here)
    await directory.sign_out(here)
    for ended in (here, renewed):
        with pytest.raises(SignedOut):
            await directory.check(ended)
        with pytest.raises(SignedOut):
            await directory.renew(ended)
    await directory.check(elsewhere)


async def test_another_process_notices(directory: StaffDirectory, database: Database) -> None:
    other = StaffDirectory(database, TokenIssuer("k" * 40), 1)
    member = directory.read_token((await directory.login("lin", "correct-horse-7"))[0])
    await other.check(member)
    await directory.set_active("lin", active=False)
    other._gone = None  # as after STANDING_S
    with pytest.raises(AccountDisabled):
        await other.check(member)
    await directory.set_active("lin", active=True)
    await directory.check(member)
    with pytest.raises(NotFound):
        await directory.set_active("nobody", active=False)


async def test_the_password_is_due_again_some_day(
    directory: StaffDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = directory.read_token((await directory.login("lin", "correct-horse-7"))[0])
    monkeypatch.setattr(staff_module, "LONGEST_SESSION_H", 0.0)
    with pytest.raises(TokenExpired):
        await directory.renew(member)


async def test_checks_and_changes_at_the_same_time(directory: StaffDirectory) -> None:
    member = directory.read_token((await directory.login("lin", "correct-horse-7"))[0])

    async def change() -> None:
        for _ in range(20):
            await directory.create("qiu", "correct-horse-8", "邱平", ["agent"], [])
            await directory.set_active("qiu", active=False)

    async def look() -> None:
        for _ in range(60):
            await directory.check(member)
            await asyncio.sleep(0)

    await asyncio.gather(change(), *(look() for _ in range(10)))
