"""Health for people and orchestrators, metrics for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.gateway.services import Services, services_of

router = APIRouter(tags=["operations"])
AppServices = Annotated[Services, Depends(services_of)]
PROBE_S = 2.5


async def _probe(check: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(PROBE_S):
            return bool(await check)
    except (TimeoutError, OSError, RedisError, SQLAlchemyError):
        return False


async def _database(services: Services) -> bool:
    async with services.database.reading() as session:
        return int((await session.execute(text("SELECT 1"))).scalar_one()) == 1


async def components(services: Services) -> dict[str, bool]:
    """Each part the app needs, and whether it answers now."""
    checks: dict[str, Awaitable[object]] = {
        "database": _database(services),
        "redis": services.redis.ping(),
        "rasa": services.dialogue.healthy(),
        "actions": services.actions_healthy(),
        "operator": services.operator.healthy(),
    }
    results = await asyncio.gather(*(_probe(check) for check in checks.values()))
    health = dict(zip(checks, results, strict=True))
    health["knowledge"] = services.knowledge.ready
    return health


@router.get("/healthz")
async def healthz(services: AppServices) -> dict[str, Any]:
    """Always 200 while the app lives; says how each component fares."""
    health = await components(services)
    # Customers are still served without vectors, less well: no reason to be taken out of service.
    health["vectors"] = services.knowledge.searcher.trouble is None
    desk = await services.integration.health()
    if desk is not None:
        # Its customers wait and nothing is lost; nor would another process of ours do better.
        health["desk"] = desk["reachable"] and not desk["dead"]
    named = {name: "ok" if fine else "down" for name, fine in health.items()}
    return {"status": "ok" if all(health.values()) else "degraded", "components": named}


@router.get("/readyz")
async def readyz(services: AppServices, response: Response) -> dict[str, Any]:
    """200 when customers can be served as intended, 503 otherwise."""
    health = await components(services)
    ready = all(health.values())
    response.status_code = 200 if ready else 503
    return {"ready": ready, "waiting_for": [name for name, fine in health.items() if not fine]}


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
