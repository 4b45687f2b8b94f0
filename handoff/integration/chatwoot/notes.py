"""What agents in Chatwoot read: notes as a good colleague would write them, from facts only.

Chatwoot shows messages as Markdown. In notes everything that a customer wrote is escaped, so that no words
of theirs become a link, a picture or a mention of a colleague; what they say live is shown as their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.clock import LOCAL_ZONE
from core.security import mask
from handoff.context import ContextPackage
from handoff.routing import GROUP_WORDS
from handoff.serving import DISPOSITIONS
from handoff.tickets import STATE_WORDS

LABEL = "畅答"
NOTE_CHARS = 8000
"""A note no longer than a person reads; longer records become several."""
_MARKS = re.compile(r"([\\`*_\[\]<>|~!])")
_LINE_MARKS = re.compile(r"^(\s*\d*)([#+\-.)=])")
"""What makes a heading, a list or a rule at the start of a line."""
_SENDERS = {"customer": "客户", "bot": "机器人", "agent": "客服", "system": "系统"}
_CHANNELS = {"web": "网页", "app": "手机应用", "wechat": "微信公众号", "wecom": "微信客服"}
_MAX_SUGGESTIONS = 2
_STARS = {1: "很不满意", 2: "不满意", 3: "一般", 4: "满意", 5: "非常满意"}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def handed_over(package: ContextPackage) -> str:
    """The note that comes first: the five-second summary, then what need not be asked, then help."""
    summary = package.summary
    parts = [f"**【转人工】**\n{_safe(summary.text)}" if summary else "**【转人工】**"]
    if package.no_need_to_ask:
        parts.append(_list("不用再问客户", package.no_need_to_ask))
    tickets = [_ticket(ticket) for ticket in package.open_tickets]
    if tickets:
        parts.append(_list("在途工单", tickets))
    if package.why.priority_reasons:
        parts.append(f"**优先级**：{_safe('，'.join(package.why.priority_reasons))}")
    suggested = [
        f"{hit.get('question', '')}：{hit['answer']}"
        for hit in package.suggested_replies[:_MAX_SUGGESTIONS]
        if hit.get("answer")
    ]
    if suggested:
        parts.append(_list("可以参考的答复", suggested))
    where = "、".join(_CHANNELS.get(name, name) for name in package.conversation.channels)
    parts.append(f"客户来自{_safe(where)}。完整聊天记录在下一条备注里，直接回复就会发给客户。")
    return "\n\n".join(parts)


def figures(package: ContextPackage) -> str:
    """The operator's systems answered after the first note."""
    return "\n\n".join([_list("客户资料补充", package.no_need_to_ask or ["没有更多资料"])])


def records(package: ContextPackage) -> list[str]:
    """The whole talk so far, earlier ones first, as notes of a readable size."""
    lines: list[str] = []
    for talk in package.earlier:
        if talk.messages:
            channel = _CHANNELS.get(talk.channel, talk.channel)
            lines.append(f"**{_moment(talk.started_at, day=True)} {_safe(channel)}会话**")
            lines += map(_line, talk.messages)
    if package.transcript:
        lines.append("**本次会话**")
        lines += map(_line, package.transcript)
    return _pages("聊天记录", lines)


def cancelled() -> str:
    return "客户已取消排队，回到机器人继续咨询。这个会话不用再处理。"


def left_message(data: Mapping[str, Any]) -> str:
    """Nobody answers now: the customer is to be called."""
    group = GROUP_WORDS.get(str(data.get("skill_group")), "")
    wants = _safe(str(data.get("request") or "尚未说明"))
    return (
        f"客户没有继续等候，已登记回电（{group}组）。诉求：{wants}\n"
        "请按工单时限联系客户，联系上以后再结束这个会话。"
    )


def withdrawn() -> str:
    return "这位客户已由我方主管在畅答工作台接待，这边不用再回复。"


def ended(data: Mapping[str, Any]) -> str:
    """Somebody of ours ended the talk."""
    outcome = str(data.get("disposition") or "")
    words = f"，结果：{_safe(DISPOSITIONS.get(outcome, outcome))}" if outcome else ""
    return f"会话已由我方主管结束{words}。这边不用再回复。"


