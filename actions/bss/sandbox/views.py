"""The TM Forum shapes of customers, products, bills, buckets and usage, as of today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from actions.bss.sandbox.calendar import (
    at,
    days_of,
    moment,
    month_end,
    month_key,
    month_start,
    today,
)
from actions.bss.sandbox.seed import CatalogueSeed
from actions.bss.sandbox.state import Account, Product

BILLS_KEPT = 7
ELDERLY_FROM = 65
_APPS = (
    ("短视频", 46), ("社交聊天", 18), ("网页浏览", 12), ("音乐", 9), ("游戏", 5),
    ("后台与其他", 10),
)  # fmt: skip


def money(value: Decimal) -> dict[str, Any]:
    """TM Forum money."""
    return {"unit": "CNY", "value": float(value)}


def customer(account: Account) -> dict[str, Any]:
    """629 customer."""
    seed = account.seed
    traits = {
        "tier": seed.tier, "age": seed.age, "gender": seed.gender, "points": account.points,
        "elderly": seed.age >= ELDERLY_FROM,
    }  # fmt: skip
    return {
        "id": seed.id,
        "href": f"/tmf-api/customerManagement/v4/customer/{seed.id}",
        "name": seed.name,
        "status": "active",
        "engagedParty": {"id": f"P{seed.id}", "name": seed.name, "@referredType": "Individual"},
        "account": [{"id": f"A{seed.id}", "name": "话费账户"}],
        "contactMedium": [
            {"mediumType": "mobile", "characteristic": {"phoneNumber": seed.phone}},
        ],
        "characteristic": [{"name": name, "value": value} for name, value in traits.items()],
        "creditProfile": [],
        "validFor": {"startDateTime": at(month_start(seed.since_months).replace(day=6))},
    }


def product(account: Account, item: Product) -> dict[str, Any]:
    """637 product."""
    traits = dict(item.traits)
    if item.reason:
        traits["suspendReason"] = item.reason
    shape: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "status": item.status,
        "startDate": at(item.start),
        "productOffering": {"id": item.offer, "name": item.name},
        "productPrice": [
            {
                "priceType": "recurring" if item.period != "once" else "oneTime",
                "recurringChargePeriod": item.period,
                "price": {"taxIncludedAmount": money(item.price)},
            }
        ],
        "productCharacteristic": [
            {"name": name, "value": value}
            for name, value in {"kind": item.kind, "channel": item.channel, **traits}.items()
        ],
        "billingAccount": {"id": f"A{account.seed.id}"},
        "realizingResource": [{"id": account.seed.phone, "name": "手机号码"}],
        "relatedParty": [{"id": account.seed.id, "role": "customer"}],
    }  # fmt: skip
    if item.end:
        shape["terminationDate"] = at(item.end)
    if item.contract_end:
        shape["productTerm"] = [
            {"name": "合约", "validFor": {"endDateTime": at(item.contract_end, 23)}}
        ]
    return shape


def allowance(account: Account, catalogue: CatalogueSeed) -> tuple[Decimal, int]:
    """Data in GB and minutes of this month: the plan's, and the add-ons bought."""
    plan = catalogue.plans_by_id[account.mobile.offer]
    extra = sum(
        (catalogue.addons_by_id[item.offer].data_gb or 0)
        for item in account.products
        if item.kind == "data" and item.status == "active"
    )
    return Decimal(plan.data_gb + extra), plan.minutes


def lines(
    account: Account, offset: int, catalogue: CatalogueSeed
) -> list[tuple[str, Decimal, str]]:
    """A month's bill lines; for the current month what has accrued so far."""
    if offset:
        return account.seed.bill_lines(offset)
    used = account.seed.used(0)
    data, minutes = allowance(account, catalogue)
    found = [(account.mobile.name, account.mobile.price, "plan")]
    for item in account.products:
        if item.kind == "vas" and item.status in ("active", "pendingTerminate"):
            found.append((item.name, item.price, "vas"))
        elif item.kind == "data" and item.status == "active":
            found.append((item.name, item.price, "data_addon"))
    rates = catalogue.rates
    over = [
        ("流量超出", max(Decimal(0), used.data - data) * rates["data_overage"], "data_overage"),
        ("国内通话", max(0, used.minutes - minutes) * rates["call_domestic"], "call"),
        ("国内短信", used.sms * rates["sms_domestic"], "sms"),
    ]
    return found + [(name, amount.quantize(Decimal("0.01")), kind) for name, amount, kind in over
                    if amount > 0]  # fmt: skip


def bill_id(account: Account, offset: int) -> str:
    return f"B-{account.seed.id}-{month_key(offset)}"


def bill(account: Account, offset: int, catalogue: CatalogueSeed) -> dict[str, Any]:
    """678 customerBill; the current month's has state ``new``."""
    total = sum((amount for _, amount, _ in lines(account, offset, catalogue)), Decimal(0))
    owed = max(Decimal(0), -account.balance) if offset == 1 else Decimal(0)
    state = "new" if offset == 0 else "partiallyPaid" if owed else "settled"
    issued = month_start(offset - 1).replace(day=2)
    return {
        "id": bill_id(account, offset),
        "billNo": bill_id(account, offset).replace("-", ""),
        "billDate": at(issued),
        "billingPeriod": {
            "startDateTime": at(month_start(offset)), "endDateTime": at(month_end(offset), 23),
        },
        "paymentDueDate": at(issued + timedelta(days=18)),
        "amountDue": money(total),
        "remainingAmount": money(total if offset == 0 else owed),
        "taxIncludedAmount": money(total),
        "appliedPayment": [],
        "billingAccount": {"id": f"A{account.seed.id}"},
        "state": state,
    }  # fmt: skip


