"""Messages for platforms that know text and little else: cards become lines, buttons become choices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

Choice = dict[str, str]
"""{"title", "payload"}"""
_BOLD = re.compile(r"(?<!\*)\*\*(?!\*)(.+?)(?<!\*)\*\*(?!\*)")
"""More than two stars hide a number: 138****0001."""
_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^\s)]+)\)")
_PICK = re.compile(r"(?:我?选|第)?\s*([0-9]{1,2}|[一二三四五六七八九十])\s*(?:个|项|号|条)?")
_FIGURE = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_MONTH = re.compile(r"(\d{4})-0?(\d{1,2})", re.ASCII)
_ROWS = {"bill": "items", "plans": "plans", "usage": "buckets"}
_NUMERALS = "一二三四五六七八九十"
_WRAPPING = "「」『』“”\"'‘’【】[]()（）.。、,，!！ "
RATING = "对本次服务满意吗？请回复1到5打分，5分最满意。"


def text_of(said: dict[str, Any]) -> str:
    """What a message says, its card included unless the words tell it all; a person's carry their name."""
    words, card = _plain(str(said.get("text") or "")), said.get("card")
    card = card if isinstance(card, dict) and not _told(words, card) else {}
    text = "\n".join(line for line in (words, *card_lines(card)) if line).strip()
    if said.get("sender") == "agent":
        return f"【人工客服{said.get('agent_name') or ''}】\n{text}"
    return text


def choices_of(said: dict[str, Any]) -> list[Choice]:
    """The buttons of a message; whether an answer helped is asked on pages only, words do it here."""
    card = said.get("card")
    if isinstance(card, dict) and card.get("type") == "rating":
        return [{"title": f"{score}分", "payload": f"rating:{score}"} for score in range(1, 6)]
    buttons = said.get("buttons") or []
    return [
        {"title": button["title"], "payload": button.get("payload") or button["title"]}
        for button in buttons
        if button.get("title") and button.get("kind") != "feedback"
    ]


def numbered(choices: Sequence[Choice]) -> str:
    """Choices as lines; empty for none."""
    if not choices or is_rating(choices):
        return ""
    lines = [f"{number}. {choice['title']}" for number, choice in enumerate(choices, 1)]
    return "\n".join(["回复数字就行：", *lines])


def is_rating(choices: Sequence[Choice]) -> bool:
    """Whether the choices are the scores of a rating."""
    return bool(choices) and choices[0]["payload"].startswith("rating:")


def picked(text: str, choices: Sequence[Choice]) -> Choice | None:
    """The choice that a customer's words name by number (「2」, 「第二个」) or by title."""
    folded = unicodedata.normalize("NFKC", text).strip().strip(_WRAPPING)
    for choice in choices:
        if folded == unicodedata.normalize("NFKC", choice["title"]).strip(_WRAPPING):
            return choice
    found = _PICK.fullmatch(folded)
    if found is None:
        return None
    digits = found.group(1)
    number = int(digits) if digits.isdigit() else _NUMERALS.index(digits) + 1
    return choices[number - 1] if 1 <= number <= len(choices) else None


def _plain(text: str) -> str:
    return _LINK.sub(r"\1 \2", _BOLD.sub(r"\1", text))


def _told(words: str, card: dict[str, Any]) -> bool:
    """Whether every name and figure of the card stands in the words already."""
    rows = _items(card, _ROWS.get(str(card.get("type")), ""))
    figures = _figures(" ".join(card_lines(card)[1:]))
    names = [str(row.get("name") or "") for row in rows]
    return bool(rows) and all(n in words for n in names) and figures <= _figures(words)


def _figures(text: str) -> set[Decimal]:
    return {Decimal(figure) for figure in _FIGURE.findall(text)}


def card_lines(card: dict[str, Any]) -> list[str]:
    """The card in words, figures as they came."""
    shape = _SHAPES.get(str(card.get("type")))
    return [] if shape is None else shape(card)


def _bill(card: dict[str, Any]) -> list[str]:
    head = card.get("title") or f"{_month(card)}账单"
    items = [
        f"· {item.get('name')} {item.get('amount')}元"
        + (f"（{item['change']}）" if item.get("change") else "")
        for item in _items(card, "items")
    ]
    lines = [f"【{head}】", *items, f"合计 {card.get('total')}元"]
    compare = card.get("compare")
    if isinstance(compare, dict):
        lines.append(f"对比{_month(compare)}：{compare.get('total')}元")
    return lines


def _month(shape: dict[str, Any]) -> str:
    """「2026-09」 as people say it."""
    return _MONTH.sub(r"\1年\2月", str(shape.get("month") or ""))


def _plans(card: dict[str, Any]) -> list[str]:
    return [f"【{card.get('title') or '套餐'}】", *(_plan(plan) for plan in _items(card, "plans"))]


def _plan(plan: dict[str, Any]) -> str:
    facts = [f"{plan.get('price')}元/月"]
    facts += [f"{plan['data_gb']}GB"] if plan.get("data_gb") else []
    facts += [f"{plan['minutes']}分钟"] if plan.get("minutes") else []
    extras = plan.get("extras")
    facts += [str(extra) for extra in extras] if isinstance(extras, list) else []
    reason = f"（{plan['reason']}）" if plan.get("reason") else ""
    return f"· {plan.get('name')} {'，'.join(facts)}{reason}"


def _usage(card: dict[str, Any]) -> list[str]:
    lines = [
        f"· {b.get('name')} 已用{b.get('used')}{b.get('unit', '')}，"
        f"共{b.get('total')}{b.get('unit', '')}，剩余{b.get('left')}{b.get('unit', '')}"
        for b in _items(card, "buckets")
    ]
    return [f"【{card.get('title') or '用量'}】", *lines]


def _ticket(card: dict[str, Any]) -> list[str]:
    steps = [f"· {step.get('text')}" for step in _items(card, "steps")]
    return [
        f"【{card.get('title') or '工单'}】工单号 {card.get('id')}，{card.get('status')}",
        *steps,
    ]


def _items(card: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = card.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


_SHAPES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "bill": _bill,
    "plans": _plans,
    "usage": _usage,
    "ticket": _ticket,
    "rating": lambda _: [RATING],
}
