"""622 productOrder: plan changes, add-ons, cancellations, suspension and resumption."""

# ruff: noqa: N815 (TM Forum's own field names)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from actions.bss.sandbox.accounts import state
from actions.bss.sandbox.calendar import at, month_end, month_start, today
from actions.bss.sandbox.errors import TmfError, missing
from actions.bss.sandbox.state import Account, Product, State
from actions.bss.sandbox.views import stamp

router = APIRouter(prefix="/tmf-api/productOrderingManagement/v4")


class Ref(BaseModel):
    id: str
    role: str | None = None


class ProductPart(BaseModel):
    """The product an item is about; ``status`` asks for suspension or resumption."""

    # ruff: noqa: N815 (TM Forum's own field names)

    id: str | None = None
    status: Literal["active", "suspended"] | None = None
    productCharacteristic: list[dict[str, Any]] = []

    def trait(self, name: str) -> str | None:
        found = (c.get("value") for c in self.productCharacteristic if c.get("name") == name)
        value = next(found, None)
        return None if value is None else str(value)


class Item(BaseModel):
    id: str = "1"
    action: Literal["add", "modify", "delete"]
    productOffering: Ref | None = None
    product: ProductPart = ProductPart()


class Order(BaseModel):
    externalId: str | None = None
    relatedParty: list[Ref] = Field(min_length=1)
    productOrderItem: list[Item] = Field(min_length=1, max_length=1)


@router.post("/productOrder", status_code=201)
async def place(request: Request, order: Order) -> dict[str, Any]:
    here = state(request)
    account = here.account(order.relatedParty[0].id)
    item = order.productOrderItem[0]
    work = _WORK[_kind(here, item)]

    def make() -> dict[str, Any]:
        effective, product = work(here, account, item)
        shape = stamp(
            {
                "id": here.number("DD"),
                "externalId": order.externalId,
                "state": "completed" if effective == today() else "acknowledged",
                "requestedStartDate": at(effective),
                "expectedCompletionDate": at(effective),
                "relatedParty": [{"id": account.seed.id, "role": "customer"}],
                "productOrderItem": [
                    {"id": "1", "action": item.action, "product": {
                        "id": product.id, "name": product.name, "status": product.status}}
                ],
            }
        )  # fmt: skip
        here.orders[shape["id"]] = shape
        return shape

    return here.once("order", order.externalId, make)


@router.get("/productOrder/{order_id}")
async def one_order(request: Request, order_id: str) -> dict[str, Any]:
    found = state(request).orders.get(order_id)
    if found is None:
        raise missing("这个订单")
    return found


def _kind(here: State, item: Item) -> str:
    if item.action == "delete":
        return "delete"
    if item.action == "modify" and item.product.status:
        return item.product.status
    offer = _offer(item)
    if offer in here.seed.catalogue.plans_by_id:
        return "plan"
    if offer in here.seed.catalogue.addons_by_id:
        return "addon"
    raise missing("这个商品")


def _offer(item: Item) -> str:
    if item.productOffering is None:
        raise TmfError(400, "invalid_body", "缺少要办理的商品。")
    return item.productOffering.id


def _refuse_arrears(account: Account) -> None:
    if account.balance < 0:
        raise TmfError(
            409, "arrears", f"号码已欠费{-account.balance:.2f}元，请先充值再办理。",
            owed=float(-account.balance),
        )  # fmt: skip


