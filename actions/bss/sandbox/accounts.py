"""Reading resources: 629 customers, 637 products, 678 bills, 635 usage, 654 buckets and top-ups."""

# ruff: noqa: N815 (TM Forum's own field names)

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from actions.bss.sandbox import views
from actions.bss.sandbox.calendar import month_start, today
from actions.bss.sandbox.errors import TmfError, missing
from actions.bss.sandbox.state import Account, State

router = APIRouter(prefix="/tmf-api")
Fields = Annotated[str | None, Query()]
Offset = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Party = Annotated[str, Query(alias="relatedParty.id", min_length=1)]


def state(request: Request) -> State:
    """The sandbox's state."""
    found: State = request.app.state.sandbox
    return found


def answer(content: Any) -> Response:
    """JSON straight to the wire: the views build it from typed values, so nothing is left to check."""
    return Response(orjson.dumps(content), media_type="application/json")


def _by_account(request: Request, account_id: str) -> Account:
    return state(request).account(account_id.removeprefix("A"))


@router.get("/customerManagement/v4/customer")
async def customers(
    request: Request,
    phone: Annotated[
        str, Query(alias="contactMedium.characteristic.phoneNumber", pattern=r"^\d{11}$")
    ],
) -> Response:
    everyone = state(request).accounts.values()
    return answer([views.customer(a) for a in everyone if a.seed.phone == phone])


@router.get("/customerManagement/v4/customer/{customer_id}")
async def one_customer(request: Request, customer_id: str) -> Response:
    return answer(views.customer(state(request).account(customer_id)))


@router.get("/productInventory/v4/product")
async def products(
    request: Request, party: Party, status: str | None = None, fields: Fields = None,
    offset: Offset = 0, limit: Limit = 100,
) -> Response:  # fmt: skip
    account = state(request).account(party)
    found = [
        views.product(account, item)
        for item in account.products
        if status is None or item.status in status.split(",")
    ]
    return answer(views.pick(found, fields, offset, limit))


@router.get("/customerBillManagement/v4/customerBill")
async def bills(
    request: Request, account_id: Annotated[str, Query(alias="billingAccount.id")],
    fields: Fields = None, offset: Offset = 0, limit: Limit = 12,
) -> Response:  # fmt: skip
    account, catalogue = _by_account(request, account_id), state(request).seed.catalogue
    kept = min(views.BILLS_KEPT, account.seed.since_months)
    found = [views.bill(account, n, catalogue) for n in range(kept + 1)]
    return answer(views.pick(found, fields, offset, limit))


@router.get("/customerBillManagement/v4/appliedCustomerBillingRate")
async def billing_rates(
    request: Request, bill: Annotated[str, Query(alias="bill.id", pattern=r"^B-\d+-\d{4}-\d{2}$")]
) -> Response:
    _, customer_id, year, month = bill.split("-")
    account = state(request).account(customer_id)
    current = today()
    months_back = (current.year - int(year)) * 12 + current.month - int(month)
    if not 0 <= months_back <= views.BILLS_KEPT:
        raise missing("这个月的账单")
    return answer(views.rates(account, months_back, state(request).seed.catalogue))


@router.get("/usageManagement/v4/usage")
async def usage(
    request: Request, party: Party,
    first: Annotated[date | None, Query(alias="usageDate.gte")] = None,
    last: Annotated[date | None, Query(alias="usageDate.lte")] = None,
    kind: Annotated[str | None, Query(alias="usageType")] = None,
    fields: Fields = None, offset: Offset = 0, limit: Limit = 1000,
) -> Response:  # fmt: skip
    account = state(request).account(party)
    found = [
        item
        for item in views.usages(account, first or month_start(0), last or today())
        if kind is None or item["usageType"] == kind
    ]
    return answer(views.pick(found, fields, offset, limit))


@router.get("/prepayBalanceManagement/v4/bucket")
async def buckets(
    request: Request, account_id: Annotated[str, Query(alias="partyAccount.id")]
) -> Response:
    return answer(views.buckets(_by_account(request, account_id), state(request).seed.catalogue))


class Amount(BaseModel):
    amount: Decimal = Field(ge=Decimal("1"), le=Decimal("500"), decimal_places=2)
    units: str = "CNY"


class Resource(BaseModel):
    value: str = Field(pattern=r"^1[3-9]\d{9}$")


class TopUp(BaseModel):
    """654 topupBalance: money for a number."""

    externalId: str | None = None
    amount: Amount
    logicalResource: Resource
    channel: dict[str, Any] = {}


@router.post("/prepayBalanceManagement/v4/topupBalance", status_code=201)
async def top_up(request: Request, order: TopUp) -> dict[str, Any]:
    here = state(request)
    account = here.by_phone(order.logicalResource.value)

    def make() -> dict[str, Any]:
        account.balance += order.amount.amount
        resumed = account.mobile.reason == "arrears" and account.balance >= 0
        if resumed:
            account.mobile.status, account.mobile.reason = "active", None
        return views.stamp(
            {
                "id": here.number("CZ"),
                "externalId": order.externalId,
                "status": "completed",
                "amount": {"amount": float(order.amount.amount), "units": "CNY"},
                "balance": {"amount": float(account.balance), "units": "CNY"},
                "resumed": resumed,
            }
        )

    return here.once("topup", order.externalId, make)


@router.get("/prepayBalanceManagement/v4/topupBalance")
async def no_topup_list() -> None:
    raise TmfError(405, "not_supported", "充值记录请在账单中查询。")
