"""Staff login: a cookie for the pages, a token for programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from bot.gateway.services import Services, services_of
from core.errors import ChangdaError, TooManyRequests, WrongCredentials
from core.events import SIGNED_OUT
from core.redis_keys import agent_channel, attempts
from core.staff import STAFF_COOKIE, StaffAccount

router = APIRouter(prefix="/api/v1/auth", tags=["staff"])
AppServices = Annotated[Services, Depends(services_of)]
MAX_FAILURES = 10
FAILURE_WINDOW_S = 600


class LoginRequest(BaseModel):
    """Username and password of a staff account."""

    username: str = Field(min_length=1, max_length=40)
    password: str = Field(min_length=1, max_length=200)


@router.post("/login")
async def login(
    body: LoginRequest, request: Request, response: Response, services: AppServices
) -> dict[str, Any]:
    """Signs in; ten failures for a name within ten minutes close it for that time."""
    limiter = services.limiter
    key = attempts("login", body.username.lower())
    if await limiter.count(key) >= MAX_FAILURES:
        raise TooManyRequests("登录失败次数过多，请10分钟后再试。")
    try:
        token, account = await services.staff.login(body.username, body.password)
    except WrongCredentials:
        await limiter.add(key, FAILURE_WINDOW_S)
        raise
    await limiter.clear(key)
    _keep(response, request, services, token)
    return _signed_in(token, account)


@router.post("/renew")
async def renew(request: Request, response: Response, services: AppServices) -> dict[str, Any]:
    """A fresh token before the old one runs out, so that nobody is thrown out of a conversation."""
    token, account = await services.staff.renew(services.staff.from_connection(request))
    _keep(response, request, services, token)
    return _signed_in(token, account)


@router.post("/logout", status_code=204)
async def logout(request: Request, response: Response, services: AppServices) -> None:
    """Ends this login: its tokens and its open sockets are good for nothing any more."""
    response.delete_cookie(STAFF_COOKIE)
    try:
        staff = services.staff.from_connection(request)
    except ChangdaError:
        return  # Nobody was signed in.
    await services.staff.sign_out(staff)
    await services.bus.publish(agent_channel(staff.id), SIGNED_OUT, session=staff.session)


@router.get("/me")
async def me(request: Request, services: AppServices) -> dict[str, Any]:
    """Who is signed in."""
    staff = services.staff.from_connection(request)
    await services.staff.check(staff)
    return {
        "id": staff.id,
        "display_name": staff.display_name,
        "roles": staff.roles,
        "skill_groups": staff.skill_groups,
    }


def _keep(response: Response, request: Request, services: Services, token: str) -> None:
    response.set_cookie(
        STAFF_COOKIE,
        token,
        max_age=int(services.settings.staff_token_hours * 3600),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def _signed_in(token: str, account: StaffAccount) -> dict[str, Any]:
    return {
        "access_token": token,
        "roles": account.roles,
        "id": account.id,
        "display_name": account.display_name,
        "skill_groups": account.skill_groups,
    }
