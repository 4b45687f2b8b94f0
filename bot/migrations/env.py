"""Runs migrations against the database of the settings."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from bot.migrations import tables
from core.database import Base, UtcDateTime
from core.settings import get_settings

tables.load()


def _render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    # A migration must not change when our own column type does.
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True,
        compare_type=True, render_item=_render,
    )  # fmt: skip
    with context.begin_transaction():
        context.run_migrations()


async def _main() -> None:
    settings = get_settings()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(settings.database)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_main())
