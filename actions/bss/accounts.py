"""Reads of a customer's own data: 629, 637, 678, 635, 654."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

from actions.bss import models, parsing
from actions.bss.errors import BssNotFound, BssUnavailable
from actions.bss.transport import Transport

CUSTOMERS = "/tmf-api/customerManagement/v4/customer"
PRODUCTS = "/tmf-api/productInventory/v4/product"
BILLS = "/tmf-api/customerBillManagement/v4/customerBill"
RATES = "/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"
USAGE = "/tmf-api/usageManagement/v4/usage"
BUCKETS = "/tmf-api/prepayBalanceManagement/v4/bucket"
TOPUPS = "/tmf-api/prepayBalanceManagement/v4/topupBalance"


def account_of(customer_id: str) -> str:
    """The billing account of a customer at this operator."""
    return f"A{customer_id}"


class Accounts:
    """All methods raise BssError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def customer(self, customer_id: str) -> models.Customer:
        """TMF629."""
        return parsing.customer(await self._transport.get(f"{CUSTOMERS}/{customer_id}"))

    async def by_phone(self, phone: str) -> models.Customer:
        """TMF629; raises BssNotFound when nobody has this number."""
        found = await self._transport.get(
            CUSTOMERS, **{"contactMedium.characteristic.phoneNumber": phone}
        )
        if not found:
            raise BssNotFound("没有查到这个号码，请核对一下。")
        return parsing.customer(found[0])

    async def holdings(self, customer_id: str) -> models.Holdings:
        """TMF637: everything the customer has."""
        found = await self._transport.get(PRODUCTS, **{"relatedParty.id": customer_id})
        return models.Holdings(tuple(parsing.subscription(shape) for shape in found))

    async def buckets(self, customer_id: str) -> tuple[models.Bucket, ...]:
        """TMF654: money and this month's allowances."""
        found = await self._transport.get(BUCKETS, **{"partyAccount.id": account_of(customer_id)})
        return tuple(parsing.bucket(shape) for shape in found)

    async def balance(self, customer_id: str) -> Decimal:
        """Yuan; below zero is owed."""
        for bucket in await self.buckets(customer_id):
            if bucket.kind == "monetary":
                return bucket.left
        raise BssUnavailable

    async def bills(self, customer_id: str, limit: int = 8) -> tuple[models.Bill, ...]:
        """TMF678, newest first, without items; the current month's (state ``new``) included."""
        params: dict[str, str | int] = {
            "billingAccount.id": account_of(customer_id), "limit": limit,
        }  # fmt: skip
        found = await self._transport.get(BILLS, **params)
        return tuple(sorted((parsing.bill(s) for s in found), key=lambda b: b.month, reverse=True))

    async def itemised(self, *bills: models.Bill) -> tuple[models.Bill, ...]:
        """The same bills with their items, fetched at the same time."""
        found = await asyncio.gather(
            *(self._transport.get(RATES, **{"bill.id": bill.id}) for bill in bills)
        )
        return tuple(
            replace(bill, items=tuple(parsing.bill_item(shape) for shape in shapes))
            for bill, shapes in zip(bills, found, strict=True)
        )

    async def usage(self, customer_id: str, first: date, last: date) -> tuple[models.DayUsage, ...]:
        """TMF635: by day; data also by kind of application."""
        found = await self._transport.get(
            USAGE, **{"relatedParty.id": customer_id, "usageDate.gte": first.isoformat(),
                      "usageDate.lte": last.isoformat()},
        )  # fmt: skip
        return tuple(parsing.day_usage(shape) for shape in found)

    async def top_up(self, phone: str, amount: Decimal, key: str) -> models.TopUp:
        """TMF654 topupBalance. ``key`` makes a repetition harmless."""
        body = {
            "externalId": key,
            "amount": {"amount": str(amount), "units": "CNY"},
            "logicalResource": {"value": phone},
            "channel": {"name": "智能客服"},
        }
        return parsing.top_up(await self._transport.post(TOPUPS, body))
