"""A small real base: the built encoder, SQLite, the embedded Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.database import Database
from core.events import LiveBus
from core.settings import Settings
from knowledge_base.content import EntryContent
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.models import Editor
from knowledge_base.service import KnowledgeService
from knowledge_base.store import KnowledgeStore

LIN = Editor("editor01", "林编辑")
ZHOU = Editor("editor02", "周编辑")


def content(question: str, answer: str = "请在营业厅办理。", **more: object) -> EntryContent:
    """An entry's content with what a test does not care about filled in."""
    return EntryContent.model_validate({"question": question, "answer": answer, **more})


ENTRIES = {
    "bill-query": content(
        "怎么查询话费账单？",
        "月账单在「畅通营业厅」App 的「我的账单」里就能查，每月3日起能看到上月的账单。",
        category="账单", similar=["在哪里能看到我的月账单", "上个月的费用清单怎么调出来"],
        negative=["怎么查通话详单"],
    ),
    "roaming-fee": content(
        "国际漫游怎么收费？",
        "国际漫游按目的地收费，可订国际漫游日包，每天${offer.addon-roaming-day.price}元。",
        category="漫游", similar=["出国上网一天多少钱", "在国外用手机怎么算钱"],
        follow_ups=["开通国际漫游"],
    ),
    "port-conditions": content(
        "携号转网需要什么条件？",
        "携号转网需实名、无欠费、无未到期的合约，且入网满120天。",
        category="携号转网", similar=["换运营商不换号码有什么要求", "我想转网，什么情况不给转"],
    ),
    "puk-locked": content(
        "手机卡被锁要输入PUK码怎么办？",
        "PUK码印在卡托背面，也可以凭身份证到营业厅查询，输错十次卡会作废。",
        category="卡", similar=["PIN码输错三次锁卡了", "PUK码在哪里看"],
    ),
    "broadband-slow": content(
        "宽带网速慢怎么办？",
        "请先重启光猫和路由器，用网线直连电脑测速；仍然慢可以报修。",
        category="宽带", similar=["家里上网很卡", "光纤速度达不到签约的速率"],
    ),
}  # fmt: skip


@pytest.fixture
def store(database: Database) -> KnowledgeStore:
    return KnowledgeStore(database)


@pytest.fixture(scope="session")
def encoder(encoder_dir: Path) -> SentenceEncoder:
    return SentenceEncoder(encoder_dir)


@pytest.fixture
def service(
    database: Database, settings: Settings, encoder: SentenceEncoder, bus: LiveBus
) -> KnowledgeService:
    return KnowledgeService(database, settings.knowledge_dir, encoder, bus)


@pytest.fixture
async def published(service: KnowledgeService) -> KnowledgeService:
    """The service with ``ENTRIES`` published."""
    for entry_id, item in ENTRIES.items():
        await service.store.create(entry_id, item, LIN)
    await service.publisher.publish(LIN)
    return service
