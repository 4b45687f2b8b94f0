"""Staff accounts and the FastAPI dependencies that guard staff routes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import Request
from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import HTTPConnection

from core.clock import new_id, now
from core.database import Base, Database, UtcDateTime
from core.errors import (
    AccountDisabled,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    SignedOut,
    TokenExpired,
    WrongCredentials,
)
from core.security import TokenIssuer, hash_password, password_matches

Role = Literal["agent", "supervisor", "editor", "integration"]
"""``integration``: people of an operator's own desk, acting through its service token."""
STAFF_COOKIE = "changda_staff"
CSRF_HEADER = "x-requested-with"
"""Cookie-authenticated writes must carry this header, which a foreign page cannot send."""
LONGEST_SESSION_H = 7 * 24.0
"""A login may be renewed for so long; then the password is asked for again."""
STANDING_S = 2.0
"""How long a process may take to notice that an account was disabled or a login ended elsewhere."""
# Verified when the user is unknown, so that the answer takes as long as for a known one.
_DUMMY_HASH = hash_password("nobody")


class StaffAccount(Base):
    """A person who works here. ``skill_groups`` matters for agents only."""

    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The username, which agents also see beside messages."""
    display_name: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[Role]] = mapped_column(JSON)
    skill_groups: Mapped[list[str]] = mapped_column(JSON)
    capacity: Mapped[int] = mapped_column(default=0)
    """Conversations at the same time; 0 = as the setting says."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EndedSession(Base):
    """A login that was ended before its token ran out. Once the token has run out the row is idle."""

    __tablename__ = "staff_ended_sessions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


@dataclass(frozen=True)
class Staff:
    """The signed-in staff member, as the token says."""

    id: str
    display_name: str
    roles: tuple[Role, ...]
    skill_groups: tuple[str, ...]
    session: str = ""
    """The login this token belongs to; renewed tokens keep it."""
    since: float = 0.0
    """Unix time of the login."""
    expires_at: float = 0.0
    """Unix time the token runs out; 0 = not from a token."""

    def require(self, *roles: Role) -> None:
        """Raises NotAllowed unless the member has one of ``roles``."""
        if not set(roles) & set(self.roles):
            raise NotAllowed


