"""One running system for all end-to-end tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system import Customer, StaffMember, System, start_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = start_system(tmp_path_factory.mktemp("system"))
    yield running
    running.stop()


@pytest.fixture
def customer(system: System) -> Customer:
    system.wait_until_ready()
    return Customer(system)


@pytest.fixture(scope="session")
def agent(system: System) -> StaffMember:
    member = StaffMember(system, "agent01")
    member.put("/agents/me/status", {"status": "online"})
    return member


@pytest.fixture(scope="session")
def editor(system: System) -> StaffMember:
    return StaffMember(system, "editor01")
