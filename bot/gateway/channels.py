"""The platforms that are configured, wired once at start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI
from redis.asyncio import Redis

from bot.channels.base import ChannelAdapter
from bot.channels.contacts import Contacts
from bot.channels.courier import Courier
from bot.channels.outbox import Outbox
from bot.channels.wechat.adapter import WeChatAdapter
from bot.channels.wechat.callback import Envelope as WeChatEnvelope
from bot.channels.wecom.adapter import WeComAdapter
from bot.channels.wecom.callback import Envelope as WeComEnvelope
from bot.channels.wecom.log_reader import LogReader
from bot.gateway import media_api, wechat_api, wecom_api
from bot.gateway.channel_rules import ChannelRules
from bot.gateway.conversations import ConversationRouter
from bot.gateway.limits import AttemptLimiter
from bot.gateway.media_api import Media
from bot.gateway.reception import Reception
from bot.gateway.wechat_api import WeChatDesk
from bot.gateway.wecom_api import WeComDesk
from bot.identity.accounts import Identities
from core.database import Database
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Transcript
from handoff.service import HandoffService


@dataclass
class Channels:
    """What carries messages out, and the desks of the platforms that call us."""

    courier: Courier
    reception: Reception
    adapters: list[WeChatAdapter | WeComAdapter]
    wechat: WeChatDesk | None = None
    wecom: WeComDesk | None = None
    media: Media | None = None

    def mount(self, app: FastAPI, staff: StaffDirectory) -> None:
        """Adds the callbacks of the platforms that are configured, and no others."""
        if self.media:
            app.include_router(media_api.create_router(self.media, staff))
        if self.wechat:
            app.include_router(wechat_api.router)
        if self.wecom:
            app.include_router(wecom_api.router)

    async def run(self, stop: asyncio.Event) -> None:
        """Carries messages out and picks up what was left, until ``stop`` is set."""
        if not self.adapters:
            return
        if self.wecom and self.wecom.reader:
            self.wecom.start(self.wecom.reader.read_all())
        beating = [self.wechat.pulse.run(stop)] if self.wechat else []
        await asyncio.gather(self.courier.run(stop), self.reception.run(stop), *beating)

    async def settle(self) -> None:
        """Waits for work in hand."""
        await self.reception.settle()
        if self.wechat:
            await self.wechat.settle()
        if self.wecom:
            await self.wecom.settle()
        await self.courier.settle()

    async def close(self) -> None:
        await self.settle()
        for adapter in self.adapters:
            await adapter.close()


def build_channels(
    settings: Settings,
    database: Database,
    redis: Redis,
    transcript: Transcript,
    identities: Identities,
    router: ConversationRouter,
    handoffs: HandoffService,
) -> Channels:
    """Wires the platforms that the settings name."""
    contacts, outbox = Contacts(database), Outbox(database)
    wechat = WeChatAdapter(settings, redis, contacts) if settings.wechat_on else None
    wecom = WeComAdapter(settings, redis) if settings.wecom_on else None
    adapters = [adapter for adapter in (wechat, wecom) if adapter is not None]
    pushing: list[ChannelAdapter] = [*adapters]
    courier = Courier(outbox, contacts, transcript, pushing)
    rules = ChannelRules(AttemptLimiter(redis), handoffs)
    reception = Reception(
        database, transcript, identities, router, rules, contacts, outbox, courier, redis
    )
    channels = Channels(courier, reception, adapters)
    if adapters:
        sources = {adapter.name: adapter for adapter in adapters}
        channels.media = Media(settings.var_dir / "media", transcript, sources)
        reception.media = channels.media
    if wechat:
        envelope = WeChatEnvelope(
            redis,
            settings.wechat_token.get_secret_value(),
            settings.wechat_app_id,
            settings.wechat_aes_key.get_secret_value(),
        )
        channels.wechat = WeChatDesk(
            envelope, wechat, reception, contacts, outbox, courier, settings.wechat_reply_s
        )
    if wecom:
        callbacks = WeComEnvelope(
            redis,
            settings.wecom_token.get_secret_value(),
            settings.wecom_corp_id,
            settings.wecom_aes_key.get_secret_value(),
        )
        desk = WeComDesk(callbacks, wecom, reception, contacts, outbox, courier, redis)
        desk.reader = LogReader(wecom, database, redis, desk.store)
        channels.wecom = desk
    return channels
