"""What changes while the demo operator runs. A restart, or a reset, brings the seed back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from actions.bss.sandbox.calendar import month_start, today
from actions.bss.sandbox.errors import missing
from actions.bss.sandbox.seed import CustomerSeed, DemoOperator


@dataclass
class Product:
    """Something a customer has. ``status`` in TM Forum's words."""

    id: str
    offer: str
    name: str
    kind: str
    start: date
    price: Decimal
    period: str
    channel: str
    status: str = "active"
    end: date | None = None
    reason: str | None = None
    contract_end: date | None = None
    traits: dict[str, str] = field(default_factory=dict)


@dataclass
class Account:
    """A customer as of now."""

    seed: CustomerSeed
    balance: Decimal
    points: int
    products: list[Product]

    @property
    def mobile(self) -> Product:
        """The main plan in force."""
        return next(
            p for p in self.products if p.kind == "plan" and p.status in ("active", "suspended")
        )


class State:
    """All accounts, orders, tickets and codes of the running sandbox.

    Args:
        seed: the demo operator.
        testing: lifts the SMS limit.
    """

    def __init__(self, seed: DemoOperator, testing: bool = False) -> None:
        self.seed, self.testing = seed, testing
        self.reset()

    def reset(self) -> None:
        """Back to the seed."""
        self._numbers: dict[str, int] = {}
        self.accounts = {person.id: self._open(person) for person in self.seed.customers}
        self.orders: dict[str, dict[str, Any]] = {}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.interactions: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, Any] = {}
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        self.faults: list[dict[str, Any]] = []

    def account(self, customer_id: str) -> Account:
        """Raises a 404."""
        found = self.accounts.get(customer_id)
        if found is None:
            raise missing("这个客户")
        return found

    def by_phone(self, phone: str) -> Account:
        """Raises a 404."""
        for account in self.accounts.values():
            if account.seed.phone == phone:
                return account
        raise missing("这个号码")

    def number(self, prefix: str, digits: int = 4) -> str:
        """Next readable number of a kind: ``WO202611230001``."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}{today():%Y%m%d}{self._numbers[prefix]:0{digits}d}"

    def once(
        self, kind: str, external_id: str | None, make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """Runs a write, or returns what the same ``externalId`` made before."""
        key = (kind, external_id or secrets.token_hex(8))
        if key not in self.done:
            self.done[key] = make()
        return self.done[key]

    def _open(self, person: CustomerSeed) -> Account:
        products = [self._plan_product(person)]
        for item in person.products:
            offer = self.seed.catalogue.addons_by_id[item.offer]
            products.append(
                Product(
                    f"{person.id}-{offer.id}",
                    offer.id,
                    offer.name,
                    offer.kind,
                    _since(item.since_months),
                    offer.price,
                    offer.period,
                    item.channel,
                )
            )
        if line := person.broadband:
            products.append(
                Product(
                    f"{person.id}-broadband",
                    "broadband",
                    line.name,
                    "broadband",
                    _since(person.since_months),
                    Decimal(0),
                    "month",
                    "随套餐赠送",
                    traits={
                        "account": line.account,
                        "address": line.address,
                        "mbps": str(line.mbps),
                    },
                )
            )
        return Account(person, person.balance, person.points, products)

    def _plan_product(self, person: CustomerSeed) -> Product:
        plan = self.seed.catalogue.plans_by_id[person.plan]
        days = person.contract_ends_in_days
        return Product(
            f"{person.id}-mobile",
            plan.id,
            plan.name,
            "plan",
            _since(min(person.since_months, 24)),
            plan.price,
            "month",
            "营业厅办理",
            status="suspended" if person.suspended else "active",
            reason=person.suspended,
            contract_end=None if days is None else date.fromordinal(today().toordinal() + days),
        )


def _since(months: int) -> date:
    # The 6th, so that "opened last month" holds on every day of this month.
    return month_start(months).replace(day=6)
