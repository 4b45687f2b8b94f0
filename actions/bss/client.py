"""The operator's systems behind one object: the sandbox, or whatever ``CHANGDA_BSS_URL`` names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import httpx

from actions.bss.accounts import Accounts
from actions.bss.care import Care
from actions.bss.errors import BssUnavailable
from actions.bss.models import Customer, Holdings, Ticket
from actions.bss.services import CatalogueReader, Identity, Orders
from actions.bss.transport import Transport
from core.settings import Settings

OPEN_TICKET = ("acknowledged", "pending", "held", "inProgress")


@dataclass(frozen=True)
class CustomerProfile:
    """What a person should see of a customer before the first word."""

    customer: Customer
    holdings: Holdings
    balance: Decimal
    open_tickets: tuple[Ticket, ...]


class OperatorClient:
    """Areas: ``accounts``, ``catalogue``, ``orders``, ``identity``, ``care``.

    Every method raises BssUnavailable, BssNotFound or BssRefused, with words for customers.
    """

    def __init__(
        self, base_url: str, timeout_s: float = 2.0, http: httpx.AsyncClient | None = None
    ) -> None:
        self._transport = Transport(base_url, timeout_s, http)
        self.accounts = Accounts(self._transport)
        self.catalogue = CatalogueReader(self._transport)
        self.orders = Orders(self._transport)
        self.identity = Identity(self._transport)
        self.care = Care(self._transport)

    @classmethod
    def from_settings(cls, settings: Settings) -> OperatorClient:
        return cls(settings.bss, settings.bss_timeout_s)

    async def catalogue_facts(self) -> dict[str, str]:
        """Facts for ``knowledge_base.rendering``, at most a minute old."""
        return await self.catalogue.facts()

    async def profile(self, customer_id: str) -> CustomerProfile:
        """Four reads at the same time."""
        customer, holdings, balance, tickets = await asyncio.gather(
            self.accounts.customer(customer_id),
            self.accounts.holdings(customer_id),
            self.accounts.balance(customer_id),
            self.care.tickets(customer_id),
        )
        still_open = tuple(ticket for ticket in tickets if ticket.status in OPEN_TICKET)
        return CustomerProfile(customer, holdings, balance, still_open)

    async def healthy(self) -> bool:
        """Whether the catalogue can be read."""
        try:
            await self.catalogue.catalogue()
        except BssUnavailable:
            return False
        return True

    async def close(self) -> None:
        await self._transport.close()
