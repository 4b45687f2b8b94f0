"""The five-second summary and what need not be asked again. Pure functions: facts in, Chinese out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from handoff.context import ContextPackage, Customer, Mood, MoodPoint, Summary, TriedStep
from handoff.routing import TIER_WORDS
from handoff.suggestions import asks_for_a_person
from handoff.words import wants_call_back, wants_to_cancel

MOOD_WORDS = {"positive": "满意", "neutral": "平稳", "negative": "不满", "angry": "愤怒"}
_TREND_WORDS = {"better": "，正在好转", "steady": "", "worse": "，越来越差"}
_VERIFIED_WORDS = {"guest": "未验证身份", "bound": "已绑定账号", "verified": "已验证身份"}
_REACTION_WORDS = {"helpful": "有用", "unhelpful": "没有用", "ignored": "未回应"}
_SLOT_WORDS = {
    "phone_number": "手机号",
    "month": "月份",
    "date": "日期",
    "duration": "时长",
    "package_name": "套餐",
    "money_amount": "金额",
    "service_name": "业务",
    "data_amount": "流量",
    "address": "地址",
    "country": "国家或地区",
    "broadband_account": "宽带账号",
    "ticket_id": "工单号",
    "rating": "评分",
}
_RANK = {"positive": 1, "neutral": 0, "negative": -1, "angry": -2}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FEWEST, _MAX_QUOTES, _MAX_QUOTE = 5, 2, 30
"""Chinese characters that say something; quotes, and how long they may be."""
_SAME = 12
"""A line that begins alike is the one that the request quotes."""
_MAX_TRIED = 3
_MAX_TRIED_CHARS = 60


def mood_of(points: Sequence[MoodPoint]) -> Mood:
    """The latest mood, and its trend: the newer half of the messages against the older half."""
    if not points:
        return Mood()
    ranks = [_RANK.get(point.label, 0) for point in points]
    label = points[-1].label if points[-1].label in _RANK else "neutral"
    half = len(ranks) // 2
    change = 0.0
    if half:
        change = sum(ranks[half:]) / (len(ranks) - half) - sum(ranks[:half]) / half
    trend = "better" if change >= 0.5 else "worse" if change <= -0.5 else "steady"
    return Mood.model_validate({"label": label, "trend": trend, "points": list(points)})


# The NLU names what it hears; the desk names what it means.
_MOOD_OF_LABEL = {"calm": "neutral", "unhappy": "negative"}


def mood_point(seq: int, understanding: dict[str, Any] | None) -> MoodPoint | None:
    """The mood the NLU found in one message, if it looked."""
    sentiment = (understanding or {}).get("sentiment")
    if not isinstance(sentiment, dict) or not isinstance(sentiment.get("label"), str):
        return None
    score, flags = sentiment.get("score"), sentiment.get("flags")
    return MoodPoint(
        seq=seq,
        label=_MOOD_OF_LABEL.get(sentiment["label"], sentiment["label"]),
        score=score if isinstance(score, int | float) else None,
        flags=[str(flag) for flag in flags] if isinstance(flags, list) else [],
    )


def summarise(package: ContextPackage) -> Summary:
    """Who, wants what, why here, what was tried with which figures, in which mood."""
    who = _who(package.customer)
    wants = (package.wants.request or "尚未说明") + _own_words(package)
    why = _why(package)
    tried = _tried(package)
    mood = MOOD_WORDS[package.mood.label] + _TREND_WORDS[package.mood.trend]
    text = f"客户：{who}\n诉求：{wants}\n原因：{why}\n已做：{tried}\n情绪：{mood}"
    return Summary(who=who, wants=wants, why=why, tried=tried, mood=mood, text=text)


def _own_words(package: ContextPackage) -> str:
    """What the customer said of it before the last line, which alone rarely says what it is about."""
    said: list[str] = []
    for message in reversed(package.transcript):
        if message.get("sender") != "customer" or message.get("created_at", "") > package.built_at:
            continue
        text = " ".join(str(message.get("text") or "").split())
        chinese = len(_CHINESE.findall(text))
        known = text[:_SAME] in package.wants.request or text in said
        if chinese < _FEWEST or known or asks_for_a_person(text) or _is_button(text):
            continue
        said.append(text)
        if len(said) == _MAX_QUOTES:
            break
    quotes = "".join(f"「{_short(text)}」" for text in reversed(said))
    return f"；此前说过{quotes}" if quotes else ""


def _is_button(text: str) -> bool:
    return wants_to_cancel(text) or wants_call_back(text)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE else text[: _MAX_QUOTE - 1] + "…"


def no_need_to_ask(package: ContextPackage) -> list[str]:
    """What is known already, as lines for the agent."""
    customer = package.customer
    lines = ["身份已验证"] if customer.verification == "verified" else []
    known = {
        "姓名": customer.name,
        "手机号": customer.masked_phone,
        "当前套餐": customer.plan,
        "余额": _yuan(customer.balance),
        "欠费": _yuan(customer.arrears) if _positive(customer.arrears) else None,
        "合约到期": customer.contract_end,
    }
    for name, value in package.wants.slots.filled.items():
        known.setdefault(_SLOT_WORDS.get(name, name), _plain(value))
    for entity in package.wants.entities:
        label = _SLOT_WORDS.get(str(entity.get("entity")))
        if label:
            known.setdefault(label, _plain(entity.get("value")))
    lines += [f"{label}：{value}" for label, value in known.items() if value]
    lines += [step for step in map(_step, package.tried) if step]
    return list(dict.fromkeys(lines))


def closing_summary(package: ContextPackage) -> str:
    """The prefilled text an agent completes when closing."""
    wants = package.wants.request or "（未说明）"
    return f"客户诉求：{wants}\n机器人已做：{_tried(package)}\n处理结果："


def _who(customer: Customer) -> str:
    parts = [customer.name or "未登录客户"]
    if customer.tier in TIER_WORDS and customer.tier != "normal":
        parts.append(TIER_WORDS[customer.tier])
    if customer.elderly:
        parts.append("老年客户")
    parts.append(_VERIFIED_WORDS[customer.verification])
    if customer.plan:
        parts.append(customer.plan)
    if customer.tenure_months is not None and customer.tenure_months >= 12:
        parts.append(f"在网{customer.tenure_months // 12}年")
    if _positive(customer.arrears):
        parts.append(f"欠费{_yuan(customer.arrears)}")
    if customer.contract_end:
        parts.append(f"合约{customer.contract_end}到期")
    return " · ".join(parts)


def _why(package: ContextPackage) -> str:
    grade = "（高级别）" if package.why.complaint_grade == "high" else ""
    missing = [_SLOT_WORDS.get(name, name) for name in package.wants.slots.missing]
    lacking = f"，还缺{'、'.join(missing)}" if missing else ""
    return f"{package.why.trigger_text}{grade}{lacking}"


def _tried(package: ContextPackage) -> str:
    steps = [step for step in map(_step, package.tried[-_MAX_TRIED:]) if step]
    for entry in package.knowledge_shown[-2:]:
        reaction = _REACTION_WORDS.get(entry.reaction or "", entry.reaction)
        steps.append(
            f"看过知识《{entry.question}》" + (f"，客户反应：{reaction}" if reaction else "")
        )
    return "；".join(steps) or "机器人尚未办理任何操作"


def _step(step: TriedStep) -> str:
    # Figures the sentence already names are not said twice.
    figures = [
        f"{label} {value}" for label, value in step.figures.items() if value not in step.summary
    ]
    summary = step.summary.strip().rstrip("。；")
    if len(summary) > _MAX_TRIED_CHARS:
        summary = summary[: _MAX_TRIED_CHARS - 1] + "…"
    if not figures:
        return summary
    return f"{summary}（{'，'.join(figures)}）" if summary else "，".join(figures)


def _plain(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) and str(value).strip() else None


def _yuan(amount: str | None) -> str | None:
    return None if amount is None else f"{amount}元"


def _positive(amount: str | None) -> bool:
    try:
        return amount is not None and Decimal(amount) > 0
    except InvalidOperation:
        return False
