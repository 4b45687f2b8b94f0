"""What TM Forum does not cover: SMS codes, password resets, electronic invoices, stores."""

# ruff: noqa: N815 (the operator's own field names)

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from actions.bss.sandbox.accounts import state
from actions.bss.sandbox.errors import TmfError
from actions.bss.sandbox.state import State
from actions.bss.sandbox.views import customer, stamp
from core.security import mask

router = APIRouter(prefix="/operator-api/v1")
log = logging.getLogger(__name__)

DEMO_CODE = "246810"
CODE_LIFE_S = 300
ATTEMPTS = 5
SENDS_AN_HOUR = 20
PHONE = r"^1[3-9]\d{9}$"


@dataclass
class Code:
    """The SMS code of one number; ``sends`` are times of the last hour."""

    value: str = ""
    expires: float = 0.0
    failures: int = 0
    sends: list[float] = field(default_factory=list)


class CodeRequest(BaseModel):
    phone: str = Field(pattern=PHONE)


class CodeCheck(CodeRequest):
    code: str = Field(pattern=r"^\d{6}$")


@router.post("/verificationCodes", status_code=201)
async def send_code(request: Request, wanted: CodeRequest) -> dict[str, Any]:
    here, now = state(request), time.monotonic()
    code = here.codes.setdefault(wanted.phone, Code())
    code.sends = [sent for sent in code.sends if now - sent < 3600]
    if len(code.sends) >= SENDS_AN_HOUR and not here.testing:
        raise TmfError(429, "too_many_codes", "这个号码获取验证码太频繁，请一小时后再试。")
    code.sends.append(now)
    known = any(account.seed.phone == wanted.phone for account in here.accounts.values())
    code.value = DEMO_CODE if known else f"{secrets.randbelow(10**6):06d}"
    code.expires, code.failures = now + CODE_LIFE_S, 0
    # The sandbox sends no SMS: its log is the demo's telephone.
    log.info("sms code %s for %s", code.value, mask(wanted.phone))
    return {"phone": mask(wanted.phone), "expiresIn": CODE_LIFE_S}


@router.post("/verificationCodes/check")
async def check_code(request: Request, given: CodeCheck) -> dict[str, Any]:
    here = state(request)
    code: Code | None = here.codes.get(given.phone)
    if code is None or not code.value or time.monotonic() > code.expires:
        raise TmfError(409, "code_expired", "验证码已过期，请重新获取。")
    if code.failures >= ATTEMPTS:
        raise TmfError(409, "code_locked", "验证码输错次数过多，请重新获取。")
    if not secrets.compare_digest(code.value, given.code):
        code.failures += 1
        left = ATTEMPTS - code.failures
        raise TmfError(409, "wrong_code", "验证码不对。", attemptsLeft=left)
    account = here.by_phone(given.phone)
    code.value = ""
    return {"verified": True, "customer": customer(account)}


class PasswordReset(BaseModel):
    customerId: str
    externalId: str | None = None


@router.post("/passwordResets", status_code=201)
async def reset_password(request: Request, wanted: PasswordReset) -> dict[str, Any]:
    here = state(request)
    account = here.account(wanted.customerId)

    def make() -> dict[str, Any]:
        log.info("new service password sent to %s", mask(account.seed.phone))
        return stamp({"id": here.number("MM"), "sentTo": mask(account.seed.phone)})

    return here.once("password", wanted.externalId, make)


class InvoiceRequest(BaseModel):
    customerId: str
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    title: str = Field(min_length=1, max_length=100)
    amount: float = Field(gt=0)
    externalId: str | None = None


@router.post("/invoices", status_code=201)
async def issue_invoice(request: Request, wanted: InvoiceRequest) -> dict[str, Any]:
    here = state(request)
    account = here.account(wanted.customerId)

    def make() -> dict[str, Any]:
        shape = wanted.model_dump(exclude={"externalId"})
        return stamp({"id": here.number("FP"), "sentTo": mask(account.seed.phone), **shape})

    return here.once("invoice", wanted.externalId, make)


STORES = tuple(
    dict(zip(("name", "area", "city", "address", "hours"), row, strict=True))
    for row in (
        ("畅通望京营业厅", "望京", "北京", "北京市朝阳区望京街9号", "09:00-19:00"),
        ("畅通朝阳门营业厅", "朝阳门", "北京", "北京市朝阳区朝外大街18号", "08:30-18:30"),
        ("畅通中关村营业厅", "中关村", "北京", "北京市海淀区中关村大街27号", "09:00-20:00"),
        ("畅通徐家汇营业厅", "徐家汇", "上海", "上海市徐汇区肇嘉浜路1000号", "09:00-20:00"),
        ("畅通天河营业厅", "天河", "广州", "广州市天河区体育西路57号", "09:00-18:30"),
    )
)
_DISTRICT = {"望京": "朝阳", "朝阳门": "朝阳", "中关村": "海淀", "徐家汇": "徐汇", "天河": "天河"}


@router.get("/stores")
async def stores(
    place: Annotated[str, Query(min_length=1, max_length=100)],
) -> list[dict[str, str]]:
    exact = [s for s in STORES if s["area"] in place]
    district = [s for s in STORES if _DISTRICT[s["area"]] in place]
    city = [s for s in STORES if s["city"] in place]
    return exact or district or city


class Fault(BaseModel):
    """Makes calls whose path starts with ``prefix`` fail, for tests."""

    prefix: str
    status: int = Field(503, ge=400, le=599)
    delay_s: float = Field(0, ge=0, le=30)
    times: int = Field(1_000_000, ge=1)


testing_router = APIRouter(prefix="/test")


@testing_router.post("/reset")
async def reset(request: Request) -> dict[str, str]:
    here: State = state(request)
    here.reset()
    return {"status": "reset"}


@testing_router.post("/faults")
async def add_fault(request: Request, fault: Fault) -> dict[str, str]:
    state(request).faults.append(fault.model_dump())
    return {"status": "armed"}
