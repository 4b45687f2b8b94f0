"""Canned replies: everybody's and one's own, with placeholders that are filled from the context package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import local_now, new_id, now
from core.database import Database
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.staff import Staff
from handoff.checks import check_text
from handoff.context import ContextPackage
from handoff.models import CannedReply
from handoff.routing import TIER_WORDS

MAX_NAME, MAX_TEXT, MAX_OWN = 20, 500, 100
PLACEHOLDER = re.compile(r"\{([一-鿿]{1,12})\}")
"""Only Chinese names in braces count: a customer's own braces are no placeholder."""
PLACEHOLDERS = (
    "客户称呼", "客户姓名", "套餐", "余额", "欠费", "合约到期", "等级", "手机号", "诉求", "工单号",
    "工号", "坐席", "今天",
)  # fmt: skip
"""Every name that a text may use."""

HOUSE = (
    ("问候", "{客户称呼}您好，我是客服{坐席}，工号{工号}。您的情况我已经看到了，马上为您处理。"),
    ("稍等", "请您稍等，我正在为您核实，大约需要1到2分钟。"),
    ("感谢等候", "感谢您的耐心等候。"),
    ("套餐", "您现在使用的是{套餐}。"),
    ("余额", "您当前账户余额为{余额}。"),
    ("欠费", "您当前欠费{欠费}，缴清后会自动恢复服务。"),
    ("合约", "您的合约将于{合约到期}到期，到期前变更可能影响优惠，请您留意。"),
    ("致歉", "给您带来不便非常抱歉，我会跟进到底。"),
    ("已登记", "您的问题已经登记，工单号{工单号}，我们会尽快与您联系。"),
    ("确认", "请问这样处理您看可以吗？"),
    ("还有问题", "请问还有其他可以帮您的吗？"),
    ("结束", "感谢您的咨询，祝您生活愉快！"),
)
"""What a new system starts with: name and text."""


def values_for(package: ContextPackage, staff: Staff) -> dict[str, str]:
    """The placeholders that can be filled for this customer and this member of staff."""
    customer = package.customer
    tickets = [str(ticket["id"]) for ticket in package.open_tickets if ticket.get("id")]
    arrears = customer.arrears if customer.arrears and customer.arrears.strip("0.") else None
    known = {
        "客户称呼": customer.name or "尊敬的客户",
        "客户姓名": customer.name,
        "套餐": customer.plan,
        "余额": f"{customer.balance}元" if customer.balance else None,
        "欠费": f"{arrears}元" if arrears else None,
        "合约到期": customer.contract_end,
        "等级": TIER_WORDS.get(customer.tier),
        "手机号": customer.masked_phone,
        "诉求": package.wants.request,
        "工单号": tickets[-1] if tickets else None,
        "工号": staff.id,
        "坐席": staff.display_name,
        "今天": f"{local_now():%-m月%-d日}",
    }
    # A value is the customer's word in part: it must not bring placeholders of its own.
    return {name: PLACEHOLDER.sub(r"\1", value) for name, value in known.items() if value}


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with what is known; the unknown stays in braces, and ``unfilled`` finds it."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def unfilled(text: str) -> list[str]:
    """Names of placeholders still open in a text."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def check_filled(text: str) -> None:
    """Raises InvalidInput for a text that still has placeholders: no customer may read one."""
    if open_names := unfilled(text):
        raise InvalidInput(f"还有未填写的内容：{'、'.join(open_names)}。", placeholders=open_names)


class CannedReplies:
    """The store. Everybody reads the shared ones, supervisors write them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, staff: Staff) -> list[dict[str, Any]]:
        """One's own first, then everybody's, by name."""
        query = select(CannedReply).where(
            or_(CannedReply.owner == staff.id, CannedReply.owner.is_(None))
        )
        async with self._database.reading() as session:
            rows = list((await session.execute(query)).scalars())
        rows.sort(key=lambda row: (row.owner is None, row.updated_at, row.id))
        return [shown(row) for row in rows]

    async def add(self, staff: Staff, name: str, text: str, shared: bool = False) -> dict[str, Any]:
        """Stores a new one.

        Raises:
            InvalidInput: no name, too long, or a placeholder nobody can fill.
            NotAllowed: shared, and not a supervisor.
            Conflict: too many of one's own.
        """
        if shared:
            staff.require("supervisor")
        name, text = _checked(name, text)
        async with self._database.transaction() as session:
            if not shared and len(await _own(session, staff)) >= MAX_OWN:
                raise Conflict(f"自己的快捷语最多{MAX_OWN}条，请先删除不用的。")
            row = CannedReply(
                id=new_id("q"), owner=None if shared else staff.id, name=name, text=text,
                updated_at=now(),
            )  # fmt: skip
            session.add(row)
        return shown(row)

    async def change(self, staff: Staff, reply_id: str, name: str, text: str) -> dict[str, Any]:
        """Changes name and text. Raises NotFound, NotAllowed, InvalidInput."""
        name, text = _checked(name, text)
        async with self._database.transaction() as session:
            row = await _writable(session, staff, reply_id)
            row.name, row.text, row.updated_at = name, text, now()
        return shown(row)

    async def remove(self, staff: Staff, reply_id: str) -> None:
        """Raises NotFound, NotAllowed."""
        async with self._database.transaction() as session:
            await session.delete(await _writable(session, staff, reply_id))


def shown(row: CannedReply) -> dict[str, Any]:
    """For the desk."""
    return {"id": row.id, "name": row.name, "text": row.text, "shared": row.owner is None}


async def seed_canned(database: Database) -> None:
    """Gives a new system its first shared replies; what supervisors made of them since stays."""
    async with database.transaction() as session:
        if (await session.execute(select(CannedReply.id).limit(1))).first() is not None:
            return
        for name, text in HOUSE:
            row = CannedReply(id=new_id("q"), owner=None, name=name, text=text, updated_at=now())
            session.add(row)
            await session.flush()


def _checked(name: str, text: str) -> tuple[str, str]:
    name, text = name.strip(), text.strip()
    check_text(name, MAX_NAME, "快捷语名称")
    check_text(text, MAX_TEXT, "快捷语")
    if strange := [found for found in unfilled(text) if found not in PLACEHOLDERS]:
        known = "、".join(PLACEHOLDERS)
        raise InvalidInput(f"没有“{'、'.join(strange)}”这样的占位，可用：{known}。")
    return name, text


async def _own(session: AsyncSession, staff: Staff) -> list[str]:
    rows = await session.execute(select(CannedReply.id).where(CannedReply.owner == staff.id))
    return list(rows.scalars())


async def _writable(session: AsyncSession, staff: Staff, reply_id: str) -> CannedReply:
    row = await session.get(CannedReply, reply_id)
    if row is None or row.owner not in (None, staff.id):
        raise NotFound("没有找到这条快捷语。")
    if row.owner is None and "supervisor" not in staff.roles:
        raise NotAllowed("公共快捷语由主管维护。")
    return row
