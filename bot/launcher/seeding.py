"""Fills a new system with demo staff and the seed knowledge."""

from __future__ import annotations

from bot.launcher.words import LauncherError, say
from core.database import Database
from core.errors import Unavailable
from core.security import TokenIssuer
from core.settings import Settings
from core.staff import StaffDirectory
from handoff.canned import seed_canned
from handoff.seeding import seed_staff
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.indexing import index_store
from knowledge_base.seeding import refresh_published, seed_knowledge


async def seed(settings: Settings, passwords: dict[str, str]) -> None:
    """Idempotent: what people changed since stays as they left it."""
    database = Database(settings.database)
    try:
        tokens = TokenIssuer(settings.token_key.get_secret_value())
        directory = StaffDirectory(database, tokens, settings.staff_token_hours)
        await seed_staff(directory, passwords)
        await seed_canned(database)
        encoder = SentenceEncoder(settings.encoder_dir)
        bring_in = seed_knowledge if settings.seed_knowledge == "on" else refresh_published
        indexes = index_store(
            settings.vector_index, settings.milvus_uri, settings.milvus_token.get_secret_value()
        )
        await bring_in(database, settings.knowledge_dir, encoder, say, indexes=indexes)
    except Unavailable as error:
        raise LauncherError(str(error)) from error
    finally:
        await database.close()
