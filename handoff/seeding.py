"""Demo staff: people for every group, so that a fresh system can be tried at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.staff import Role, StaffDirectory
from handoff.routing import SKILL_GROUPS


@dataclass(frozen=True)
class DemoStaff:
    """One demo account."""

    username: str
    display_name: str
    roles: list[Role]
    skill_groups: list[str] = field(default_factory=list)


DEMO_STAFF = (
    DemoStaff("agent01", "林小雨", ["agent"], list(SKILL_GROUPS)),
    DemoStaff("agent02", "周明", ["agent"], ["billing", "packages", "general"]),
    DemoStaff("agent03", "何静", ["agent"], ["technical", "general"]),
    DemoStaff("agent04", "孙磊", ["agent"], ["complaints", "retention"]),
    DemoStaff("agent05", "郑婷", ["agent"], ["vip", "billing", "packages"]),
    DemoStaff("supervisor01", "吴主管", ["supervisor"]),
    DemoStaff("editor01", "知识编辑小夏", ["editor"]),
    DemoStaff("editor02", "知识编辑老秦", ["editor"]),
)


async def seed_staff(directory: StaffDirectory, passwords: Mapping[str, str]) -> None:
    """Creates the demo accounts that ``passwords`` (username → password) names, or renews them."""
    for person in DEMO_STAFF:
        if person.username in passwords:
            await directory.create(
                person.username,
                passwords[person.username],
                person.display_name,
                person.roles,
                person.skill_groups,
            )
