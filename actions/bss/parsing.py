"""TM Forum JSON → models. A field missing that an answer needs raises BssUnavailable: no guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, TypeVar

from actions.bss import models
from actions.bss.errors import BssUnavailable
from core.clock import LOCAL_ZONE

CENT = Decimal("0.01")
T = TypeVar("T")
Json = dict[str, Any]


def strict(parse: Callable[[Json], T]) -> Callable[[Json], T]:
    """Turns a shape that does not fit into BssUnavailable."""

    @wraps(parse)
    def checked(shape: Json) -> T:
        try:
            return parse(shape)
        except (KeyError, IndexError, TypeError, ValueError, InvalidOperation) as error:
            raise BssUnavailable from error

    return checked


def yuan(shape: Json) -> Decimal:
    """Money {"unit", "value"}."""
    return Decimal(str(shape["value"])).quantize(CENT)


def quantity(value: Any) -> Decimal:
    """A number without superfluous zeros: 58.6, 200."""
    number = Decimal(str(value))
    return number.quantize(Decimal(1)) if number == number.to_integral() else number.normalize()


def moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value).astimezone(LOCAL_ZONE) if value else None


def day(value: str | None) -> date | None:
    found = moment(value)
    return found.date() if found else None


def traits(shape: Json, key: str) -> Json:
    """A list of {"name", "value"} as a mapping."""
    return {item["name"]: item.get("value") for item in shape.get(key, [])}


@strict
def customer(shape: Json) -> models.Customer:
    extra = traits(shape, "characteristic")
    mobile = next(m for m in shape["contactMedium"] if m["mediumType"] == "mobile")
    tier = extra.get("tier")
    return models.Customer(
        id=shape["id"],
        name=shape["name"],
        phone=mobile["characteristic"]["phoneNumber"],
        account_id=shape["account"][0]["id"],
        tier=tier if tier in models.TIER_NAMES else "normal",
        age=None if extra.get("age") is None else int(extra["age"]),
        gender=extra.get("gender"),
        points=int(extra.get("points") or 0),
        elderly=bool(extra.get("elderly")),
        since=day(shape.get("validFor", {}).get("startDateTime")),
    )


@strict
def subscription(shape: Json) -> models.Subscription:
    extra = traits(shape, "productCharacteristic")
    price = shape["productPrice"][0]
    terms = shape.get("productTerm", [])
    return models.Subscription(
        id=shape["id"],
        offer_id=shape["productOffering"]["id"],
        name=shape["name"],
        status=shape["status"],
        kind=str(extra.get("kind", "")),
        price=yuan(price["price"]["taxIncludedAmount"]),
        period=price.get("recurringChargePeriod", "once"),
        start=day(shape.get("startDate")),
        end=day(shape.get("terminationDate")),
        channel=str(extra.get("channel") or ""),
        suspend_reason=extra.get("suspendReason"),
        contract_end=day(terms[0]["validFor"].get("endDateTime")) if terms else None,
        traits={name: str(value) for name, value in extra.items()},
    )


def _uses(shape: Json) -> Json:
    return {
        use["name"]: use["productSpecCharacteristicValue"][0]["value"]
        for use in shape.get("prodSpecCharValueUse", [])
    }


def catalogue(shapes: list[Json]) -> models.Catalogue:
    """Sorts offerings into plans (cheapest first), add-ons and rates."""
    plans: list[models.Plan] = []
    addons: list[models.Addon] = []
    rates: dict[str, Decimal] = {}
    for shape in shapes:
        _offering(shape, plans, addons, rates)
    plans.sort(key=lambda plan: plan.price)
    return models.Catalogue(tuple(plans), tuple(addons), rates)


def _offering(
    shape: Json, plans: list[models.Plan], addons: list[models.Addon], rates: dict[str, Decimal]
) -> None:
    try:
        category = shape["category"][0]["id"]
        price = yuan(shape["productOfferingPrice"][0]["price"])
        if category == "rate":
            rates[shape["name"]] = price
        elif shape.get("lifecycleStatus") != "Active" or not shape.get("isSellable"):
            return
        elif category == "plan":
            plans.append(_plan(shape, price))
        else:
            uses = _uses(shape)
            addons.append(
                models.Addon(
                    shape["id"], shape["name"], price, category, uses.get("period", "month"),
                    uses.get("data_gb"), tuple(uses.get("aliases", ())),
                )
            )  # fmt: skip
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BssUnavailable from error


def _plan(shape: Json, price: Decimal) -> models.Plan:
    uses = _uses(shape)
    return models.Plan(
        shape["id"], shape["name"], price, int(uses["data_gb"]), int(uses["minutes"]),
        tuple(uses.get("extras", ())), uses.get("note", ""), uses.get("min_age"),
    )  # fmt: skip


@strict
def bill(shape: Json) -> models.Bill:
    start = day(shape["billingPeriod"]["startDateTime"])
    if start is None:
        raise ValueError("a bill without a period")
    return models.Bill(
        id=shape["id"],
        month=start.strftime("%Y-%m"),
        total=yuan(shape["taxIncludedAmount"]),
        remaining=yuan(shape["remainingAmount"]),
        state=shape["state"],
        due=day(shape.get("paymentDueDate")),
    )


@strict
def bill_item(shape: Json) -> models.BillItem:
    return models.BillItem(shape["name"], yuan(shape["taxIncludedAmount"]), shape["type"])


@strict
def bucket(shape: Json) -> models.Bucket:
    total = shape.get("initialValue")
    used = next((c for c in shape.get("bucketCounter", []) if c["counterType"] == "used"), None)
    left = shape["remainingValue"]
    kind = shape["usageType"]
    amount = Decimal(str(left["amount"]))
    return models.Bucket(
        kind=kind,
        name=shape["name"],
        unit=left["units"],
        left=amount.quantize(CENT) if kind == "monetary" else quantity(amount),
        total=None if total is None else quantity(total["amount"]),
        used=None if used is None else quantity(used["value"]["amount"]),
    )


@strict
def day_usage(shape: Json) -> models.DayUsage:
    extra = traits(shape, "usageCharacteristic")
    when = day(shape["usageDate"])
    if when is None:
        raise ValueError("usage without a date")
    kind = shape["usageType"]
    amount = int(extra[{"data": "volumeMB", "voice": "minutes"}.get(kind, "count")])
    return models.DayUsage(when, kind, amount, str(extra.get("application", "其他")))


@strict
def ticket(shape: Json) -> models.Ticket:
    return models.Ticket(
        id=shape["id"],
        kind=shape["ticketType"],
        status=shape["status"],
        description=shape["description"],
        severity=shape["severity"],
        created=moment(shape.get("creationDate")),
        history=tuple(
            (moment(change.get("changeDate")), change["status"])
            for change in shape.get("statusChange", [])
        ),
        notes=tuple(
            models.TicketNote(moment(note.get("date")), note.get("author", ""), note["text"])
            for note in shape.get("note", [])
        ),
    )


@strict
def outage(shape: Json) -> models.Outage:
    places = shape.get("affectedLocation") or [{"name": ""}]
    return models.Outage(
        shape["id"], shape["description"], places[0]["name"], moment(shape.get("creationDate")),
        moment(shape.get("estimatedResolutionDate")),
    )  # fmt: skip


@strict
def order(shape: Json) -> models.OrderResult:
    item = shape["productOrderItem"][0]["product"]
    return models.OrderResult(
        shape["id"], shape["state"], item["name"], day(shape.get("expectedCompletionDate"))
    )


@strict
def top_up(shape: Json) -> models.TopUp:
    return models.TopUp(
        shape["id"],
        Decimal(str(shape["amount"]["amount"])).quantize(CENT),
        Decimal(str(shape["balance"]["amount"])).quantize(CENT),
        bool(shape.get("resumed")),
    )


@strict
def receipt(shape: Json) -> models.Receipt:
    return models.Receipt(shape["id"], shape.get("sentTo", ""))


@strict
def store(shape: Json) -> models.Store:
    return models.Store(shape["name"], shape["address"], shape["hours"])
