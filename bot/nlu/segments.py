"""Several requests in one message, taken apart only when it is safe.

「查下余额，顺便加个流量包」 are two; 「不是查账单，我要发票」 is one, and so is a story that ends in a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Classify = Callable[[Sequence[str]], Sequence[tuple[str, float]]]
# What may stand between two requests; a bare comma counts only before a word of adding.
_JOINT = re.compile(
    r"[,。!?;、… ]*(?:顺便(?:再)?(?:帮我)?|顺带|另外(?:再)?|还有(?:就是|个事)?|然后(?:再)?|接着|完了(?:再)?|"
    r"同时(?:再)?|并且|以及|"
    r"(?<=[,。;!? ])(?:再(?:帮我|给我|查|看|加|办|开|退|充|交)|也(?:帮我|给我)))[,、 ]*|[。;!?;]+"
)
_CONTRAST = re.compile(
    r"不是|而是|不要.{0,6}要|别.{0,8}(?:给我|帮我|要)|如果|要是|的话|先不|先别|因为|所以|但是|可是|不过"
)
_ACTIONABLE = frozenset(
    {
        "query_balance", "query_bill", "explain_bill", "query_usage", "query_usage_trace",
        "recharge", "query_points", "request_invoice", "query_package", "browse_packages",
        "recommend_package", "change_package", "order_addon", "query_subscriptions",
        "cancel_subscription", "report_network_fault", "query_ticket", "file_complaint",
        "report_spam", "suspend_service", "resume_service", "replace_sim", "activate_roaming",
        "port_out", "cancel_account", "find_store", "change_password", "ask_knowledge",
        "request_human",
    }
)  # fmt: skip
MOST_REQUESTS = 5
_LONGEST = 120
_SHORTEST = 3
SURE = 0.8


@dataclass(frozen=True)
class Request:
    """One request: half-open range of the folded text and what it asks for."""

    start: int
    end: int
    intent: str
    confidence: float


def pieces(text: str) -> list[tuple[int, int]]:
    """Ranges that could each be a request; fewer than two when nothing suggests several."""
    if len(text) > _LONGEST or _CONTRAST.search(text):
        return []
    ranges = []
    start = 0
    for joint in _JOINT.finditer(text):
        # 再查 opens the second request: the verb stays with it.
        verb = re.search(r"(?:查|看|加|办|开|退|充|交|帮我|给我)$", joint.group())
        end = joint.end() - (len(verb.group()) if verb else 0)
        ranges.append((start, joint.start()))
        start = end
    ranges.append((start, len(text)))
    found = [(a, b) for a, b in ranges if b - a >= _SHORTEST]
    return found if 2 <= len(found) <= MOST_REQUESTS else []


def requests(text: str, classify: Classify) -> list[Request]:
    """The requests of ``text`` in order, or none unless every piece is surely a request.

    Args:
        classify: gives the best intent and its probability for each text.
    """
    ranges = pieces(text)
    if not ranges:
        return []
    judged = classify([text[a:b] for a, b in ranges])
    found = [
        Request(start, end, intent, confidence)
        for (start, end), (intent, confidence) in zip(ranges, judged, strict=True)
    ]
    safe = all(r.intent in _ACTIONABLE and r.confidence >= SURE for r in found)
    return found if safe and len({r.intent for r in found}) == len(found) else []
