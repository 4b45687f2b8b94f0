"""Accounts, customers and conversations on a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.identity.accounts import Identities
from bot.identity.models import BOUND, GUEST, VERIFIED, Known
from core.clock import new_id, now
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.events import LiveBus
from core.transcript import Draft, Transcript
from handoff.models import Handoff

WANG = Known("8600003", "13800000003", {"name": "王建国", "elderly": True})
LI = Known("8600002", "13800000002", {"name": "李娜"})
WANG_TWO = Known("8600003", "13900000009", {"name": "王建国"})


@pytest.fixture
def identities(database: Database) -> Identities:
    return Identities(database)


@pytest.fixture
def transcript(database: Database, bus: LiveBus) -> Transcript:
    return Transcript(database, bus)


async def texts(transcript: Transcript, conversation_id: str) -> list[str]:
    return [m.text for m in await transcript.messages(conversation_id)]


async def test_an_account_keeps_its_conversation(identities: Identities) -> None:
    first = await identities.conversation_of("wechat", "openid-1", profile={"elderly": True})
    again = await identities.conversation_of("wechat", "openid-1")
    other = await identities.conversation_of("wechat", "openid-2")
    assert first.id == again.id != other.id
    assert (first.channel, first.channel_account) == ("wechat", "openid-1")
    assert first.profile == {"elderly": True}
    assert await identities.find("wechat", "openid-3") is None


async def test_binding_says_who_and_how_sure(identities: Identities) -> None:
    guest = await identities.conversation_of("wechat", "o1")
    bound = await identities.bind("wechat", "o1", WANG)
    account = await identities.find("wechat", "o1")
    assert account is not None
    assert (bound.id, bound.customer_id, bound.assurance) == (guest.id, "8600003", VERIFIED)
    assert bound.profile == {"name": "王建国", "elderly": True}
    assert (account.assurance, account.phone) == (VERIFIED, "13800000003")
    assert [a.account for a in await identities.accounts_of("8600003")] == ["o1"]


async def test_a_proof_runs_out(database: Database) -> None:
    identities = Identities(database, verified_for=timedelta(0))
    conversation = await identities.bind("wechat", "o1", WANG)
    again = await identities.speaks("wechat", "o1", conversation.id)
    assert again.assurance == BOUND
    assert again.customer_id == "8600003"
    soon = now() + timedelta(minutes=5)
    account = await Identities(database).bind("app", "a1", WANG, verified_until=soon)
    row = await identities.find("app", "a1")
    assert row is not None
    assert (row.verified_until, account.assurance) == (soon, VERIFIED)


async def test_unbinding_makes_a_guest_with_a_new_conversation(identities: Identities) -> None:
    bound = await identities.bind("wechat", "o1", WANG)
    assert await identities.unbind("wechat", "o1")
    assert not await identities.unbind("wechat", "o1")
    after = await identities.conversation_of("wechat", "o1")
    assert after.id != bound.id
    assert (after.assurance, after.customer_id, after.phone) == (GUEST, None, None)
    assert await identities.accounts_of("8600003") == []


async def test_one_customer_with_several_numbers(identities: Identities) -> None:
    first = await identities.bind("wechat", "o1", WANG)
    second = await identities.bind("wechat", "o1", WANG_TWO)
    assert first.id == second.id
    assert second.phone == "13900000009"
    chosen = await identities.use("wechat", "o1", "13800000003")
    assert (chosen.phone, chosen.assurance) == ("13800000003", BOUND)
    assert (await identities.conversation_of("wechat", "o1")).id == first.id
    with pytest.raises(NotFound):
        await identities.use("wechat", "o1", "13700000000")
    assert await identities.unbind("wechat", "o1")
    left = await identities.find("wechat", "o1")
    assert left is not None
    assert (left.phone, left.assurance) == ("13900000009", BOUND)


async def test_two_accounts_of_one_number_share_the_conversation(identities: Identities) -> None:
    husband = await identities.bind("wechat", "o1", WANG)
    wife = await identities.bind("wechat", "o2", WANG)
    app = await identities.bind("app", "a1", WANG)
    assert husband.id == wife.id == app.id


async def test_a_guests_words_come_along(
    identities: Identities, transcript: Transcript, database: Database
) -> None:
    home = await identities.bind("wechat", "o1", WANG)
    await transcript.append(
        home.id, Draft("customer", "微信说的", client_message_id="m1"), Draft("bot", "微信答的")
    )
    visit = await identities.conversation_of("web", "visit-1")
    await transcript.append(visit.id, *(Draft("customer", f"网页{n}") for n in range(4)))
    await transcript.append(visit.id, Draft("customer", "网页末", client_message_id="m1"))
    joined = await identities.bind("web", "visit-1", WANG)
    assert joined.id == home.id
    assert await texts(transcript, home.id) == [
        "微信说的", "微信答的", "网页0", "网页1", "网页2", "网页3", "网页末",
    ]  # fmt: skip
    moved = await transcript.messages(home.id, after=5)
    assert [m.text for m in moved] == ["网页0", "网页1", "网页2", "网页3", "网页末"]
    assert await texts(transcript, visit.id) == []
    assert (await transcript.conversation(visit.id)).continued_in == home.id
    assert joined.dialogue_id == visit.id
    (next_one,) = await transcript.append(home.id, Draft("bot", "接着说"))
    assert next_one.seq == moved[-1].seq + 1


async def test_two_visits_stay_apart(identities: Identities) -> None:
    one = await identities.bind("web", "visit-1", WANG)
    two = await identities.bind("web", "visit-2", WANG)
    assert one.id != two.id
    lasting = await identities.bind("app", "a1", WANG)
    assert lasting.id == two.id


async def test_an_open_handoff_follows(
    identities: Identities, transcript: Transcript, database: Database
) -> None:
    served = await identities.bind("wechat", "o1", WANG)
    await transcript.change(served.id, owner="human")
    newer = await identities.bind("web", "visit-1", LI)
    app = await identities.bind("app", "a1", WANG)
    assert app.id == served.id != newer.id
    assert app.dialogue_id is None


async def test_another_customer_on_the_same_device_sees_nothing(
    identities: Identities, transcript: Transcript
) -> None:
    his = await identities.bind("web", "visit-1", WANG)
    said = await transcript.append(
        his.id, Draft("customer", "王的话"), Draft("customer", "246810"), Draft("bot", "验证通过")
    )
    hers = await identities.bind("web", "visit-1", LI, said_from=said[1].seq)
    assert hers.id != his.id
    assert await texts(transcript, his.id) == ["王的话"]
    assert await texts(transcript, hers.id) == ["246810", "验证通过"]
    assert hers.profile == {"name": "李娜"}
    kept = await transcript.conversation(his.id)
    assert (kept.customer_id, kept.continued_in) == ("8600003", None)
    back = await identities.bind("web", "visit-1", WANG)
    assert await texts(transcript, back.id) == []
    assert back.id != hers.id


async def test_earlier_handoffs_of_a_guest_follow(
    identities: Identities, transcript: Transcript, database: Database
) -> None:
    home = await identities.bind("wechat", "o1", WANG)
    visit = await identities.conversation_of("web", "visit-1")
    async with database.transaction() as session:
        session.add(
            Handoff(
                id=new_id("h"), conversation_id=visit.id, trigger="asked", skill_group="general",
                request="人工", priority=0, priority_reasons=[], read_seq=0, opened_at=now(),
                queued_at=now(), ranked_at=now(), waiting_since=now(), passed_over={},
                escalations={}, context={}, state="closed",
            )
        )  # fmt: skip
    await identities.bind("web", "visit-1", WANG)
    async with database.reading() as session:
        from sqlalchemy import select

        moved = (await session.execute(select(Handoff.conversation_id))).scalar_one()
    assert moved == home.id


@pytest.mark.parametrize("account", ["", "x" * 129])
async def test_impossible_accounts_are_refused(identities: Identities, account: str) -> None:
    with pytest.raises(InvalidInput):
        await identities.conversation_of("wechat", account)
