"""Understands what WeChat posts: messages of every kind, and events."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

NAME = "wechat"
Kind = Literal["message", "follow", "unfollow", "scan", "click", "consent", "unreached", "other"]
_MAX_ACCOUNT = 64
_MAX_ID = 48
_MAX_TEMPLATES = 10
_MEDIA_WORDS = {
    "image": "[图片]",
    "voice": "[语音]",
    "video": "[视频]",
    "location": "[位置]",
    "link": "[链接]",
    "other": "[其他消息]",
}
_EVENTS: dict[str, Kind] = {
    "subscribe": "follow",
    "unsubscribe": "unfollow",
    "SCAN": "scan",
    "CLICK": "click",
    "subscribe_msg_popup_event": "consent",
    "subscribe_msg_change_event": "consent",
}


class NotUnderstood(Exception):
    """The fields that every callback has are missing or no good."""


@dataclass(frozen=True)
class Received:
    """One callback.

    Args:
        kind: what happened; ``other`` needs no answer.
        account: openid of the customer.
        to: our own id, the sender of a passive answer.
        key: the same for every repetition of the callback.
        text: what it says, or says for the customer (a menu's key), or why a reminder did not arrive.
        card: of a message that is no text.
        acted: it allows what a click allows, not what a message allows.
        scene: code by which the customer came.
        consents: template ids accepted (True) or withdrawn (False).
    """

    kind: Kind
    account: str
    to: str
    key: str
    text: str = ""
    card: dict[str, Any] | None = None
    acted: bool = False
    scene: str | None = None
    consents: dict[str, bool] = field(default_factory=dict)


def understand(fields: dict[str, str]) -> Received:
    """Reads the callback's fields. Raises NotUnderstood."""
    account, to = fields.get("FromUserName", ""), fields.get("ToUserName", "")
    kind = fields.get("MsgType", "")
    if not account or len(account) > _MAX_ACCOUNT or not account.isascii() or not kind:
        raise NotUnderstood("no sender or no kind")
    if kind == "event":
        return _event(fields, account, to)
    number = fields.get("MsgId", "")
    if not number.isdigit() or len(number) > _MAX_ID:
        raise NotUnderstood("no MsgId")
    key = f"wx-{number}"
    if kind == "text":
        clicked = bool(fields.get("bizmsgmenuid"))
        return Received("message", account, to, key, fields.get("Content", ""), acted=clicked)
    if kind == "voice" and (heard := fields.get("Recognition", "").strip()):
        # A spoken sentence gets a full stop, which no typed request has.
        return Received("message", account, to, key, heard.rstrip("。"))
    card = _card(kind, fields)
    return Received("message", account, to, key, _words(card), card)


def _event(fields: dict[str, str], account: str, to: str) -> Received:
    event, created = fields.get("Event", ""), fields.get("CreateTime", "")
    if not event or not created.isdigit():
        raise NotUnderstood("no event or no time")
    value = fields.get("EventKey", "")
    # The platform names sender and time; the rest tells two events of one second apart.
    named = "\0".join((account, created, event, value))
    key = f"we-{hashlib.sha256(named.encode()).hexdigest()[:40]}"
    kind = _EVENTS.get(event, "other")
    if kind == "other" and (failure := _failure(event, fields)):
        return Received("unreached", account, to, key, failure)
    acted = kind in ("follow", "scan", "click")
    scene = value.removeprefix("qrscene_")[:64] if kind in ("follow", "scan") else ""
    return Received(
        kind, account, to, key, value if kind == "click" else "", None, acted, scene or None,
        _consents(fields) if kind == "consent" else {},
    )  # fmt: skip


def _failure(event: str, fields: dict[str, str]) -> str:
    """Why a reminder did not arrive; empty when it did, or the event tells of none."""
    if event.upper() == "TEMPLATESENDJOBFINISH":
        status = fields.get("Status", "")
        return "" if status == "success" else status[:60] or "没有说明原因"
    code = fields.get("SubscribeMsgSentEvent/List/ErrorCode", "0")
    if event == "subscribe_msg_sent_event" and code != "0":
        return fields.get("SubscribeMsgSentEvent/List/ErrorStatus", "")[:60] or code[:10]
    return ""


def _consents(fields: dict[str, str]) -> dict[str, bool]:
    """What the customer said to each template that the event lists."""
    found: dict[str, bool] = {}
    for name in ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent"):
        for number in range(1, _MAX_TEMPLATES + 1):
            nth = "" if number == 1 else f"#{number}"
            if template := fields.get(f"{name}/List/TemplateId{nth}"):
                said = fields.get(f"{name}/List/SubscribeStatusString{nth}")
                found[template[:64]] = said == "accept"
    return found


def _card(kind: str, fields: dict[str, str]) -> dict[str, Any]:
    known = {"shortvideo": "video"}.get(kind, kind)
    card: dict[str, Any] = {
        "type": "media",
        "kind": known if known in _MEDIA_WORDS else "other",
        "channel": NAME,
    }
    if known not in _MEDIA_WORDS:
        card["label"] = kind[:30]
    if media_id := fields.get("MediaId"):
        card["media_id"] = media_id[:512]
    for name in ("PicUrl", "Url"):
        if url := web_address(fields.get(name, "")):
            card["url"] = url
    if kind == "location":
        card |= {
            "latitude": _degrees(fields, "Location_X"),
            "longitude": _degrees(fields, "Location_Y"),
        }
        card["label"] = fields.get("Label", "")[:200]
    elif kind == "link":
        card["label"] = fields.get("Title", "")[:200]
    return card


def _degrees(fields: dict[str, str], name: str) -> float | None:
    try:
        degrees = float(fields.get(name, ""))
    except ValueError:
        return None
    return degrees if -180 <= degrees <= 180 else None


def _words(card: dict[str, Any]) -> str:
    label = f" {card['label']}" if card.get("label") and card["kind"] != "other" else ""
    return _MEDIA_WORDS[card["kind"]] + label


def web_address(value: str) -> str | None:
    """The address if a browser may be sent there, else None."""
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    good = parts.scheme in ("http", "https") and bool(parts.hostname) and len(value) <= 1000
    return value.strip() if good else None
