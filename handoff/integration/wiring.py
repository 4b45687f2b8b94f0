"""Puts the room together as the settings say, for the app to run."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI

from core.database import Database
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Transcript
from handoff import words
from handoff.integration.api import create_chatwoot_router, create_desk_router, document
from handoff.integration.carrier import Carrier
from handoff.integration.chatwoot.client import ChatwootClient
from handoff.integration.chatwoot.desk import ChatwootDesk
from handoff.integration.desk import Desk
from handoff.integration.notices import Notices
from handoff.integration.people import ServiceAccess
from handoff.integration.recorder import Recorder
from handoff.integration.webhook import WebhookDesk
from handoff.service import HandoffService


class Integration:
    """The desks that are configured. The setting says which one serves new handoffs; those that another one
    has in hand stay with it until they are over.

    With none configured nothing is recorded, and nothing runs.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        service: HandoffService,
        transcript: Transcript,
        desks: list[Desk] | None = None,
    ) -> None:
        self._settings = settings
        self.notices = Notices(database)
        self.desks = build_desks(settings, service, self.notices) if desks is None else desks

        async def on_delay(handoff_id: str) -> bool:
            return await service.say_waiting(handoff_id, words.desk_unreachable())

        self.carrier = Carrier(self.notices, self.desks, on_delay)
        if self.desks:
            service.connect(Recorder(), self.health)
            transcript.watchers.append(self.carrier.said)

    def mount(self, app: FastAPI, directory: StaffDirectory) -> None:
        """Adds the routes that make sense with these settings."""
        settings = self._settings
        document(app)
        access = ServiceAccess(settings.desk_token.get_secret_value())
        app.include_router(create_desk_router(settings.desk, self.notices, directory, access))
        if settings.chatwoot_on:
            secret = settings.chatwoot_webhook_secret.get_secret_value()
            account = settings.chatwoot_account_id
            app.include_router(create_chatwoot_router(account, secret, self.notices, self.carrier))

    async def health(self) -> dict[str, Any] | None:
        """How the desk that serves fares; None when it is our own."""
        name = self._settings.desk
        return None if name == "own" else await self.notices.standing(name)

    async def run(self, stop: asyncio.Event) -> None:
        """Tells and asks until ``stop`` is set."""
        if self.desks:
            await self.carrier.run(stop)

    async def close(self) -> None:
        await self.carrier.stop()


def build_desks(settings: Settings, service: HandoffService, notices: Notices) -> list[Desk]:
    """Those that the settings name."""
    desks: list[Desk] = []
    if settings.desk_webhook_url:
        desks.append(WebhookDesk(settings, service.package))
    if settings.chatwoot_on:
        desks.append(ChatwootDesk(settings, ChatwootClient(settings), service, notices))
    return desks
