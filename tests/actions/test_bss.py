"""The client: parsing, retries, errors; and the sandbox behind it with the facts of the demo."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from actions.bss import parsing
from actions.bss.client import OperatorClient
from actions.bss.errors import BssNotFound, BssRefused, BssUnavailable
from actions.bss.transport import Transport
from core.clock import local_now


def transport(*answers: httpx.Response | Exception) -> tuple[Transport, list[httpx.Request]]:
    """A transport whose server gives these answers in turn."""
    seen: list[httpx.Request] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://bss")
    return Transport("http://bss", 1.0, http), seen


async def test_a_read_is_tried_again_once() -> None:
    sent, seen = transport(httpx.Response(503), httpx.Response(200, json={"ok": True}))
    assert await sent.get("/x") == {"ok": True}
    assert len(seen) == 2


async def test_a_write_without_a_key_is_not_repeated() -> None:
    sent, seen = transport(httpx.ConnectError("no"))
    with pytest.raises(BssUnavailable):
        await sent.post("/x", {"a": 1})
    assert len(seen) == 1


async def test_a_write_with_a_key_is_repeated() -> None:
    sent, seen = transport(httpx.ConnectError("no"), httpx.Response(201, json={"id": "1"}))
    assert await sent.post("/x", {"externalId": "k"}) == {"id": "1"}
    assert len(seen) == 2


async def test_a_timeout_is_final_and_worded() -> None:
    sent, seen = transport(httpx.ReadTimeout("slow"))
    with pytest.raises(BssUnavailable) as caught:
        await sent.get("/x")
    assert len(seen) == 1
    assert "不敢给您报错的数字" in caught.value.detail


async def test_refusals_carry_reason_and_words() -> None:
    body = {"reason": "arrears", "message": "已欠费", "owed": 3}
    sent, _ = transport(httpx.Response(409, json=body))
    with pytest.raises(BssRefused) as caught:
        await sent.get("/x")
    assert (caught.value.reason, caught.value.detail, caught.value.data) == (
        "arrears", "已欠费", {"owed": 3},
    )  # fmt: skip


async def test_rubbish_is_no_fact() -> None:
    sent, _ = transport(httpx.Response(200, text="<html>"))
    with pytest.raises(BssUnavailable):
        await sent.get("/x")
    with pytest.raises(BssUnavailable):
        parsing.bill({"id": "B1", "state": "settled"})


async def test_money_is_exact() -> None:
    sent, _ = transport(httpx.Response(200, text='{"unit": "CNY", "value": 158.4}'))
    assert str(parsing.yuan(await sent.get("/x"))) == "158.40"


BALANCES = {1: "56.30", 2: "-12.50", 3: "88.00", 4: "320.00", 5: "6.20"}
LAST = {1: "158.40", 2: "74.00", 3: "29.00", 4: "199.00", 5: "48.00"}
BEFORE = {1: "134.00", 2: "59.00", 3: "29.00", 4: "199.00", 5: "44.00"}


@pytest.mark.parametrize("n", range(1, 6))
async def test_the_demo_facts(bss: OperatorClient, n: int) -> None:
    person = await bss.accounts.by_phone(f"1380000000{n}")
    bills = [bill for bill in await bss.accounts.bills(person.id) if bill.final]
    assert str(await bss.accounts.balance(person.id)) == BALANCES[n]
    assert [str(bill.total) for bill in bills[:2]] == [LAST[n], BEFORE[n]]
    assert len(bills) >= 6
    last_month = (local_now().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    assert bills[0].month == last_month
    for bill in await bss.accounts.itemised(*bills[:2]):
        assert sum(item.amount for item in bill.items) == bill.total


async def test_usage_adds_up_to_the_allowance_used(bss: OperatorClient) -> None:
    today = local_now().date()
    usage = await bss.accounts.usage("8600001", today.replace(day=1), today)
    megabytes = sum(u.amount for u in usage if u.kind == "data")
    buckets = {b.kind: b for b in await bss.accounts.buckets("8600001")}
    assert str(buckets["data"].used) == "58.6"
    assert str(buckets["data"].left) == "1.4"
    assert abs(Decimal(megabytes) / 1024 - Decimal("58.6")) < Decimal("0.01")


async def test_catalogue_facts_are_as_people_write_them(bss: OperatorClient) -> None:
    facts = await bss.catalogue_facts()
    assert facts["offer.plan-59.price"] == "59"
    assert facts["offer.plan-family-169.minutes"] == "500"
    assert facts["offer.addon-data-10g.data_gb"] == "10"
    assert facts["rate.sms_domestic"] == "0.10"
    assert facts["rate.data_overage"] == "5"


async def test_the_same_key_writes_once(bss: OperatorClient) -> None:
    first = await bss.accounts.top_up("13800000001", Decimal(50), "k1")
    again = await bss.accounts.top_up("13800000001", Decimal(50), "k1")
    assert first == again
    assert str(await bss.accounts.balance("8600001")) == "106.30"


async def test_paying_arrears_brings_the_number_back(bss: OperatorClient) -> None:
    with pytest.raises(BssRefused) as caught:
        await bss.orders.resume("8600002", "k")
    assert caught.value.reason == "arrears"
    assert (await bss.accounts.top_up("13800000002", Decimal(20), "k2")).resumed
    plan = (await bss.accounts.holdings("8600002")).plan
    assert plan is not None
    assert plan.status == "active"


async def test_codes_expire_after_too_many_attempts(bss: OperatorClient) -> None:
    await bss.identity.send_code("13800000001")
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(BssRefused) as caught:
            await bss.identity.check_code("13800000001", "000000")
        assert caught.value.data["attemptsLeft"] == left
    with pytest.raises(BssRefused) as caught:
        await bss.identity.check_code("13800000001", "246810")
    assert caught.value.reason == "code_locked"


async def test_a_code_serves_once(bss: OperatorClient) -> None:
    await bss.identity.send_code("13800000003")
    customer = await bss.identity.check_code("13800000003", "246810")
    assert customer.name == "王建国"
    assert customer.elderly
    with pytest.raises(BssRefused):
        await bss.identity.check_code("13800000003", "246810")


async def test_unknown_things_are_not_found(bss: OperatorClient) -> None:
    with pytest.raises(BssNotFound):
        await bss.accounts.customer("nobody")
    with pytest.raises(BssNotFound):
        await bss.accounts.by_phone("13911112222")


async def test_profile_for_the_desk(bss: OperatorClient) -> None:
    await bss.care.open_ticket("fault", "断网", "major", "case-1", "8600004")
    profile = await bss.profile("8600004")
    assert profile.customer.tier == "diamond"
    assert profile.holdings.broadband is not None
    assert profile.holdings.plan is not None
    assert profile.holdings.plan.contract_end is not None
    days = (profile.holdings.plan.contract_end - local_now().date()).days
    assert days == 25
    assert [t.kind for t in profile.open_tickets] == ["fault"]


async def test_a_contact_is_recorded(bss: OperatorClient) -> None:
    first = await bss.care.record_contact("转人工", "客户要求人工", "h_1", "8600001")
    assert first == await bss.care.record_contact("转人工", "客户要求人工", "h_1", "8600001")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/tmf-api/usageManagement/v4/usage", None, 400),
        ("GET", "/tmf-api/customerManagement/v4/customer/x", None, 404),
        ("POST", "/tmf-api/troubleTicket/v4/troubleTicket", {"description": "x"}, 400),
        ("POST", "/operator-api/v1/verificationCodes", {"phone": "1"}, 400),
        ("GET", "/nowhere", None, 404),
    ],
)
async def test_bad_requests_get_tmf_errors(
    sandbox: object, method: str, path: str, body: object, status: int
) -> None:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://x")  # type: ignore[arg-type]
    response = await http.request(method, path, json=body)
    assert response.status_code == status
    assert {"code", "reason", "message", "status"} <= response.json().keys()
    await http.aclose()


def test_no_test_doors_without_the_flag() -> None:
    from actions.bss.sandbox.app import create_app

    paths = {getattr(route, "path", "") for route in create_app().routes}
    assert not any(path.startswith("/test") for path in paths)
