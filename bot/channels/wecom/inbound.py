"""Understands the items of WeCom's message log: customers' messages and the system's events."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from bot.channels.wechat.inbound import web_address

NAME = "wecom"
CUSTOMER, SYSTEM, COLLEAGUE = 3, 4, 5
"""Origins; a colleague writes in WeCom's own client."""
_MAX_ACCOUNT = 128
_KINDS = {
    "image": "[图片]",
    "voice": "[语音]",
    "video": "[视频]",
    "location": "[位置]",
    "link": "[链接]",
}
_FAILURES = {
    1: "客服账号已被删除",
    2: "应用已关闭",
    4: "会话已过期，客户超过48小时没有说话",
    5: "会话已关闭",
    6: "超过了5条的限制",
    10: "客户拒收消息",
}
_ENDED = 3
"""The change of a session that ends it; all others give it to a colleague."""
Kind = Literal["message", "enter", "failed", "recall", "taken", "ended", "colleague", "other"]


@dataclass(frozen=True)
class Item:
    """One item of the log.

    Args:
        account: ``open_kfid/external_userid``.
        key: the same whenever the item is read.
        text: what the customer, or a colleague, wrote.
        acted: the customer tapped a choice.
        welcome_code: allows one welcome.
        failed_id: our message that did not arrive, and why.
    """

    kind: Kind
    account: str
    key: str
    text: str = ""
    card: dict[str, Any] | None = None
    acted: bool = False
    welcome_code: str = ""
    failed_id: str = ""
    reason: str = ""


def understand(raw: Any, open_kfid: str) -> Item | None:
    """Reads one item; None for what is damaged or from nobody we know."""
    if not isinstance(raw, dict) or not isinstance(raw.get("msgid"), str):
        return None
    event = raw.get("event")
    if raw.get("msgtype") == "event" and isinstance(event, dict):
        return _event(raw, event, open_kfid)
    origin = raw.get("origin")
    if origin not in (CUSTOMER, COLLEAGUE):
        return None
    account = _account(raw.get("open_kfid") or open_kfid, raw.get("external_userid"))
    if account is None:
        return None
    kind = str(raw.get("msgtype"))
    content = raw.get(kind)
    content = content if isinstance(content, dict) else {}
    key = _key(raw["msgid"])
    if origin == COLLEAGUE:
        said = str(content.get("content") or "") if kind == "text" else ""
        return Item("colleague", account, key, said[:2000] or _KINDS.get(kind, "[其他消息]"))
    if kind == "text":
        return Item(
            "message", account, key, str(content.get("content") or ""), acted=bool(content.get("menu_id")),
        )  # fmt: skip
    card = _card(kind, content)
    label = f" {card['label']}" if card["kind"] != "other" and card.get("label") else ""
    return Item("message", account, key, _KINDS.get(kind, "[其他消息]") + label, card)


def _event(raw: dict[str, Any], event: dict[str, Any], open_kfid: str) -> Item | None:
    kfid = event.get("open_kfid") or raw.get("open_kfid") or open_kfid
    account = _account(kfid, event.get("external_userid") or raw.get("external_userid"))
    if account is None:
        return None
    key, kind = _key(raw["msgid"]), event.get("event_type")
    if kind == "enter_session":
        return Item("enter", account, key, welcome_code=str(event.get("welcome_code") or ""))
    if kind == "msg_send_fail":
        why = event.get("fail_type")
        reason = (
            _FAILURES.get(why, "平台没有说明原因") if isinstance(why, int) else "平台没有说明原因"
        )
        return Item(
            "failed", account, key, failed_id=str(event.get("fail_msgid"))[:64], reason=reason
        )
    if kind == "session_status_change":
        return Item("ended" if event.get("change_type") == _ENDED else "taken", account, key)
    if kind == "user_recall_msg":
        return Item("recall", account, key)
    return Item("other", account, key, text=str(kind)[:40])


def _account(open_kfid: Any, customer: Any) -> str | None:
    if (
        not isinstance(open_kfid, str)
        or not isinstance(customer, str)
        or not open_kfid
        or not customer
    ):
        return None
    account = f"{open_kfid}/{customer}"
    return account if len(account) <= _MAX_ACCOUNT and account.isascii() else None


def _key(msgid: str) -> str:
    """Short enough to store, whatever the platform's id looks like."""
    return f"wc-{hashlib.sha256(msgid.encode()).hexdigest()[:40]}"


def _card(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    card: dict[str, Any] = {
        "type": "media",
        "kind": kind if kind in _KINDS else "other",
        "channel": NAME,
    }
    if isinstance(content.get("media_id"), str):
        card["media_id"] = content["media_id"][:512]
    if kind == "location":
        label = " ".join(str(content[name]) for name in ("name", "address") if content.get(name))
        card |= {"label": label[:200]}
        for name in ("latitude", "longitude"):
            value = content.get(name)
            card[name] = value if isinstance(value, int | float) and -180 <= value <= 180 else None
    elif kind == "link":
        card["label"] = str(content.get("title") or "")[:200]
        if url := web_address(str(content.get("url") or "")):
            card["url"] = url
    elif kind not in _KINDS:
        card["label"] = kind[:30]
    return card
