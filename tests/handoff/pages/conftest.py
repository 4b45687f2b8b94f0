"""Staff pages in Chromium, against the real app."""

from __future__ import annotations

from tests.browser import open_page, serve
from tests.handoff.pages.desk_world import (
    desk_server,
    desk_settings,
    dialogue,
    sign_in,
    world,
)

__all__ = ["desk_server", "desk_settings", "dialogue", "open_page", "serve", "sign_in", "world"]
