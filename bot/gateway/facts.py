"""What the operator knows of a customer, gathered for the agent's screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from actions.bss.client import CustomerProfile, OperatorClient
from actions.bss.models import Ticket
from core.clock import local_now
from core.security import mask


class OperatorFacts:
    """Implements the handoff's ``CustomerFacts`` with the operator's systems."""

    def __init__(self, operator: OperatorClient) -> None:
        self._operator = operator

    async def __call__(self, customer_id: str | None, phone: str | None) -> Mapping[str, Any]:
        """Fields of the context package's customer, and the open tickets.

        Raises:
            BssUnavailable, BssNotFound: nothing can be said now.
        """
        if customer_id is None and phone is not None:
            customer_id = (await self._operator.accounts.by_phone(phone)).id
        if customer_id is None:
            return {}
        return facts_of(await self._operator.profile(customer_id), local_now().date())


def facts_of(profile: CustomerProfile, today: date) -> dict[str, Any]:
    """The profile in the words of the context package; amounts with two decimals."""
    customer, plan = profile.customer, profile.holdings.plan
    months = None
    if customer.since is not None:
        months = (today.year - customer.since.year) * 12 + today.month - customer.since.month
    ends = [item.contract_end for item in profile.holdings.items if item.contract_end]
    arrears = max(Decimal(0), -profile.balance)
    return {
        "name": customer.name,
        "masked_phone": mask(customer.phone),
        "tier": customer.tier,
        "elderly": customer.elderly,
        "tenure_months": months,
        "plan": plan.name if plan else None,
        "balance": f"{profile.balance:.2f}",
        "arrears": f"{arrears:.2f}" if arrears else None,
        "contract_end": min(ends).isoformat() if ends else None,
        "open_tickets": [_ticket(ticket) for ticket in profile.open_tickets],
    }


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "kind": ticket.kind,
        "status": ticket.status,
        "title": mask(ticket.description),
        "created_at": ticket.created.isoformat() if ticket.created else None,
    }
