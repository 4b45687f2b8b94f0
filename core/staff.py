"""Staff accounts and the FastAPI dependencies that guard staff routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fastapi import Request
from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import HTTPConnection

from core.clock import now
from core.database import Base, Database, UtcDateTime
from core.errors import NotAllowed, NotAuthenticated, WrongCredentials
from core.security import TokenIssuer, hash_password, password_matches

Role = Literal["agent", "supervisor", "editor"]
STAFF_COOKIE = "changda_staff"
CSRF_HEADER = "x-requested-with"
"""Cookie-authenticated writes must carry this header, which a foreign page cannot send."""
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
    capacity: Mapped[int] = mapped_column(default=3)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Staff:
    """The signed-in staff member, as the token says."""

    id: str
    display_name: str
    roles: tuple[Role, ...]
    skill_groups: tuple[str, ...]

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

    async def create(
        self, username: str, password: str, display_name: str,
        roles: list[Role], skill_groups: list[str], capacity: int = 3,
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
        claims: dict[str, Any] = {
            "name": account.display_name, "roles": account.roles, "groups": account.skill_groups,
        }  # fmt: skip
        return self._tokens.issue("staff", account.id, self._hours, **claims), account

    async def agents(self) -> list[StaffAccount]:
        """Active accounts with the role agent."""
        async with self._database.reading() as session:
            rows = await session.execute(select(StaffAccount).where(StaffAccount.active))
            return [account for account in rows.scalars() if "agent" in account.roles]

    def read_token(self, token: str) -> Staff:
        """Raises NotAuthenticated or TokenExpired."""
        claims = self._tokens.read(token, "staff")
        return Staff(claims["sub"], claims["name"], tuple(claims["roles"]), tuple(claims["groups"]))

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
            staff.require(*roles)
            return staff

        return dependency
