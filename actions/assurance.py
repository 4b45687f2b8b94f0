"""What may be shown or changed, and how sure we must be of who asks: one table.

A guest may ask anything that concerns nobody in particular. An account that is bound to a number (WeChat, the
app after its proof ran out) sees how much data is left, which plan it has and how its tickets stand. Money,
histories and every change need a proof of these hours: an SMS code or a signed app token.
"""

from __future__ import annotations

GUEST, BOUND, VERIFIED = 0, 1, 2

NEEDED: dict[str, int] = {
    "action_query_usage": BOUND,
    "action_query_package": BOUND,
    "action_query_ticket": BOUND,
    "action_query_balance": VERIFIED,
    "action_query_points": VERIFIED,
    "action_query_bill": VERIFIED,
    "action_explain_bill": VERIFIED,
    "action_query_usage_trace": VERIFIED,
    "action_query_subscriptions": VERIFIED,
    "action_recommend_package": VERIFIED,
}
"""Level by action. What is not named here and is private needs a proof, as does every private task."""


def enough(action: str, level: int) -> bool:
    """Whether somebody known at this level may have the action answered."""
    return level >= NEEDED.get(action, VERIFIED)
