"""Suggested replies: for what the customer really asked, from the knowledge base and their own figures.

Pure functions over the transcript. 「转人工」 alone is no request: what was asked before it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.transcript import Message
from handoff.context import ContextPackage, Customer, TriedStep

MAX_SUGGESTIONS = 6
_REQUESTS = 3
_HITS_EACH = 2
_QUOTED = 40
_LIKELY = 0.1
"""A calibrated share of right answers."""
_TALK = frozenset({
    "greet", "goodbye", "thank", "affirm", "deny", "chitchat", "bot_challenge", "request_human",
    "feedback_negative", "feedback_positive", "rate_service", "inform", "out_of_scope",
})  # fmt: skip
"""Intents that ask for nothing an agent could answer from a book."""
_NOISE = re.compile(r"[\s\W_]+")
_BARE = re.compile(
    r"^(你好|您好|喂|快|赶紧|马上|请|麻烦|帮我|给我|我|要|想|需要|直接|还是|不对|算了|别废话)*"
    r"(转|转接|接|换|找|叫|联系|转到|人工|真人|活人|客服|服务|个|一个|人|来|一下|坐席|专员)+(吧|啊|呀|了|好吗|可以吗|谢谢)*$"
)
_FACTS: dict[str, tuple[str, ...]] = {
    "query_balance": ("balance", "arrears"),
    "recharge": ("balance", "arrears"),
    "resume_service": ("arrears", "balance"),
    "query_package": ("plan", "contract_end"),
    "change_package": ("plan", "contract_end"),
    "recommend_package": ("plan", "contract_end"),
    "port_out": ("contract_end", "arrears"),
    "cancel_account": ("contract_end", "arrears"),
}
"""What the operator's systems said about the customer that answers such a request."""


def asks_for_a_person(text: str) -> bool:
    """Whether a text says no more than 「转人工」."""
    plain = _NOISE.sub("", text)
    return len(plain) <= 16 and bool(_BARE.match(plain))


def requests_of(messages: Iterable[Message], most: int = _REQUESTS) -> list[Message]:
    """The customer's last messages that ask for something, newest first."""
    found: list[Message] = []
    for message in reversed([m for m in messages if m.sender == "customer"]):
        intent = _intent(message)
        bare = intent in _TALK if intent else asks_for_a_person(message.text)
        if not bare and message.text.strip():
            found.append(message)
        if len(found) == most:
            break
    return found


def suggestions(
    package: ContextPackage, messages: Sequence[Message], opened_with: Message | None
) -> list[dict[str, Any]]:
    """What the agent could say at once: {"kind": "data"|"knowledge", "question", "answer", …}.

    Args:
        opened_with: the customer's message that led to the handoff; the dialogue's hits are about it.
    """
    asked = requests_of(messages)
    offers = [offer for message in asked for offer in _for_message(message)]
    if opened_with is None or opened_with in asked:
        offers += [_knowledge(hit, None) for hit in _likely(package.suggested_replies)]
    offers += _from_facts(package, asked)
    offers += [offer for step in reversed(package.tried) if (offer := _from_step(step))]
    return _distinct(offers)[:MAX_SUGGESTIONS]


def _for_message(message: Message) -> list[dict[str, Any]]:
    known = message.understanding or {}
    help_ = known.get("assist") or {}
    offers = []
    if figures := help_.get("figures"):
        offers.append(_data(str(help_.get("wants") or "客户数据"), figures, message))
    knowledge = known.get("knowledge") or {}
    sure = knowledge.get("decision") in ("answer", "clarify")
    hits = help_.get("hits") or (knowledge.get("hits") if sure else None) or []
    return offers + [_knowledge(hit, message) for hit in _likely(hits)[:_HITS_EACH]]


def _likely(hits: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    # What the search itself holds for improbable wastes the agent's look; its best guess stays.
    return [hit for place, hit in enumerate(hits) if place == 0 or hit.get("score", 1.0) >= _LIKELY]


def _knowledge(hit: Mapping[str, Any], message: Message | None) -> dict[str, Any]:
    kept = {name: hit[name] for name in ("entry_id", "question", "answer", "score") if name in hit}
    return {"kind": "knowledge", **kept, **_about(message)}


def _data(title: str, figures: Mapping[str, Any], message: Message | None) -> dict[str, Any]:
    listed = "，".join(f"{label}{value}" for label, value in figures.items())
    answer = f"为您查到：{listed}。"
    return {
        "kind": "data", "entry_id": f"data:{listed}"[:80], "question": title, "answer": answer,
        **_about(message),
    }  # fmt: skip


def _about(message: Message | None) -> dict[str, Any]:
    return {"for": message.text[:_QUOTED], "seq": message.seq} if message else {}


def _from_step(step: TriedStep) -> dict[str, Any] | None:
    if not step.figures:
        return None
    return _data(step.summary.rstrip("。；")[:_QUOTED] or "已查到的数据", step.figures, None)


def _from_facts(package: ContextPackage, asked: Sequence[Message]) -> list[dict[str, Any]]:
    intents = [_intent(message) for message in asked] or [package.wants.intent or ""]
    wanted = dict.fromkeys(name for intent in intents for name in _FACTS.get(intent, ()))
    lines = (_fact(package.customer, name) for name in wanted)
    return [
        {"kind": "data", "entry_id": f"fact:{title}", "question": title, "answer": answer}
        for title, answer in filter(None, lines)
    ]


def _fact(customer: Customer, name: str) -> tuple[str, str] | None:
    value = getattr(customer, name)
    if not value or (name == "arrears" and not value.strip("0.")):
        return None
    return {
        "balance": ("余额", f"您当前的账户余额是{value}元。"),
        "arrears": ("欠费", f"您当前欠费{value}元。"),
        "plan": ("当前套餐", f"您现在使用的是{value}。"),
        "contract_end": ("合约到期", f"您的合约到{value}到期。"),
    }[name]


def _distinct(offers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: dict[str, dict[str, Any]] = {}
    for offer in offers:
        key = str(offer.get("entry_id") or offer.get("answer"))
        if offer.get("answer"):
            seen.setdefault(key, offer)
    return list(seen.values())


def _intent(message: Message) -> str:
    intent = (message.understanding or {}).get("intent")
    return str(intent.get("name") or "") if isinstance(intent, dict) else ""
