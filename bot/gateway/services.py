"""Everything the app is made of, wired once at start and handed to the routes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from starlette.requests import HTTPConnection

from actions.bss.client import OperatorClient
from bot.dialogue.client import DialogueClient, DialogueDown
from bot.gateway.access import CustomerAccess
from bot.gateway.answers import AnswerFollower
from bot.gateway.assistant import DialogueAssistant
from bot.gateway.care import Care
from bot.gateway.channels import Channels, build_channels
from bot.gateway.conversations import ConversationRouter
from bot.gateway.facts import OperatorFacts
from bot.gateway.limits import AttemptLimiter
from bot.gateway.locks import ConversationLocks
from bot.gateway.push import Push
from bot.gateway.sockets import OpenSockets
from bot.identity.accounts import Identities
from bot.identity.app_tokens import AppTokens
from core.database import Database
from core.events import LiveBus
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import StaffDirectory
from core.transcript import Transcript
from handoff.integration.wiring import Integration
from handoff.service import HandoffService
from knowledge_base.embedding.encoder import shared_encoder
from knowledge_base.indexing import index_store
from knowledge_base.service import KnowledgeService

log = structlog.get_logger(__name__)


@dataclass
class Services:
    """The parts of one app process."""

    settings: Settings
    database: Database
    redis: Redis
    bus: LiveBus
    tokens: TokenIssuer
    staff: StaffDirectory
    transcript: Transcript
    access: CustomerAccess
    identities: Identities
    app_tokens: AppTokens
    sockets: OpenSockets
    push: Push
    care: Care
    limiter: AttemptLimiter
    dialogue: DialogueClient
    operator: OperatorClient
    handoffs: HandoffService
    integration: Integration
    knowledge: KnowledgeService
    answers: AnswerFollower
    router: ConversationRouter
    channels: Channels

    async def status_of(self, conversation_id: str) -> dict[str, Any]:
        """Who owns a conversation now, as its customer may know it."""
        conversation = await self.transcript.conversation(conversation_id)
        status: dict[str, Any] = {
            "state": conversation.owner,
            "profile": {"elderly": bool(conversation.profile.get("elderly"))},
        }
        if conversation.owner != "bot":
            status |= await self.handoffs.shown_to_customer(conversation_id)
        return status

    async def actions_healthy(self) -> bool:
        """Whether the action server answers."""
        url = self.settings.actions_webhook.removesuffix("/webhook") + "/health"
        try:
            async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
                return (await http.get(url)).is_success
        except httpx.HTTPError:
            return False

    async def close(self) -> None:
        """Closes connections in the reverse order of use."""
        await self.channels.close()
        await self.handoffs.settle()
        await self.integration.close()
        await self.push.close()
        await self.app_tokens.close()
        await self.dialogue.close()
        await self.operator.close()
        await self.bus.close()
        await self.redis.aclose()
        await self.database.close()


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that serves this request or WebSocket."""
    services: Services = connection.app.state.services
    return services


def connect_redis(settings: Settings) -> Redis:
    """A client that retries briefly, so that a Redis restart is a pause and not an error."""
    return Redis.from_url(
        settings.redis,
        socket_timeout=2.0,
        socket_connect_timeout=1.0,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        health_check_interval=15,
    )


def build_services(settings: Settings) -> Services:
    """Wires the app. Loads the encoder (about a second); connects lazily to all else."""
    database = Database(settings.database)
    redis = connect_redis(settings)
    bus = LiveBus(redis)
    tokens = TokenIssuer(settings.token_key.get_secret_value())
    transcript = Transcript(database, bus)
    sockets = OpenSockets(redis)
    push = Push(settings, database, sockets)
    transcript.watchers.append(push.said)
    care = Care(transcript, bus)
    identities = Identities(database, timedelta(hours=settings.verified_hours))
    dialogue = DialogueClient(settings)
    operator = OperatorClient(settings.bss, settings.bss_timeout_s)

    async def forget(conversation_id: str) -> None:
        try:
            conversation = await transcript.conversation(conversation_id)
            await dialogue.forget(conversation.dialogue_id or conversation_id)
        except DialogueDown as error:
            log.warning("dialogue_not_reset", conversation=conversation_id, error=str(error))

    handoffs = HandoffService(
        database=database,
        bus=bus,
        transcript=transcript,
        redis=redis,
        customer_facts=OperatorFacts(operator),
        settings=settings,
        on_returned=forget,
        assistant=DialogueAssistant(dialogue, operator),
    )
    integration = Integration(settings, database, handoffs, transcript)
    encoder = shared_encoder(settings.encoder_dir)
    knowledge = KnowledgeService(
        database,
        settings.knowledge_dir,
        encoder,
        bus,
        settings.knowledge_four_eyes,
        index_store(
            settings.vector_index, settings.milvus_uri, settings.milvus_token.get_secret_value()
        ),
    )
    answers = AnswerFollower(knowledge.usage)
    router = ConversationRouter(
        transcript,
        dialogue,
        handoffs,
        ConversationLocks(redis),
        bus,
        knowledge.record_miss,
        answers,
        identities,
        care,
    )
    channels = build_channels(settings, database, redis, transcript, identities, router, handoffs)
    # What is said here goes out now; what other processes say, at the next look.
    transcript.watchers.append(lambda _: channels.courier.nudge())
    return Services(
        settings=settings,
        database=database,
        redis=redis,
        bus=bus,
        tokens=tokens,
        staff=StaffDirectory(database, tokens, settings.staff_token_hours),
        transcript=transcript,
        access=CustomerAccess(settings, tokens, transcript, identities),
        identities=identities,
        app_tokens=AppTokens.from_settings(settings),
        sockets=sockets,
        push=push,
        care=care,
        limiter=AttemptLimiter(redis),
        dialogue=dialogue,
        operator=operator,
        handoffs=handoffs,
        integration=integration,
        knowledge=knowledge,
        answers=answers,
        router=router,
        channels=channels,
    )


async def run_background(services: Services, stop: asyncio.Event) -> None:
    """Housekeeping of one app process until ``stop`` is set."""
    await asyncio.gather(
        services.handoffs.watch_agents(stop),
        services.integration.run(stop),
        services.push.run(stop),
        services.channels.run(stop),
    )
