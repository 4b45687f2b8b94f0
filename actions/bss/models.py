"""The operator's facts as typed values. Money is Decimal yuan; data is Decimal GB."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Tier = Literal["normal", "silver", "gold", "diamond"]
TIER_NAMES = {"normal": "普通", "silver": "银卡", "gold": "金卡", "diamond": "钻石卡"}


@dataclass(frozen=True)
class Customer:
    """629 customer."""

    id: str
    name: str
    phone: str
    account_id: str
    tier: Tier
    age: int | None
    gender: str | None
    points: int
    elderly: bool
    since: date | None


@dataclass(frozen=True)
class Plan:
    """620 productOffering of category plan; ``price`` a month."""

    id: str
    name: str
    price: Decimal
    data_gb: int
    minutes: int
    extras: tuple[str, ...] = ()
    note: str = ""
    min_age: int | None = None


@dataclass(frozen=True)
class Addon:
    """620 productOffering: an add-on or value-added service; ``price`` each ``period``."""

    id: str
    name: str
    price: Decimal
    kind: str
    period: str
    data_gb: int | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """Everything on sale, cheapest plan first. ``rates`` are yuan beyond the plan."""

    plans: tuple[Plan, ...]
    addons: tuple[Addon, ...]
    rates: dict[str, Decimal]

    def plan(self, offer_id: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.id == offer_id), None)

    def addon(self, offer_id: str) -> Addon | None:
        return next((addon for addon in self.addons if addon.id == offer_id), None)


@dataclass(frozen=True)
class Subscription:
    """637 product. ``kind``: plan, broadband, data, roaming or vas."""

    id: str
    offer_id: str
    name: str
    status: str
    kind: str
    price: Decimal
    period: str
    start: date | None
    end: date | None = None
    channel: str = ""
    suspend_reason: str | None = None
    contract_end: date | None = None
    traits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Holdings:
    """What a customer has: the plan in force, the one that follows, the rest."""

    items: tuple[Subscription, ...]

    @property
    def plan(self) -> Subscription | None:
        return next((item for item in self.items if item.kind == "plan" and
                     item.status in ("active", "suspended")), None)  # fmt: skip

    @property
    def next_plan(self) -> Subscription | None:
        return next(
            (i for i in self.items if i.kind == "plan" and i.status == "pendingActive"), None
        )

    @property
    def broadband(self) -> Subscription | None:
        return next((item for item in self.items if item.kind == "broadband"), None)

    @property
    def services(self) -> tuple[Subscription, ...]:
        """Add-ons and value-added services that still run."""
        alive = ("active", "pendingTerminate")
        return tuple(
            i for i in self.items if i.kind in ("vas", "data", "roaming") and i.status in alive
        )


@dataclass(frozen=True)
class BillItem:
    """678 appliedCustomerBillingRate."""

    name: str
    amount: Decimal
    kind: str


@dataclass(frozen=True)
class Bill:
    """678 customerBill; ``month`` as ``2026-10``. ``items`` may be fetched apart."""

    id: str
    month: str
    total: Decimal
    remaining: Decimal
    state: str
    due: date | None
    items: tuple[BillItem, ...] = ()

    @property
    def final(self) -> bool:
        """Whether the month is over and billed."""
        return self.state != "new"


@dataclass(frozen=True)
class Bucket:
    """654 bucket of this month. ``total`` and ``used`` are unknown for money."""

    kind: str
    name: str
    unit: str
    left: Decimal
    total: Decimal | None = None
    used: Decimal | None = None


@dataclass(frozen=True)
class DayUsage:
    """635 usage of one day: ``kind`` data (megabytes of one application), voice or sms."""

    day: date
    kind: str
    amount: int
    application: str = ""


@dataclass(frozen=True)
class TicketNote:
    at: datetime | None
    author: str
    text: str


@dataclass(frozen=True)
class Ticket:
    """621 troubleTicket. ``history`` lists (when, status), oldest first."""

    id: str
    kind: str
    status: str
    description: str
    severity: str
    created: datetime | None
    history: tuple[tuple[datetime | None, str], ...] = ()
    notes: tuple[TicketNote, ...] = ()


@dataclass(frozen=True)
class Outage:
    """656 serviceProblem: a fault the operator already works on."""

    id: str
    title: str
    area: str
    started: datetime | None
    expected: datetime | None


@dataclass(frozen=True)
class OrderResult:
    """622 productOrder: accepted; ``effective`` is when it takes effect."""

    id: str
    state: str
    product: str
    effective: date | None


@dataclass(frozen=True)
class TopUp:
    """654 topupBalance: paid in. ``resumed``: the number works again because of it."""

    id: str
    amount: Decimal
    balance: Decimal
    resumed: bool


@dataclass(frozen=True)
class Receipt:
    """Number of a small write (password, invoice), and the masked phone told about it."""

    id: str
    sent_to: str


@dataclass(frozen=True)
class Store:
    name: str
    address: str
    hours: str
