"""Canned replies: whose they are, what they are filled with, and what never goes out."""

from __future__ import annotations

import pytest

from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, TextTooLong
from handoff import canned
from handoff.canned import HOUSE, PLACEHOLDERS, fill, seed_canned, unfilled, values_for
from handoff.context import ContextPackage
from tests.handoff.conftest import ZHANG, Room, member

pytestmark = pytest.mark.integration
AGENT, BOSS = member("agent01"), member("supervisor01")


async def test_personal_and_shared(room: Room) -> None:
    store = room.service.canned
    mine = await store.add(AGENT, "我的", "{客户称呼}您好")
    ours = await store.add(BOSS, "公共", "感谢来电", shared=True)
    assert [reply["name"] for reply in await store.listed(AGENT)] == ["我的", "公共"]
    assert [reply["name"] for reply in await store.listed(member("agent02"))] == ["公共"]
    with pytest.raises(NotAllowed):
        await store.add(AGENT, "公共", "不行", shared=True)
    with pytest.raises(NotAllowed):
        await store.change(AGENT, ours["id"], "公共", "改了")
    with pytest.raises(NotFound):
        await store.remove(BOSS, mine["id"])
    await store.change(AGENT, mine["id"], "我的", "改了")
    await store.remove(AGENT, mine["id"])
    assert await store.listed(AGENT) == [
        {"id": ours["id"], "name": "公共", "text": "感谢来电", "shared": True}
    ]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("", "好", InvalidInput),
        ("名", " ", InvalidInput),
        ("字" * 21, "好", TextTooLong),
        ("名", "字" * 501, TextTooLong),
        ("名", "您的{生日}", InvalidInput),
    ],
)
async def test_what_is_refused(room: Room, name: str, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await room.service.canned.add(AGENT, name, text)


async def test_ones_own_are_not_endless(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canned, "MAX_OWN", 2)
    for number in range(2):
        await room.service.canned.add(AGENT, f"第{number}条", "好")
    with pytest.raises(Conflict):
        await room.service.canned.add(AGENT, "再来", "好")


async def test_a_new_system_starts_with_the_house_set_once(room: Room) -> None:
    await seed_canned(room.database)
    listed = await room.service.canned.listed(AGENT)
    assert [(reply["name"], reply["text"]) for reply in listed] == list(HOUSE)
    await room.service.canned.remove(BOSS, listed[0]["id"])
    await seed_canned(room.database)
    assert len(await room.service.canned.listed(AGENT)) == len(HOUSE) - 1
    used = {name for _, text in HOUSE for name in unfilled(text)}
    assert used <= set(PLACEHOLDERS)


async def test_placeholders_come_from_the_package(room: Room) -> None:
    handoff = await room.waiting(customer_id="1", phone="13800000001", profile=ZHANG)
    await room.service.settle()
    await room.service.accept(handoff.id, AGENT)
    detail = await room.service.views.detail(handoff.id, AGENT)
    values = detail["placeholders"]
    text = "{客户称呼}您好，您用的是{套餐}，余额{余额}，工号{工号}，欠费{欠费}，{手机号}，{工单号}"
    assert fill(text, values) == (
        "张伟您好，您用的是5G畅享129元，余额56.30元，工号agent01，欠费{欠费}，138****0001，TT-1"
    )
    assert unfilled(fill(text, values)) == ["欠费"]


async def test_a_customer_brings_no_placeholder_of_their_own(room: Room) -> None:
    handoff = await room.waiting(profile={"name": "{欠费}${x}{{7*7}}", "tier": "normal"})
    package = ContextPackage.model_validate(handoff.context)
    values = values_for(package, AGENT)
    assert unfilled(fill("{客户称呼}您好", values)) == []


async def test_no_customer_reads_an_open_placeholder(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(InvalidInput, match="还有未填写的内容：余额、套餐") as refusal:
        await room.service.message(handoff.id, AGENT, "您余额{余额}，{套餐}，{余额}")
    assert refusal.value.data["placeholders"] == ["余额", "套餐"]
    for fine in (
        "【温馨提示】请留意",
        "代码 {a: 1} 和 {}",
        "{这个括号里的字超过了十二个所以不是占位}",
    ):
        await room.service.message(handoff.id, AGENT, fine)
