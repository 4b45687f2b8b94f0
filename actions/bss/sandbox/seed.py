"""Reads ``data/demo``: the catalogue and the customers, checked once at start."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field

from core.settings import ROOT

DEMO_DIR = ROOT / "data" / "demo"


class PlanSeed(BaseModel):
    """A main plan. ``price`` is yuan a month."""

    id: str
    name: str
    price: Decimal
    data_gb: int
    minutes: int
    min_age: int | None = None
    broadband_mbps: int | None = None
    iptv: bool = False
    extras: list[str] = []
    note: str = ""


class AddonSeed(BaseModel):
    """An add-on or value-added service; ``period`` says how ``price`` recurs."""

    id: str
    name: str
    price: Decimal
    kind: Literal["data", "roaming", "vas"]
    period: Literal["once", "day", "month"]
    data_gb: int | None = None
    aliases: list[str] = []


class CatalogueSeed(BaseModel):
    """Everything on sale."""

    plans: list[PlanSeed]
    addons: list[AddonSeed]
    rates: dict[str, Decimal]
    roaming_countries: list[str]

    @cached_property
    def plans_by_id(self) -> dict[str, PlanSeed]:
        return {plan.id: plan for plan in self.plans}

    @cached_property
    def addons_by_id(self) -> dict[str, AddonSeed]:
        return {addon.id: addon for addon in self.addons}


class ProductSeed(BaseModel):
    """An add-on a customer has."""

    offer: str
    since_months: int
    channel: str


class UsageSeed(BaseModel):
    """A month's use: GB, minutes, messages."""

    data: Decimal
    minutes: int
    sms: int


class BroadbandSeed(BaseModel):
    account: str
    name: str
    mbps: int
    address: str


class CustomerSeed(BaseModel):
    """One customer with one mobile number."""

    id: str
    phone: str
    name: str
    gender: str
    age: int
    tier: Literal["normal", "silver", "gold", "diamond"]
    since_months: int
    balance: Decimal
    points: int
    plan: str
    suspended: Literal["arrears", "lost", "voluntary"] | None = None
    contract_ends_in_days: int | None = None
    broadband: BroadbandSeed | None = None
    products: list[ProductSeed] = []
    bills: dict[str, list[tuple[str, Decimal, str]]]
    usage: dict[str, UsageSeed]

    def bill_lines(self, offset: int) -> list[tuple[str, Decimal, str]]:
        """The lines of a month's bill: name, yuan, type."""
        return self.bills.get(str(offset), self.bills["usual"])

    def used(self, offset: int) -> UsageSeed:
        return self.usage.get(str(offset), self.usage["usual"])


class OutageSeed(BaseModel):
    id: str
    area: str
    title: str
    service: str
    started_hours_ago: int
    expected_hours: int = Field(ge=0)


class DemoOperator(BaseModel):
    """The whole seed."""

    catalogue: CatalogueSeed
    customers: list[CustomerSeed]
    outages: list[OutageSeed]


@lru_cache(maxsize=4)
def load_seed(folder: Path = DEMO_DIR) -> DemoOperator:
    """Raises pydantic.ValidationError when the files do not fit."""
    catalogue: Any = yaml.safe_load((folder / "catalogue.yml").read_text("utf-8"))
    people: Any = yaml.safe_load((folder / "customers.yml").read_text("utf-8"))
    return DemoOperator.model_validate({"catalogue": catalogue, **people})
