"""An operator's own desk: told by signed webhooks; it answers over the REST contract of our own desk.

``POST CHANGDA_DESK_WEBHOOK_URL`` with a JSON body, ``X-Changda-Event``, ``X-Changda-Delivery`` (the event's id,
the same at every attempt) and ``X-Changda-Signature`` (see ``core.signing``). Any 2xx is a receipt; 410 says
"never again"; anything else is tried again, later and later, for a day. The next event of a handoff is sent
after the one before it was received or given up.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson

from core.settings import Settings
from core.signing import HEADER, signature
from handoff.context import ContextPackage, masked
from handoff.integration.desk import REQUESTED, UPDATED, Lane, Notice, Refused, TryLater
from handoff.models import DeskName

_GONE = 410
_HIDDEN = ("by_desk", "facts", "said_to")
ReadPackage = Callable[[str], Awaitable[ContextPackage]]


class WebhookDesk:
    """Posts notices.

    Args:
        package: reads the context package of a handoff.
    """

    name: DeskName = "webhook"

    def __init__(
        self, settings: Settings, package: ReadPackage, http: httpx.AsyncClient | None = None
    ) -> None:
        self._url = settings.desk_webhook_url
        self._secret = settings.desk_webhook_secret.get_secret_value().encode()
        self._package = package
        self._http = http or httpx.AsyncClient(timeout=settings.desk_timeout_s, trust_env=False)

    async def deliver(self, notice: Notice, lane: Lane) -> None:
        """Raises TryLater or Refused."""
        body = orjson.dumps(await self._body(notice))
        headers = {
            "Content-Type": "application/json",
            "X-Changda-Event": notice.kind,
            "X-Changda-Delivery": notice.event_id,
            HEADER: signature(self._secret, int(time.time()), body),
        }
        try:
            answer = await self._http.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise TryLater(f"连不上贵方客服系统（{type(error).__name__}）") from None
        if answer.status_code == _GONE:
            raise Refused("贵方客服系统不再接收这条通知（410）")
        if not answer.is_success:
            raise TryLater(f"贵方客服系统应答{answer.status_code}", retry_after(answer))

    async def _body(self, notice: Notice) -> dict[str, Any]:
        data = {name: value for name, value in notice.data.items() if name not in _HIDDEN}
        body = {
            "event_id": notice.event_id,
            "event": notice.kind,
            "created_at": notice.created_at.isoformat(),
            "handoff_id": notice.handoff_id,
            **data,
        }
        if notice.kind in (REQUESTED, UPDATED):
            package = await self._package(notice.handoff_id)
            body["package"] = masked(package.model_dump(mode="json"))
        return body

    async def look(self, lane: Lane) -> float | None:
        """Such a desk tells by itself."""
        return None

    async def close(self) -> None:
        await self._http.aclose()


def retry_after(answer: httpx.Response, longest_s: float = 3600) -> float:
    """Seconds the other side asks us to wait; 0 when it does not say."""
    given = answer.headers.get("retry-after", "")
    return min(float(given), longest_s) if given.isdigit() else 0.0
