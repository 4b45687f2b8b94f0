"""Tickets and stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actions.bss.models import Store, Ticket
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button
from actions.wording import listing, time_name

KINDS = {"fault": "报修", "complaint": "投诉", "spam": "骚扰举报"}
STATUS = {
    "acknowledged": "已受理", "pending": "等待处理", "held": "暂停", "inProgress": "处理中",
    "resolved": "已解决", "closed": "已关闭", "cancelled": "已取消", "rejected": "未受理",
}  # fmt: skip


def ticket_card(ticket: Ticket) -> dict[str, Any]:
    """The contract's ticket card: status changes and notes in order."""
    steps = [(at, STATUS.get(status, status)) for at, status in ticket.history]
    steps += [(note.at, note.text) for note in ticket.notes]
    dated = sorted((at.isoformat(), text) for at, text in steps if at is not None)
    return {
        "type": "ticket",
        "id": ticket.id,
        "title": f"{KINDS.get(ticket.kind, '服务')}单",
        "status": STATUS.get(ticket.status, ticket.status),
        "steps": [{"at": at, "text": text} for at, text in dated],
    }


def progress(tickets: Sequence[Ticket], wanted: str | None) -> Outcome:
    """The ticket asked for, else the newest; the others in a line each."""
    if not tickets:
        return said(
            "没有查到您的报修或投诉记录。需要我现在登记吗？",
            Button("我要报修", "宽带上不去了，帮我报修"), Button("我要投诉"), HUMAN,
            step=Step("查工单：没有记录"),
        )  # fmt: skip
    named = next((t for t in tickets if wanted and t.id.lower() == wanted.lower()), None)
    if wanted and named is None:
        names = "、".join(t.id for t in tickets[:3])
        return said(f"没有查到单号{wanted[:30]}。您名下的工单有：{names}。",
                    *(Button(t.id) for t in tickets[:3]), HUMAN)  # fmt: skip
    ticket = named or tickets[0]
    name, status = KINDS.get(ticket.kind, "服务"), STATUS.get(ticket.status, ticket.status)
    when = f"，{time_name(ticket.created)}登记" if ticket.created else ""
    text = f"您的{name}单{ticket.id}{when}，现在的状态是「{status}」。"
    if ticket.notes:
        text += f"最新进展：{ticket.notes[-1].text}"
    others = [t for t in tickets if t.id != ticket.id][:3]
    if others and not wanted:
        lines = [
            f"{t.id}（{KINDS.get(t.kind, '服务')}）{STATUS.get(t.status, t.status)}" for t in others
        ]
        text += f"\n另外还有：\n{listing(lines)}"
    return said(
        text, Button("催一下，转人工", "转人工"), short=f"您的{name}单{ticket.id}：{status}。",
        card=ticket_card(ticket),
        step=Step(f"查{name}单{ticket.id}：{status}", {"单号": ticket.id, "状态": status}),
    )  # fmt: skip


def stores(place: str, found: Sequence[Store]) -> Outcome:
    """Names, addresses and hours; none is said plainly."""
    if not found:
        return said(
            f"没有查到{place[:20]}附近的营业厅，换个区名或地标再试试？大部分业务在这里也能办。",
            Button("有哪些业务能在线办"), HUMAN,
        )  # fmt: skip
    lines = [f"{s.name}：{s.address}，营业时间{s.hours}" for s in found]
    return said(
        f"{place[:20]}附近有{len(found)}家营业厅：\n{listing(lines)}",
        step=Step(f"查{place[:20]}附近营业厅{len(found)}家"),
    )
