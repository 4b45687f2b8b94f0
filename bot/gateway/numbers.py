"""One account, several numbers: which are bound, which is in use, and how another is bound."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.channels.plain import Choice
from bot.gateway import channel_words as said
from bot.identity.models import ChannelAccount, Number
from core.security import mask

_LIST = re.compile(
    r"(切换|更换|查看|看看|看下)?(一下)?我?(已经?|都)?(绑定|绑)了?(的|哪些|哪几个|几个)(手机|电话)?(号码|号)"
    r"|(切换|选择?)(一下)?(另一个|别的|其他)?(手机|电话)?(号码|号)|我的(手机|电话)?号码?"
)
_USE = re.compile(
    r"(我?要|请?帮我)?(换成?|换到|改?用|切换到?|切换成)?(?P<head>1[3-9]\d)?尾号(是|为)?(?P<tail>\d{4})的?(那个)?(手机|电话)?(号码|号)?"
)
_BIND = re.compile(
    r"(我?要|请?帮我)?再?(绑定|绑)(一个|另一个|另外一个)?(手机|电话)?(号码|号)?[:,，：]?\s*(?P<phone>1[3-9]\d{9})"
)


def to_bind(text: str) -> str | None:
    """The number that a customer asks to have bound."""
    found = _BIND.fullmatch(text)
    return found["phone"] if found else None


def to_use(text: str, numbers: Sequence[Number]) -> str | None:
    """The one bound number that a text names by its ends."""
    found = _USE.fullmatch(text)
    if found is None:
        return None
    head, tail = found["head"] or "", found["tail"]
    fitting = [
        n["phone"] for n in numbers if n["phone"].startswith(head) and n["phone"].endswith(tail)
    ]
    return fitting[0] if len(fitting) == 1 else None


def asks_which(text: str) -> bool:
    """Whether the customer wants to see, or choose among, their numbers."""
    return bool(_LIST.fullmatch(text))


def listing(known: ChannelAccount) -> tuple[str, list[Choice]]:
    """The bound numbers in words, and the others to choose from."""
    others = [n["phone"] for n in known.numbers or () if n["phone"] != known.phone]
    choices = [
        {"title": f"换成{mask(phone)}", "payload": f"换成{phone[:3]}尾号{phone[-4:]}的号码"}
        for phone in others
    ]
    return said.numbers(str(known.phone), len(others)), choices