def rates(account: Account, offset: int, catalogue: CatalogueSeed) -> list[dict[str, Any]]:
    """678 appliedCustomerBillingRate of one bill."""
    period = {"startDateTime": at(month_start(offset)), "endDateTime": at(month_end(offset), 23)}
    return [
        {
            "id": f"{bill_id(account, offset)}-{n}",
            "name": name,
            "type": kind,
            "date": at(min(month_end(offset), today())),
            "bill": {"id": bill_id(account, offset)},
            "periodCoverage": period,
            "taxIncludedAmount": money(amount),
            "isBilled": offset > 0,
        }
        for n, (name, amount, kind) in enumerate(lines(account, offset, catalogue), 1)
    ]


def buckets(account: Account, catalogue: CatalogueSeed) -> list[dict[str, Any]]:
    """654 buckets: money, and what is left of this month's data, minutes and messages."""
    used = account.seed.used(0)
    data, minutes = allowance(account, catalogue)
    shapes = [_bucket(account, "monetary", "话费余额", "CNY", None, None, account.balance)]
    for kind, name, unit, total, spent in (
        ("data", "国内流量", "GB", data, used.data),
        ("voice", "国内通话", "分钟", Decimal(minutes), Decimal(used.minutes)),
        ("sms", "国内短信", "条", Decimal(0), Decimal(used.sms)),
    ):
        left = max(Decimal(0), total - spent)
        shapes.append(_bucket(account, kind, name, unit, total, spent, left))
    return shapes


def _bucket(
    account: Account, kind: str, name: str, unit: str,
    total: Decimal | None, used: Decimal | None, left: Decimal,
) -> dict[str, Any]:  # fmt: skip
    shape: dict[str, Any] = {
        "id": f"K-{account.seed.id}-{kind}",
        "name": name,
        "usageType": kind,
        "status": "active",
        "remainingValue": {"amount": float(left), "units": unit},
        "partyAccount": {"id": f"A{account.seed.id}"},
        "validFor": {"startDateTime": at(month_start(0)), "endDateTime": at(month_end(0), 23)},
    }
    if total is not None and used is not None:
        shape["initialValue"] = {"amount": float(total), "units": unit}
        shape["bucketCounter"] = [
            {"counterType": "used", "value": {"amount": float(used), "units": unit}}
        ]
    return shape


def usages(account: Account, first: date, last: date) -> Iterator[dict[str, Any]]:
    """635 usage, one a day and kind of application, whose sum is the month's exactly."""
    for offset in range(BILLS_KEPT):
        if month_end(offset) < first or month_start(offset) > last:
            continue
        used = account.seed.used(offset)
        salt, days = int(account.seed.id), days_of(offset)
        for day, megabytes in _per_day(round(used.data * 1024), days, salt):
            if first <= day <= last:
                yield from _day(account, day, megabytes, billed=offset > 0)
        for kind, unit, total in (("voice", "minutes", used.minutes), ("sms", "count", used.sms)):
            for day, amount in _per_day(total, days, salt + len(kind)):
                if amount and first <= day <= last:
                    yield _usage(account, day, kind, {unit: amount}, billed=offset > 0)


def _per_day(total: int, days: list[date], salt: int) -> Iterator[tuple[date, int]]:
    weights = [4 + (day.day * 37 + salt * 13) % 11 for day in days]
    rest = total
    for day, weight in zip(days[:-1], weights[:-1], strict=True):
        share = total * weight // sum(weights)
        rest -= share
        yield day, share
    yield days[-1], rest


def _day(account: Account, day: date, megabytes: int, billed: bool) -> Iterator[dict[str, Any]]:
    rest = megabytes
    for n, (app, percent) in enumerate(_APPS):
        share = rest if n == len(_APPS) - 1 else megabytes * percent // 100
        rest -= share
        values = {"volumeMB": share, "application": app}
        yield _usage(account, day, "data", values, billed, serial=n)


def _usage(
    account: Account, day: date, kind: str, values: dict[str, Any], billed: bool, serial: int = 0
) -> dict[str, Any]:
    return {
        "id": f"U-{account.seed.id}-{day:%Y%m%d}-{kind}-{serial}",
        "usageDate": at(day, 12),
        "usageType": kind,
        "status": "billed" if billed else "rated",
        "usageCharacteristic": [{"name": name, "value": value} for name, value in values.items()],
        "ratedProductUsage": [{"isBilled": billed, "productRef": {"id": account.mobile.id}}],
        "relatedParty": [{"id": account.seed.id, "role": "customer"}],
    }


def pick(items: list[dict[str, Any]], fields: str | None, offset: int, limit: int) -> list[Any]:
    """TM Forum's list parameters."""
    page = items[offset : offset + limit]
    if not fields:
        return page
    names = {"id", "href", *fields.split(",")}
    return [{name: value for name, value in item.items() if name in names} for item in page]


def stamp(shape: dict[str, Any]) -> dict[str, Any]:
    """Adds creation and last-change times to a new resource."""
    return {**shape, "creationDate": moment(), "lastUpdate": moment()}
