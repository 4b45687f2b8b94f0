"""One card of each kind, as the actions make them."""

from __future__ import annotations

from typing import Any

Card = dict[str, Any]

BILL: Card = {
    "type": "bill",
    "title": "10月账单",
    "month": "2026-10",
    "total": "158.40",
    "items": [
        {"name": "5G畅享129元套餐", "amount": "129.00"},
        {"name": "流量超出费", "amount": "20.00", "change": "+20.00"},
        {"name": "彩铃", "amount": "5.00"},
        {"name": "国内短信", "amount": "4.40", "change": "+4.40"},
    ],
    "compare": {"month": "2026-09", "total": "134.00"},
}
PLANS: Card = {
    "type": "plans",
    "title": "更适合您的套餐",
    "plans": [
        {
            "id": "plan-39",
            "name": "畅享39元",
            "price": "39.00",
            "data_gb": 20,
            "minutes": 100,
            "extras": ["免费来电显示"],
            "reason": "按您近三个月用量，每月能省9元",
            "payload": "办理畅享39元套餐",
        },
        {
            "id": "plan-59",
            "name": "畅享59元",
            "price": "59.00",
            "data_gb": 30,
            "minutes": 200,
            "extras": [],
            "payload": "办理畅享59元套餐",
        },
        {
            "id": "plan-79",
            "name": "畅享79元",
            "price": "79.00",
            "data_gb": 40,
            "minutes": 300,
            "extras": ["视频会员月卡"],
            "payload": "办理畅享79元套餐",
        },
    ],
}
USAGE: Card = {
    "type": "usage",
    "title": "本月用量",
    "buckets": [
        {"name": "国内流量", "used": "58.6", "total": "60", "left": "1.4", "unit": "GB", "percent": 98},
        {"name": "定向流量", "used": "15.8", "total": "10", "left": "0", "unit": "GB", "percent": 158},
        {"name": "国内通话", "used": "120", "total": None, "left": None, "unit": "分钟"},
    ],
}  # fmt: skip
TICKET: Card = {
    "type": "ticket",
    "id": "T20261101001",
    "title": "宽带报修",
    "status": "处理中",
    "steps": [
        {"at": "2026-11-21T09:12:00+08:00", "text": "已受理您的报修"},
        {"at": "2026-11-21T10:30:00+08:00", "text": "已派单给望京装维班组"},
        {"at": "2026-11-22T08:05:00+08:00", "text": "工程师已联系您，预计今天下午上门"},
    ],
}
RATING: Card = {"type": "rating", "handoff_id": "h-1"}
