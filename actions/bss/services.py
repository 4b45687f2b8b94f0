"""The catalogue (620), orders (622), and identity and other small services of the operator."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from actions.bss import models, parsing
from actions.bss.transport import Transport

OFFERINGS = "/tmf-api/productCatalogManagement/v4/productOffering"
ORDERS = "/tmf-api/productOrderingManagement/v4/productOrder"
OPERATOR = "/operator-api/v1"
CATALOGUE_LIFE_S = 60.0


class CatalogueReader:
    """The catalogue, kept for a minute."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._kept: tuple[float, models.Catalogue] | None = None

    async def catalogue(self) -> models.Catalogue:
        """TMF620. Raises BssError."""
        if self._kept and time.monotonic() - self._kept[0] < CATALOGUE_LIFE_S:
            return self._kept[1]
        found = parsing.catalogue(await self._transport.get(OFFERINGS, limit=200))
        self._kept = (time.monotonic(), found)
        return found

    async def facts(self) -> dict[str, str]:
        """What answers of the knowledge base may name: ``offer.<id>.<field>``, ``rate.<name>``."""
        catalogue = await self.catalogue()
        facts = {f"rate.{name}": plain(value) for name, value in catalogue.rates.items()}
        offers: list[models.Plan | models.Addon] = [*catalogue.plans, *catalogue.addons]
        for offer in offers:
            values: dict[str, object] = {
                "name": offer.name,
                "price": plain(offer.price),
                "data_gb": offer.data_gb,
            }
            if isinstance(offer, models.Plan):
                values |= {
                    "minutes": offer.minutes, "min_age": offer.min_age, "note": offer.note or None,
                    "extras": "、".join(offer.extras) or None,
                }  # fmt: skip
            facts |= {
                f"offer.{offer.id}.{name}": str(value)
                for name, value in values.items()
                if value is not None
            }
        return facts


def plain(amount: Decimal) -> str:
    """``59`` or ``0.10``: yuan as people write prices."""
    whole = amount.to_integral()
    return str(whole) if amount == whole else f"{amount:.2f}"


class Orders:
    """TMF622. Every method takes an idempotency ``key`` and raises BssError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def _place(self, customer_id: str, key: str, item: dict[str, Any]) -> models.OrderResult:
        body = {
            "externalId": key,
            "relatedParty": [{"id": customer_id, "role": "customer"}],
            "productOrderItem": [{"id": "1", **item}],
        }
        return parsing.order(await self._transport.post(ORDERS, body))

    async def change_plan(self, customer_id: str, offer_id: str, key: str) -> models.OrderResult:
        item = {"action": "modify", "productOffering": {"id": offer_id}}
        return await self._place(customer_id, key, item)

    async def add(
        self, customer_id: str, offer_id: str, key: str, **traits: str
    ) -> models.OrderResult:
        features = [{"name": name, "value": value} for name, value in traits.items()]
        item = {
            "action": "add", "productOffering": {"id": offer_id},
            "product": {"productCharacteristic": features},
        }  # fmt: skip
        return await self._place(customer_id, key, item)

    async def cancel(self, customer_id: str, product_id: str, key: str) -> models.OrderResult:
        item = {"action": "delete", "product": {"id": product_id}}
        return await self._place(customer_id, key, item)

    async def suspend(self, customer_id: str, reason: str, key: str) -> models.OrderResult:
        """``reason``: lost or voluntary."""
        traits = [{"name": "suspendReason", "value": reason}]
        product = {"status": "suspended", "productCharacteristic": traits}
        return await self._place(customer_id, key, {"action": "modify", "product": product})

    async def resume(self, customer_id: str, key: str) -> models.OrderResult:
        item = {"action": "modify", "product": {"status": "active"}}
        return await self._place(customer_id, key, item)


class Identity:
    """SMS codes, passwords, invoices, stores: the operator's own API. Raises BssError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send_code(self, phone: str) -> None:
        """An SMS code to a number. Raises BssRefused (too_many_codes)."""
        await self._transport.post(f"{OPERATOR}/verificationCodes", {"phone": phone})

    async def check_code(self, phone: str, code: str) -> models.Customer:
        """Raises BssRefused (wrong_code with attemptsLeft, code_expired, code_locked)."""
        answer = await self._transport.post(
            f"{OPERATOR}/verificationCodes/check", {"phone": phone, "code": code}
        )
        return parsing.customer(answer["customer"])

    async def reset_password(self, customer_id: str, key: str) -> models.Receipt:
        body = {"customerId": customer_id, "externalId": key}
        return parsing.receipt(await self._transport.post(f"{OPERATOR}/passwordResets", body))

    async def invoice(
        self, customer_id: str, month: str, title: str, amount: Decimal, key: str
    ) -> models.Receipt:
        body = {
            "customerId": customer_id, "month": month, "title": title, "amount": float(amount),
            "externalId": key,
        }  # fmt: skip
        return parsing.receipt(await self._transport.post(f"{OPERATOR}/invoices", body))

    async def stores(self, place: str) -> tuple[models.Store, ...]:
        found = await self._transport.get(f"{OPERATOR}/stores", place=place)
        return tuple(parsing.store(shape) for shape in found)
