"""620 productCatalogManagement: offerings and prices, and the rates beyond a plan."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from actions.bss.sandbox.accounts import Fields, Limit, Offset, state
from actions.bss.sandbox.errors import missing
from actions.bss.sandbox.seed import AddonSeed, CatalogueSeed, PlanSeed
from actions.bss.sandbox.views import money, pick

router = APIRouter(prefix="/tmf-api/productCatalogManagement/v4")


def _offering(offer: PlanSeed | AddonSeed, category: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": offer.id,
        "href": f"/tmf-api/productCatalogManagement/v4/productOffering/{offer.id}",
        "name": offer.name,
        "lifecycleStatus": "Active",
        "isSellable": True,
        "isBundle": bool(values.get("broadband_mbps")),
        "category": [{"id": category, "name": category}],
        "channel": [{"id": "online", "name": "线上"}],
        "productOfferingPrice": [
            {
                "id": f"{offer.id}-price",
                "priceType": "oneTime" if values.get("period") == "once" else "recurring",
                "recurringChargePeriodType": values.get("period", "month"),
                "price": money(offer.price),
            }
        ],
        "prodSpecCharValueUse": [
            {"name": name, "productSpecCharacteristicValue": [{"value": value}]}
            for name, value in values.items()
            if value not in (None, [], "", False)
        ],
    }


def offerings(catalogue: CatalogueSeed) -> list[dict[str, Any]]:
    """Every offering, and one of category ``rate`` for each rate beyond the plans."""
    plans = [
        _offering(plan, "plan", plan.model_dump(exclude={"id", "name", "price"}))
        for plan in catalogue.plans
    ]
    addons = [
        _offering(addon, addon.kind, addon.model_dump(exclude={"id", "name", "price", "kind"}))
        for addon in catalogue.addons
    ]
    rates = [
        {
            "id": f"rate-{name}",
            "name": name,
            "lifecycleStatus": "Active",
            "isSellable": False,
            "category": [{"id": "rate", "name": "rate"}],
            "productOfferingPrice": [{"priceType": "usage", "price": money(value)}],
        }
        for name, value in catalogue.rates.items()
    ]
    return plans + addons + rates


@router.get("/productOffering")
async def list_offerings(
    request: Request, fields: Fields = None, offset: Offset = 0, limit: Limit = 200
) -> list[Any]:
    return pick(offerings(state(request).seed.catalogue), fields, offset, limit)


@router.get("/productOffering/{offer_id}")
async def one_offering(request: Request, offer_id: str) -> dict[str, Any]:
    for offer in offerings(state(request).seed.catalogue):
        if offer["id"] == offer_id:
            return offer
    raise missing("这个商品")
