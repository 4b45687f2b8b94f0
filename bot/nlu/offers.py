"""Choices offered when a message could mean several things, in words a customer would use.

A choice's payload is plain text, sent as if typed; each is understood as its intent without doubt
(``tests/bot/nlu`` checks it against the trained model).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_CHOICES = 3
_TITLE_LENGTH = 24


@dataclass(frozen=True)
class Choice:
    """A button: what it says and what it sends."""

    title: str
    payload: str
    intent: str

    def to_dict(self) -> dict[str, str]:
        return {"title": self.title, "payload": self.payload, "intent": self.intent}


@dataclass(frozen=True)
class _Wording:
    """``payload`` may name one entity type in braces; ``plain`` serves when it was not mentioned."""

    title: str
    payload: str
    plain: str


def _words(title: str, plain: str, payload: str = "") -> _Wording:
    return _Wording(title, payload or plain, plain)


WORDINGS: dict[str, _Wording] = {
    "query_balance": _words("查话费余额", "查一下我的话费余额"),
    "query_bill": _words("查账单", "查一下我的账单", "查一下我{month}的账单"),
    "explain_bill": _words(
        "问为什么扣费", "帮我看看为什么扣了这么多钱", "帮我看看为什么多扣了{money_amount}"
    ),
    "query_usage": _words("查剩余流量", "查一下我还剩多少流量"),
    "query_usage_trace": _words("查流量用在哪儿", "查一下我的流量都用到哪里去了"),
    "recharge": _words("交话费", "我要交话费", "我要充{money_amount}话费"),
    "query_points": _words("查积分", "查一下我有多少积分"),
    "request_invoice": _words("开发票", "我要开发票", "给我开{month}的发票"),
    "query_package": _words("查我现在的套餐", "查一下我现在用的是什么套餐"),
    "browse_packages": _words("看看有哪些套餐", "你们有哪些套餐，介绍一下"),
    "recommend_package": _words("推荐适合我的套餐", "给我推荐一个适合我的套餐"),
    "change_package": _words("换套餐", "我要换套餐", "帮我改成{package_name}"),
    "order_addon": _words("加流量包或开业务", "我要加一个流量包", "帮我开通{service_name}"),
    "query_subscriptions": _words("查已开通的业务", "查一下我开通了哪些业务"),
    "cancel_subscription": _words("退订业务", "我要退订业务", "帮我退订{service_name}"),
    "report_network_fault": _words("报网络故障", "我的网络有故障，要报修"),
    "query_ticket": _words("查报修或投诉进度", "查一下我的工单处理到哪了"),
    "file_complaint": _words("投诉", "我要投诉你们"),
    "report_spam": _words("举报骚扰电话或短信", "我要举报骚扰电话"),
    "suspend_service": _words("停机或挂失", "我要办理停机"),
    "resume_service": _words("恢复开机", "我要办理复机，恢复通话"),
    "replace_sim": _words("补卡换卡", "我要补办手机卡"),
    "activate_roaming": _words("开通国际漫游", "帮我开通国际漫游", "帮我开通{country}的漫游"),
    "port_out": _words("携号转网", "我要携号转网，转到别家"),
    "cancel_account": _words("销户", "我要注销这个号码"),
    "find_store": _words("找营业厅", "附近的营业厅在哪里", "{address}附近的营业厅在哪里"),
    "change_password": _words("重置服务密码", "帮我重置服务密码"),
    "request_human": _words("转人工客服", "转人工客服"),
}


def choices(
    intents: Sequence[str], entities: Mapping[str, str], hits: Sequence[Mapping[str, Any]]
) -> list[Choice]:
    """Up to three choices for the intents given, best first; those without a wording are left out.

    Args:
        entities: type → the customer's own words, used in the payload.
        hits: knowledge hits; the first stands for ``ask_knowledge``.
    """
    found = []
    for intent in intents:
        if intent == "ask_knowledge" and hits:
            question = str(hits[0]["question"])
            found.append(Choice(_shortened(question), question, intent))
        elif intent in WORDINGS:
            found.append(_worded(intent, entities))
    return found[:MOST_CHOICES]


def _worded(intent: str, entities: Mapping[str, str]) -> Choice:
    wording = WORDINGS[intent]
    named = next((t for t in entities if "{" + t + "}" in wording.payload), None)
    if named is None:
        return Choice(wording.title, wording.plain, intent)
    payload = wording.payload.replace("{" + named + "}", entities[named])
    return Choice(_shortened(payload), payload, intent)


def _shortened(text: str) -> str:
    return text if len(text) <= _TITLE_LENGTH else text[: _TITLE_LENGTH - 1] + "…"
