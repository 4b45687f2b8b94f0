"""A customer's own conversation as a file: what they saw, numbers masked, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from core.clock import LOCAL_ZONE, local_now
from core.security import mask
from core.transcript import Message

_SPEAKERS = {"customer": "我", "bot": "智能客服小畅", "system": "系统提示"}
_STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color:#15242a}"
    "li{margin:.8em 0;list-style:none}ul{padding:0}time,small{color:#52666f;font-size:.8em}"
    "p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.customer p{color:#0b6b7d}"
)


def as_text(messages: Sequence[Message], started: datetime) -> str:
    """Plain text, one paragraph a message."""
    head = [_title(started), _note(), ""]
    lines = [f"[{_when(m.created_at)}] {_who(m)}：\n{_words(m)}\n" for m in messages]
    return "\n".join([*head, *lines])


def as_html(messages: Sequence[Message], started: datetime) -> str:
    """One page that needs nothing else and runs nothing."""
    rows = "\n".join(
        f'<li class="{escape(m.sender)}"><time>{_when(m.created_at)}</time> '
        f"<b>{escape(_who(m))}</b><p>{escape(_words(m))}</p></li>"
        for m in messages
    )
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(_title(started))}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(_title(started))}</h1><p><small>{escape(_note())}</small></p>\n"
        f"<ul>\n{rows}\n</ul></body></html>\n"
    )


def _title(started: datetime) -> str:
    return f"畅答客服对话记录 {started.astimezone(LOCAL_ZONE):%Y-%m-%d}"


def _note() -> str:
    return f"导出时间 {local_now():%Y-%m-%d %H:%M}。手机号和证件号已隐藏中间几位。"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"


def _who(message: Message) -> str:
    if message.sender == "agent":
        return f"人工客服{message.agent_name or ''}"
    return _SPEAKERS[message.sender]


def _words(message: Message) -> str:
    card = message.card if isinstance(message.card, dict) else {}
    return mask("\n".join([message.text, *_card_lines(card)]).strip())


def _card_lines(card: dict[str, Any]) -> list[str]:
    """The figures of a card, a line each; a rating form says nothing."""
    kind = card.get("type")
    title = [f"【{card['title']}】"] if card.get("title") and kind != "rating" else []
    if kind == "bill":
        items = [f"{item.get('name')} {item.get('amount')}元" for item in _items(card, "items")]
        return [*title, *items, f"合计 {card.get('total')}元"]
    if kind == "plans":
        return title + [f"{p.get('name')} {p.get('price')}元/月" for p in _items(card, "plans")]
    if kind == "usage":
        return title + [
            f"{b.get('name')} 已用{b.get('used')}{b.get('unit', '')}，剩余{b.get('left')}{b.get('unit', '')}"
            for b in _items(card, "buckets")
        ]
    if kind == "ticket":
        return [*title, f"工单号 {card.get('id')}，{card.get('status')}"]
    return title


def _items(card: dict[str, Any], name: str) -> Iterable[dict[str, Any]]:
    found = card.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
