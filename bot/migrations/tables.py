"""Makes every table known to the shared metadata."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "core.transcript",
    "core.outbox",
    "core.staff",
    "knowledge_base.models",
    "handoff.models",
    "handoff.integration.models",
    "bot.identity.models",
    "bot.gateway.push",
    "bot.channels.contacts",
    "bot.channels.wecom.log_reader",
)


def load() -> None:
    """Imports each module that declares tables."""
    for module in MODULES:
        import_module(module)