def returned() -> str:
    return "会话已由我方主管交回机器人。这边不用再回复。"


def moved_to(group: str) -> str:
    return (
        f"会话已转到“{GROUP_WORDS.get(group, group)}”组，前面的沟通都在这里，请不要让客户重复说明。"
    )


def rated(score: int, comment: str) -> str:
    """The customer's verdict."""
    said = f"\n客户留言：{_safe(comment)}" if comment else ""
    return f"客户评价：{score}分（{_STARS.get(score, '')}）{said}"


def colleague_said(name: str, text: str) -> str:
    """One of ours spoke to the customer."""
    return f"我方{_safe(name)}对客户说：{_safe(text)}"


def not_sent(why: str, text: str) -> str:
    """The customer did not get an agent's words."""
    return f"⚠️ 这条消息没有发给客户：{_safe(text[:60])}\n原因：{_safe(why)}"


def over() -> str:
    return "会话已经结束，客户现在由机器人接待。需要联系客户请等客户再次转人工，或走回电工单。"


def plain(markdown: str) -> str:
    """An agent's words as customers read them: the editor's escapes and bold marks taken out."""
    return _ESCAPED.sub(r"\1", markdown.replace("**", "").replace("\\\n", "\n")).strip()


def spoken(message: Mapping[str, Any]) -> str:
    """A customer's message as it stands in Chatwoot."""
    return mask(str(message.get("text") or "")) or "（空消息）"


def _safe(text: str) -> str:
    return "\n".join(_escape(line) for line in mask(text).splitlines())


def _escape(line: str) -> str:
    return _LINE_MARKS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", line))


def _list(title: str, items: Iterable[str]) -> str:
    rows = [f"- {_safe(' '.join(str(item).split()))}" for item in items]
    return "\n".join([f"**{title}**", *rows])


def _ticket(ticket: Mapping[str, Any]) -> str:
    status = str(ticket.get("status") or "")
    return f"{ticket.get('id')} {ticket.get('title')}（{dict(STATE_WORDS).get(status, status)}）"  # type: ignore[call-overload]


def _line(message: Mapping[str, Any]) -> str:
    who = message.get("agent_name") or _SENDERS.get(str(message.get("sender")), "系统")
    if message.get("audience") == "staff":
        who = f"{who}（内部备注）"
    text = " ".join(str(message.get("text") or "").split())
    return f"{_moment(str(message.get('created_at')))} {_safe(str(who))}：{_safe(text)}{_card(message)}"


def _card(message: Mapping[str, Any]) -> str:
    # Figures that the customer saw on a card belong to what they were told.
    card = message.get("card") or {}
    shown = [
        str(card[name]) for name in ("title", "month", "total", "status", "url") if card.get(name)
    ]
    for item in [
        *(card.get("items") or ()),
        *(card.get("plans") or ()),
        *(card.get("buckets") or ()),
    ]:
        values = [item.get(name) for name in ("name", "amount", "price", "used", "left", "total")]
        shown.append(" ".join(str(value) for value in values if value is not None))
    return f"〔{_safe('；'.join(shown))}〕" if shown else ""


def _moment(iso: str, day: bool = False) -> str:
    try:
        local = datetime.fromisoformat(iso).astimezone(LOCAL_ZONE)
    except ValueError:
        return ""
    return f"{local:%m-%d}" if day else f"{local:%H:%M}"


def _pages(title: str, lines: Sequence[str]) -> list[str]:
    pages: list[list[str]] = [[]]
    size = 0
    for line in lines:
        for start in range(0, len(line), NOTE_CHARS):
            part = line[start : start + NOTE_CHARS]
            if pages[-1] and size + len(part) > NOTE_CHARS:
                pages.append([])
                size = 0
            pages[-1].append(part)
            size += len(part) + 2
    full = [page for page in pages if page]
    of = f"/{len(full)}" if len(full) > 1 else ""
    return [
        "\n\n".join([f"**{title}**" + (f"（{n}{of}）" if of else ""), *page])
        for n, page in enumerate(full, 1)
    ]