def _change_plan(here: State, account: Account, item: Item) -> tuple[Any, Product]:
    target = here.seed.catalogue.plans_by_id[_offer(item)]
    now = account.mobile
    if target.id == now.offer:
        raise TmfError(409, "same_plan", f"您现在用的就是{target.name}。")
    _refuse_arrears(account)
    if now.status == "suspended":
        raise TmfError(409, "suspended", "号码处于停机状态，请先复机再换套餐。")
    if target.min_age and account.seed.age < target.min_age:
        raise TmfError(409, "age", f"{target.name}限{target.min_age}周岁及以上的客户办理。")
    if now.contract_end and now.contract_end > today() and target.price < now.price:
        raise TmfError(
            409, "contract",
            f"当前套餐的合约到{now.contract_end:%Y年%-m月%-d日}结束，期间不能降档。",
            until=now.contract_end.isoformat(),
        )  # fmt: skip
    # A later wish replaces an earlier one that has not begun.
    account.products = [
        p for p in account.products if not (p.kind == "plan" and p.status == "pendingActive")
    ]
    start = month_start(-1)
    product = Product(
        f"{account.seed.id}-mobile-{start:%Y%m}", target.id, target.name, "plan", start,
        target.price, "month", "智能客服", status="pendingActive",
    )  # fmt: skip
    account.products.append(product)
    return start, product


def _add(here: State, account: Account, item: Item) -> tuple[Any, Product]:
    offer = here.seed.catalogue.addons_by_id[_offer(item)]
    if account.mobile.status == "suspended":
        raise TmfError(409, "suspended", "号码处于停机状态，请先复机再办理。")
    _refuse_arrears(account)
    owned = [p for p in account.products if p.offer == offer.id and p.status == "active"]
    if offer.kind == "vas" and owned:
        raise TmfError(409, "already_owned", f"您已经开通了{offer.name}，不用重复开通。")
    if offer.kind == "data" and account.balance < offer.price:
        raise TmfError(
            409, "balance",
            f"余额{account.balance:.2f}元不够支付{offer.name}的{offer.price:.2f}元。",
            balance=float(account.balance),
        )  # fmt: skip
    if offer.kind == "data":
        account.balance -= offer.price
    traits = {
        str(part["name"]): str(part["value"])
        for part in item.product.productCharacteristic
        if {"name", "value"} <= part.keys()
    }
    country = traits.get("country")
    if offer.kind == "roaming" and country not in here.seed.catalogue.roaming_countries:
        raise TmfError(409, "country", f"{country or '这个地方'}暂时没有开通漫游服务。")
    serial = sum(p.offer == offer.id for p in account.products) + 1
    product = Product(
        f"{account.seed.id}-{offer.id}-{serial}", offer.id, offer.name, offer.kind, today(),
        offer.price, offer.period, "智能客服", traits=traits,
        end=month_end(0) if offer.kind == "data" else None,
    )  # fmt: skip
    account.products.append(product)
    return today(), product


def _delete(here: State, account: Account, item: Item) -> tuple[Any, Product]:
    product = next((p for p in account.products if p.id == item.product.id), None)
    if product is None or product.status in ("terminated", "cancelled"):
        raise missing("这项业务")
    if product.kind in ("plan", "broadband"):
        raise TmfError(409, "not_removable", f"{product.name}不能单独退订。")
    if product.status == "pendingTerminate":
        raise TmfError(409, "already_ending", f"{product.name}已经退订，月底停止。")
    if product.kind == "data":
        raise TmfError(409, "not_removable", "流量包是一次性的，当月有效，到月底自动失效。")
    product.status, product.end = "pendingTerminate", month_end(0)
    return product.end, product


def _suspend(here: State, account: Account, item: Item) -> tuple[Any, Product]:
    mobile = account.mobile
    if mobile.status == "suspended":
        raise TmfError(409, "suspended", "号码现在已经是停机状态。")
    mobile.status = "suspended"
    mobile.reason = item.product.trait("suspendReason") or "voluntary"
    return today(), mobile


def _resume(here: State, account: Account, item: Item) -> tuple[Any, Product]:
    mobile = account.mobile
    if mobile.status == "active":
        raise TmfError(409, "active", "号码现在是正常状态，不用复机。")
    _refuse_arrears(account)
    mobile.status, mobile.reason = "active", None
    return today(), mobile


_WORK: dict[str, Callable[[State, Account, Item], tuple[Any, Product]]] = {
    "plan": _change_plan, "addon": _add, "delete": _delete, "suspended": _suspend,
    "active": _resume,
}  # fmt: skip
