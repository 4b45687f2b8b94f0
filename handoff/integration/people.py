"""People of outside desks: who they are here, and how a desk's service token acts for them."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import unquote

from fastapi import Header, Request

from core.errors import InvalidInput
from core.staff import Staff
from handoff.models import DeskName

_ID = re.compile(r"[A-Za-z0-9_.@-]{1,30}")
_MAX_NAME = 20
_NAMELESS = "客服"
Guard = Callable[[Request], Awaitable[Staff]]


def outside_agent(desk: DeskName, agent_id: str, name: str) -> Staff:
    """Somebody of an outside desk.

    Raises:
        InvalidInput: an id that is none.
    """
    if not _ID.fullmatch(agent_id):
        raise InvalidInput("坐席编号只能用字母、数字和 _ . @ -，不超过30位。")
    return Staff(f"{desk}:{agent_id}", clean_name(name), ("integration",), ())


def clean_name(name: str) -> str:
    """A name that customers may read: one line, no control or direction characters."""
    kept = "".join(" " if c.isspace() else c for c in name if _shown(c) or c.isspace())
    return " ".join(kept.split())[:_MAX_NAME] or _NAMELESS


def _shown(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")


class ServiceAccess:
    """Lets the operator's desk in beside our own staff.

    Args:
        token: the desk's service token; empty = there is no such desk.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def known(self, request: Request) -> bool:
        """Whether the request carries the service token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._token)
        return bool(self._token) and scheme.lower() == "bearer" and right

    def beside(self, guard: Guard) -> Callable[..., Awaitable[Staff]]:
        """A dependency: the desk's agent named in the headers, or whom ``guard`` lets in."""

        async def dependency(
            request: Request,
            x_agent_id: Annotated[
                str | None,
                Header(description="With the service token: the desk's own id of who acts."),
            ] = None,
            x_agent_name: Annotated[
                str | None,
                Header(description="Their name as customers read it, percent-encoded UTF-8."),
            ] = None,
        ) -> Staff:
            if not self.known(request):
                return await guard(request)
            if x_agent_id is None:
                if request.method != "GET":
                    raise InvalidInput("请在 X-Agent-Id 里写明是哪位坐席在操作。")
                return Staff("webhook", "", ("integration",), ())
            return outside_agent("webhook", x_agent_id, unquote(x_agent_name or ""))

        return dependency
