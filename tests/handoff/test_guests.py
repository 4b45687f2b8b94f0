"""Three in a conversation: who may come, what the customer hears, who said what."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import Conflict, IllegalMove, InvalidInput, NotAllowed
from core.redis_keys import agent_channel
from tests.handoff.conftest import Room, member

pytestmark = pytest.mark.integration
OWNER, COLLEAGUE, BOSS = member("agent01"), member("agent02"), member("supervisor01")


async def at_work(room: Room, *usernames: str) -> None:
    for username in usernames:
        await room.service.presence.set_status(username, "online")


async def test_a_conference_from_invitation_to_leaving(room: Room) -> None:
    await at_work(room, "agent02")
    handoff = await room.active()
    conference = room.service.conference
    async with room.bus.listen(agent_channel("agent02")) as events:
        await asyncio.sleep(0.05)
        await conference.invite(handoff.id, OWNER, "agent02", "请看一下套餐")
        event = await asyncio.wait_for(events.get(), 2)
    assert (event["type"], event["state"], event["by_name"], event["note"]) == (
        "guest", "invited", "林小雨", "请看一下套餐",
    )  # fmt: skip
    (row,) = await room.service.views.rows(COLLEAGUE)
    assert (row["role"], row["mine"], row["guests"][0]["note"]) == (
        "invited", False, "请看一下套餐",
    )  # fmt: skip
    assert not any("套餐" in line for line in (await room.lines(handoff))[1:])
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, COLLEAGUE, "我还没进来")

    await conference.join(handoff.id, COLLEAGUE)
    await conference.join(handoff.id, COLLEAGUE)
    await room.service.message(handoff.id, OWNER, "我请同事一起看")
    await room.service.message(handoff.id, COLLEAGUE, "您好，我来说明")
    await room.service.note(handoff.id, COLLEAGUE, "可以退20元")
    assert (await room.lines(handoff))[-3:] == [
        "客服周明已加入会话，和我们一起为您处理。", "我请同事一起看", "您好，我来说明",
    ]  # fmt: skip
    said = await room.transcript.messages(handoff.conversation_id)
    names = {m.text: m.public().get("agent_name") for m in said if m.sender == "agent"}
    assert names == {"我请同事一起看": "林小雨", "您好，我来说明": "周明", "可以退20元": "周明"}
    detail = await room.service.views.detail(handoff.id, COLLEAGUE)
    assert (detail["role"], detail["agent_id"]) == ("guest", "agent01")

    await conference.leave(handoff.id, COLLEAGUE)
    assert (await room.lines(handoff))[-1] == "客服周明已离开会话，原来的客服继续为您服务。"
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, COLLEAGUE, "再说一句")
    assert (await room.service.get(handoff.id)).agent_id == "agent01"
    kinds = [event["kind"] for event in detail["events"]]
    assert kinds == ["open", "accept", "invite", "join", "note"]


async def test_a_guest_is_no_owner(room: Room) -> None:
    await at_work(room, "agent02")
    handoff = await room.active()
    await room.service.conference.invite(handoff.id, OWNER, "agent02")
    await room.service.conference.join(handoff.id, COLLEAGUE)
    service = room.service
    for attempt in (
        service.transfer(handoff.id, COLLEAGUE, skill_group="general"),
        service.give_back(handoff.id, COLLEAGUE),
        service.finish(handoff.id, COLLEAGUE),
        service.close(handoff.id, COLLEAGUE),
        service.conference.invite(handoff.id, COLLEAGUE, "agent05"),
        service.conference.dismiss(handoff.id, COLLEAGUE, "agent01"),
    ):
        with pytest.raises(NotAllowed):
            await attempt
    assert (await service.get(handoff.id)).state == "active"


async def test_a_supervisor_comes_unasked_and_others_do_not(room: Room) -> None:
    handoff = await room.active()
    with pytest.raises(NotAllowed, match="没有被邀请"):
        await room.service.conference.join(handoff.id, COLLEAGUE)
    await room.service.conference.join(handoff.id, BOSS)
    assert (await room.lines(handoff))[-1] == "吴主管已加入会话，和我们一起为您处理。"
    await room.service.message(handoff.id, BOSS, "我是主管")
    with pytest.raises(Conflict, match="您自己"):
        await room.service.conference.join(handoff.id, OWNER)


async def test_invitations_that_cannot_be(room: Room) -> None:
    handoff = await room.active()
    invite = room.service.conference.invite
    for guest in ("nobody", "editor01", "agent01"):
        with pytest.raises(InvalidInput):
            await invite(handoff.id, OWNER, guest)
    with pytest.raises(Conflict, match="不在线"):
        await invite(handoff.id, OWNER, "agent03")
    with pytest.raises(NotAllowed):
        await invite(handoff.id, COLLEAGUE, "supervisor01")
    await invite(handoff.id, OWNER, "supervisor01")
    await at_work(room, "agent02", "agent03", "agent04", "agent05")
    for number in (2, 3, 4):
        await invite(handoff.id, OWNER, f"agent0{number}")
    with pytest.raises(Conflict, match="最多"):
        await invite(handoff.id, OWNER, "agent05")
    again = await invite(handoff.id, OWNER, "agent02")
    assert again.state == "invited"


async def test_declining_and_taking_back(room: Room) -> None:
    await at_work(room, "agent02", "agent03")
    handoff = await room.active()
    conference = room.service.conference
    before = await room.lines(handoff)
    await conference.invite(handoff.id, OWNER, "agent02")
    await conference.decline(handoff.id, COLLEAGUE, "手上有客户")
    await conference.invite(handoff.id, OWNER, "agent03")
    await conference.dismiss(handoff.id, OWNER, "agent03")
    for guest in (COLLEAGUE, member("agent03")):
        with pytest.raises(NotAllowed):
            await conference.join(handoff.id, guest)
        with pytest.raises(Conflict):
            await conference.leave(handoff.id, guest)
    assert await room.lines(handoff) == before, "the customer hears of nobody who never came"


async def test_guests_are_gone_with_the_stretch_of_service(room: Room) -> None:
    await at_work(room, "agent02", "agent03")
    handoff = await room.active("agent01", "technical")
    await room.service.conference.invite(handoff.id, OWNER, "agent02")
    await room.service.conference.join(handoff.id, COLLEAGUE)
    await room.service.transfer(handoff.id, OWNER, skill_group="technical")
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, COLLEAGUE, "还在吗")
    with pytest.raises(IllegalMove):
        await room.service.conference.join(handoff.id, BOSS)
    await room.service.accept(handoff.id, member("agent03"))
    with pytest.raises(NotAllowed):
        await room.service.message(handoff.id, COLLEAGUE, "还在吗")
    assert await room.service.views.active("agent02") == []


async def test_whom_one_may_ask(room: Room) -> None:
    await at_work(room, "agent01", "agent02")
    people = await room.service.conference.candidates(OWNER)
    assert [(person["id"], person["supervisor"]) for person in people] == [
        ("supervisor01", True),
        ("agent02", False),
    ]
