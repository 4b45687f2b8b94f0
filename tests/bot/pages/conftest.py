"""The chat page before a stand-in for the gateway that keeps the same contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bot.pages.fake_gateway import FakeGateway
from tests.browser import Server, open_page, serve

__all__ = ["open_page", "serve"]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def server(gateway: FakeGateway, serve: Callable[[Any], Any]) -> Iterator[Server]:
    with serve(gateway.app) as running:
        yield running