class StaffDirectory:
    """Looks up and authenticates staff."""

    def __init__(self, database: Database, tokens: TokenIssuer, token_hours: float) -> None:
        self._database = database
        self._tokens = tokens
        self._hours = token_hours
        self._gone: tuple[float, frozenset[str], frozenset[str]] | None = None
        """When it was read, disabled accounts, ended logins."""

    async def create(
        self, username: str, password: str, display_name: str,
        roles: list[Role], skill_groups: list[str], capacity: int = 0,
    ) -> None:  # fmt: skip
        """Creates an account, or sets everything of an existing one anew."""
        account = StaffAccount(
            id=username, display_name=display_name, password_hash=hash_password(password),
            roles=roles, skill_groups=skill_groups, capacity=capacity, active=True, created_at=now(),
        )  # fmt: skip
        async with self._database.transaction() as session:
            await session.merge(account)

    async def login(self, username: str, password: str) -> tuple[str, StaffAccount]:
        """Checks the password and issues a token.

        Raises:
            WrongCredentials: unknown user, wrong password or inactive account, indistinguishably.
        """
        async with self._database.reading() as session:
            account = await session.get(StaffAccount, username)
        matches = password_matches(password, account.password_hash if account else _DUMMY_HASH)
        if account is None or not account.active or not matches:
            raise WrongCredentials
        # Who was let in again must not be refused by what was read a moment ago.
        self._gone = None
        return self._issue(account, new_id("s"), time.time()), account

    def _issue(self, account: StaffAccount, session: str, since: float) -> str:
        claims: dict[str, Any] = {
            "name": account.display_name, "roles": account.roles, "groups": account.skill_groups,
            "sid": session, "since": since,
        }  # fmt: skip
        return self._tokens.issue("staff", account.id, self._hours, **claims)

    async def renew(self, staff: Staff) -> tuple[str, StaffAccount]:
        """A fresh token for a login that is still good, with today's roles.

        Raises:
            AccountDisabled, SignedOut
            TokenExpired: the login is too old; the password is due again.
        """
        await self.check(staff)
        if time.time() - staff.since > LONGEST_SESSION_H * 3600:
            raise TokenExpired
        async with self._database.reading() as session:
            account = await session.get(StaffAccount, staff.id)
        if account is None or not account.active:
            raise AccountDisabled
        return self._issue(account, staff.session or new_id("s"), staff.since), account

    async def sign_out(self, staff: Staff) -> None:
        """Ends this login: its tokens are refused from now on."""
        if not staff.session:
            return
        async with self._database.transaction() as session:
            await session.merge(EndedSession(id=staff.session, ended_at=now()))
        self._gone = None

    async def set_active(self, username: str, active: bool) -> None:
        """Lets somebody in again, or keeps them out from now on. Raises NotFound."""
        async with self._database.transaction() as session:
            account = await session.get(StaffAccount, username)
            if account is None:
                raise NotFound("没有这个工号。")
            account.active = active
        self._gone = None

    async def check(self, staff: Staff) -> None:
        """Whether a token that was read is still good.

        Raises:
            TokenExpired, SignedOut, AccountDisabled
        """
        if staff.expires_at and staff.expires_at <= time.time():
            raise TokenExpired
        disabled, ended = await self._who_is_gone()
        if staff.id in disabled:
            raise AccountDisabled
        if staff.session in ended:
            raise SignedOut

    async def _who_is_gone(self) -> tuple[frozenset[str], frozenset[str]]:
        # Both sets are small; reading them now and then serves any number of requests and sockets.
        # Others may forget what was read while this one still waits, so it goes on with its own.
        known = self._gone
        if known is None or time.monotonic() - known[0] > STANDING_S:
            read_at = time.monotonic()
            recent = EndedSession.ended_at > now() - timedelta(hours=self._hours)
            async with self._database.reading() as session:
                disabled = await session.execute(
                    select(StaffAccount.id).where(StaffAccount.active.is_(False))
                )
                ended = await session.execute(select(EndedSession.id).where(recent))
                known = read_at, frozenset(disabled.scalars()), frozenset(ended.scalars())
                self._gone = known
        return known[1], known[2]

    async def agents(self) -> list[StaffAccount]:
        """Active accounts with the role agent."""
        async with self._database.reading() as session:
            rows = await session.execute(select(StaffAccount).where(StaffAccount.active))
            return [account for account in rows.scalars() if "agent" in account.roles]

    def read_token(self, token: str) -> Staff:
        """Raises NotAuthenticated or TokenExpired."""
        claims = self._tokens.read(token, "staff")
        return Staff(
            claims["sub"], claims["name"], tuple(claims["roles"]), tuple(claims["groups"]),
            claims.get("sid", ""), float(claims.get("since", 0)), float(claims["exp"]),
        )  # fmt: skip

    def from_connection(self, connection: HTTPConnection) -> Staff:
        """Staff member of a request or WebSocket: Bearer header, or the login cookie."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return self.read_token(token)
        cookie = connection.cookies.get(STAFF_COOKIE)
        if not cookie:
            raise NotAuthenticated
        unsafe = isinstance(connection, Request) and connection.method not in ("GET", "HEAD")
        if unsafe and CSRF_HEADER not in connection.headers:
            raise NotAllowed("请求来源无法确认，请刷新页面后重试。")
        return self.read_token(cookie)

    def guard(self, *roles: Role) -> Callable[[Request], Awaitable[Staff]]:
        """A FastAPI dependency that yields the staff member or raises."""

        async def dependency(request: Request) -> Staff:
            staff = self.from_connection(request)
            await self.check(staff)
            staff.require(*roles)
            return staff

        return dependency
