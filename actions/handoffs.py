"""What a person needs to know when taking over, gathered from the conversation: the handoff directive."""

from __future__ import annotations

from typing import Any

from actions.outcome import Handoff
from actions.tasks.registry import TASKS
from actions.turn import Turn
from core.security import mask

HITS_KEPT = 3
_GROUPS = {
    "billing": ("query_balance", "query_bill", "explain_bill", "recharge", "query_points",
                "request_invoice", "query_usage_trace"),
    "packages": ("query_package", "query_usage", "browse_packages", "recommend_package",
                 "change_package", "order_addon", "query_subscriptions", "cancel_subscription",
                 "activate_roaming"),
    "technical": ("report_network_fault",),
    "complaints": ("file_complaint", "report_spam"),
    "retention": ("port_out", "cancel_account"),
}  # fmt: skip
GROUP_OF = {intent: group for group, intents in _GROUPS.items() for intent in intents}
_REQUESTS = {
    "query_balance": "查询话费余额", "query_bill": "查询账单", "explain_bill": "了解扣费原因",
    "query_usage": "查询剩余用量", "query_usage_trace": "查询流量去向", "recharge": "充值话费",
    "query_points": "查询积分", "request_invoice": "开具发票", "query_package": "查询当前套餐",
    "browse_packages": "了解套餐", "recommend_package": "推荐合适的套餐",
    "change_package": "变更套餐", "order_addon": "订购业务", "query_subscriptions": "查询已开业务",
    "cancel_subscription": "退订业务", "report_network_fault": "网络报障", "query_ticket": "查询工单",
    "file_complaint": "投诉", "report_spam": "举报骚扰", "suspend_service": "停机或挂失",
    "resume_service": "复机", "replace_sim": "补换卡", "activate_roaming": "开通国际漫游",
    "port_out": "携号转网转出", "cancel_account": "销户", "find_store": "查找营业厅",
    "change_password": "重置服务密码", "ask_knowledge": "咨询业务规则",
}  # fmt: skip


def subject(intent: str) -> str | None:
    """What customers with this intent want, in a few Chinese words."""
    return _REQUESTS.get(intent)


def _topic(turn: Turn, tried: list[dict[str, Any]]) -> str:
    """The intent that the handoff is really about; 「转人工」 itself says nothing."""
    if turn.intent in _REQUESTS:
        return turn.intent
    if turn.tasks:
        return str(turn.tasks[0].get("request", {}).get("intent") or "")
    return str(tried[-1]["intent"]) if tried else turn.intent


def skill_group(wanted: Handoff, turn: Turn, topic: str) -> str:
    """Diamond customers have their own group, except where only specialists can help."""
    group = wanted.skill_group or GROUP_OF.get(topic, "general")
    special = ("complaints", "retention", "technical")
    if turn.identity and turn.identity.tier == "diamond" and group not in special:
        return "vip"
    return group


def request_line(wanted: Handoff, turn: Turn, topic: str, tried: list[dict[str, Any]]) -> str:
    """One Chinese line: what the customer wants, from facts only."""
    line = _first_request(wanted, turn, topic, tried)
    others = [mask(str(request.get("text") or "")) for request in turn.waiting]
    return (
        f"{line}；还没办的：{'、'.join(f'「{text[:40]}」' for text in others)}" if others else line
    )


def _first_request(wanted: Handoff, turn: Turn, topic: str, tried: list[dict[str, Any]]) -> str:
    said = mask(turn.text)[:80]
    if wanted.request:
        return wanted.request
    if what := subject(turn.intent):
        return f"客户要{what}，原话：「{said}」"
    if turn.tasks and (what := subject(topic)):
        return f"客户要{what}（没办完），原话：「{said}」"
    if tried:
        return f"客户要求人工服务，之前：{tried[-1]['summary']}；原话：「{said}」"
    return f"客户要求人工服务，原话：「{said}」"


def directive(
    wanted: Handoff, turn: Turn, tried: list[dict[str, Any]], shown: list[dict[str, Any]]
) -> dict[str, Any]:
    """Fields of the ``handoff`` directive."""
    topic = _topic(turn, tried)
    grade = wanted.grade or ("normal" if wanted.trigger == "complaint" else None)
    return {
        "trigger": wanted.trigger,
        "skill_group": skill_group(wanted, turn, topic),
        "request": request_line(wanted, turn, topic, tried),
        "intent": topic,
        "slots": _slots(turn),
        "entities": [{"entity": e.kind, "value": e.text} for e in turn.request.entities],
        "tried": tried,
        "knowledge_shown": shown,
        "complaint_grade": grade,
        "hits": _hits(turn),
    }


def _slots(turn: Turn) -> dict[str, Any]:
    """What an open task had collected already, by Chinese label, and what it still needed."""
    filled: dict[str, str] = {}
    missing: list[str] = []
    for shape in turn.tasks:
        task = TASKS.get(shape["name"])
        for part in task.fields if task else ():
            value = shape.get("filled", {}).get(part.name)
            if value is None:
                missing.append(part.label)
            elif not part.secret:
                filled[part.label] = str(value)
    return {"filled": filled, "missing": missing}


def _hits(turn: Turn) -> list[dict[str, Any]]:
    kept = ("entry_id", "question", "answer", "score", "category")
    return [
        {name: hit[name] for name in kept if name in hit}
        for hit in (turn.knowledge.get("hits") or ())[:HITS_KEPT]
    ]
