"""App tokens, joined conversations, elderly mode, limits: through the app's own HTTP and sockets."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update
from starlette.testclient import TestClient

from bot.channels.base import InboundMessage
from bot.gateway import words
from bot.gateway.care import OFF, ON, ON_ELSEWHERE, wants
from bot.gateway.push import Push, PushJob
from bot.gateway.services import Services
from bot.identity.app_tokens import AppTokens
from bot.identity.keys import FixedKeys, read_pem
from bot.identity.models import ChannelAccount, Known
from core.clock import now
from core.transcript import Draft
from tests.bot.gateway.conftest import Guest, StandInDialogue

pytestmark = pytest.mark.integration
KEY = rsa.generate_private_key(65537, 2048)
FORM = serialization.PublicFormat.SubjectPublicKeyInfo
PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, FORM).decode()
WANG = Known("C3", "13800000003", {"name": "王建国", "elderly": True})


def app_token(customer: str = "C1", phone: str = "13800000001", **claims: Any) -> str:
    body = {"sub": customer, "phone": phone, "name": "张伟", "exp": int(time.time()) + 600}
    return jwt.encode(body | claims, KEY, "RS256")


def verified(customer: str, phone: str, **fields: Any) -> dict[str, Any]:
    directive = {"name": "verified", "customer_id": customer, "phone": phone, **fields}
    return {"replies": [{"text": "验证通过"}], "directives": [directive]}


@pytest.fixture
def by_app(services: Services) -> Services:
    services.app_tokens = AppTokens(FixedKeys(read_pem(PEM)))
    return services


async def open_app(http: httpx.AsyncClient, **claims: Any) -> Guest:
    answer = await http.post(
        "/api/v1/sessions", json={"channel": "app", "app_token": app_token(**claims)}
    )
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    return Guest(http, opened["conversation_id"], opened["access_token"])


async def test_a_customer_of_the_app_is_known_and_comes_back(
    http: httpx.AsyncClient, by_app: Services, dialogue: StandInDialogue
) -> None:
    first = await open_app(http, elderly=True)
    await first.send("查话费")
    known = dialogue.asked[0]["metadata"]["customer"]
    assert (known["customer_id"], known["assurance"], known["elderly"]) == ("C1", 2, True)
    again = await open_app(http)
    assert again.id == first.id
    assert [m["sender"] for m in await again.transcript()] == ["bot", "customer", "bot"]
    other = await open_app(http, customer="C2", phone="13800000002")
    assert other.id != first.id


async def test_a_refused_token_opens_nothing(http: httpx.AsyncClient, by_app: Services) -> None:
    for text, status, reason in (
        ("x.y.z", 401, "malformed"), ("x" * 9000, 401, "too_large"),
        (app_token()[:-20] + "A" * 20, 401, "signature"),
    ):  # fmt: skip
        answer = await http.post("/api/v1/sessions", json={"channel": "app", "app_token": text})
        assert (answer.status_code, answer.json()["code"]) == (status, "not_authenticated")
        assert answer.json()["reason"] == reason
    huge = await http.post("/api/v1/sessions", json={"channel": "app", "app_token": "x" * 70_000})
    assert (huge.status_code, huge.json()["code"]) == (422, "invalid_input")


async def test_a_page_goes_on_where_its_customer_was(
    http: httpx.AsyncClient, by_app: Services, guest: Guest, dialogue: StandInDialogue
) -> None:
    app = await open_app(http)
    await app.send("在应用里问过")
    await guest.send("在网页里问过")
    dialogue.answer = lambda _: verified("C1", "13800000001", customer_name="张伟")
    answer = (await guest.send("246810")).json()
    assert [r["text"] for r in answer["replies"]] == ["验证通过"]
    for reader in (app, guest):
        said = [m["text"] for m in await reader.transcript() if m["sender"] == "customer"]
        assert said == ["在应用里问过", "在网页里问过", "246810"]
    dialogue.answer = lambda text: {"replies": [{"text": f"答：{text}"}]}
    await app.send("接着问")
    assert dialogue.asked[-1]["sender"] == guest.id
    assert (await guest.transcript())[-1]["text"] == "答：接着问"
    conversation = await by_app.transcript.conversation(app.id)
    assert conversation.channel == "app"
    await guest.send("最后在网页")
    assert (await by_app.transcript.conversation(app.id)).channel == "web"


async def test_the_same_message_after_joining_is_still_the_same(
    http: httpx.AsyncClient, by_app: Services, guest: Guest, dialogue: StandInDialogue
) -> None:
    await open_app(http)
    first = (await guest.send("你好", "k1")).json()
    dialogue.answer = lambda _: verified("C1", "13800000001")
    await guest.send("246810", "k2")
    asked = len(dialogue.asked)
    again = (await guest.send("你好", "k1")).json()
    assert again["message_id"] == first["message_id"]
    assert len(dialogue.asked) == asked


async def test_the_next_person_at_the_same_page_sees_nothing(
    guest: Guest, dialogue: StandInDialogue
) -> None:
    dialogue.answer = lambda _: verified("C1", "13800000001", customer_name="张伟")
    await guest.send("246810")
    dialogue.answer = lambda text: {"replies": [{"text": f"张伟的{text}"}]}
    await guest.send("余额")
    dialogue.answer = lambda _: verified("C2", "13800000002", customer_name="李娜")
    answer = (await guest.send("246810")).json()
    assert [r["text"] for r in answer["replies"]] == ["验证通过"]
    shown = [m["text"] for m in await guest.transcript()]
    assert shown == ["246810", "验证通过"]
    assert dialogue.forgotten == [guest.id]
    dialogue.answer = lambda text: {"replies": [{"text": f"李娜的{text}"}]}
    await guest.send("余额")
    assert dialogue.asked[-1]["metadata"]["customer"]["customer_id"] == "C2"
    assert dialogue.asked[-1]["sender"] != guest.id


async def test_a_browser_left_behind_reads_on_nothing(
    http: httpx.AsyncClient, by_app: Services, guest: Guest, dialogue: StandInDialogue
) -> None:
    dialogue.answer = lambda _: verified("C1", "13800000001")
    await guest.send("246810")
    past = ChannelAccount.verified_until < now() + timedelta(days=1)
    async with by_app.database.transaction() as session:
        await session.execute(update(ChannelAccount).where(past).values(verified_until=now()))
    assert await guest.transcript()
    app = await open_app(http)
    await app.send("我的账单")
    answer = await guest.send("还能看到吗")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert "还能看到吗" not in [m["text"] for m in await app.transcript()]


async def test_an_open_talk_of_another_visit_is_offered_and_resumed(
    http: httpx.AsyncClient, guest: Guest, dialogue: StandInDialogue
) -> None:
    dialogue.answer = lambda _: verified("C1", "13800000001")
    await guest.send("246810")
    dialogue.answer = lambda _: {
        "directives": [
            {"name": "handoff", "trigger": "asked", "skill_group": "general", "request": "查账单"}
        ]
    }
    assert (await guest.send("转人工")).json()["state"] == "waiting"
    opened = (await http.post("/api/v1/sessions", json={})).json()
    later = Guest(http, opened["conversation_id"], opened["access_token"])
    dialogue.answer = lambda _: verified("C1", "13800000001")
    answer = (await later.send("246810")).json()
    assert [r["text"] for r in answer["replies"]] == ["验证通过", words.OPEN_TALK]
    assert answer["state"] == "bot"
    answer = (await later.send(words.RESUME)).json()
    assert answer["state"] == "waiting"
    shown = [m["text"] for m in await later.transcript()]
    assert shown == [m["text"] for m in await guest.transcript()]
    assert "转人工" in shown
    assert shown[-1] == words.JOINED
    assert (await later.send("还在吗")).json()["state"] == "waiting"


async def test_nothing_is_resumed_without_a_proof_or_when_it_is_over(guest: Guest) -> None:
    answer = (await guest.send(words.RESUME)).json()
    assert [r["text"] for r in answer["replies"]] == [words.NOTHING_OPEN]
    assert answer["state"] == "bot"


async def test_an_open_page_is_told_that_it_moved(
    app: FastAPI, by_app: Services, dialogue: StandInDialogue
) -> None:
    with TestClient(app) as http:
        home = http.post("/api/v1/sessions", json={"app_token": app_token()}).json()
        opened = http.post("/api/v1/sessions", json={"channel": "web"}).json()
        headers = {"Authorization": f"Bearer {opened['access_token']}"}
        path = f"/api/v1/conversations/{opened['conversation_id']}"
        with http.websocket_connect(f"{path}/ws") as socket:
            socket.send_json({"type": "auth", "token": opened["access_token"]})
            while socket.receive_json()["type"] != "ready":
                pass
            dialogue.answer = lambda _: verified("C1", "13800000001")
            http.post(f"{path}/messages", json={"text": "246810"}, headers=headers)
            frames: list[dict[str, Any]] = []
            while not any(f["type"] == "moved" for f in frames):
                frames.append(socket.receive_json())
            assert frames[-1]["conversation_id"] == home["conversation_id"]
            while frames[-1]["type"] != "ready":
                frames.append(socket.receive_json())
            after = [f["message"]["text"] for f in frames if f["type"] == "message"]
            assert "246810" in after


async def test_elderly_mode_by_asking_and_back(
    guest: Guest, dialogue: StandInDialogue, services: Services
) -> None:
    answer = (await guest.send("我老了，看不清")).json()
    assert [r["text"] for r in answer["replies"]] == [ON]
    assert len(answer["replies"][0]["buttons"]) == 3
    assert dialogue.asked == []
    await guest.send("查话费")
    assert dialogue.asked[0]["metadata"]["customer"]["elderly"] is True
    assert (await services.status_of(guest.id))["profile"] == {"elderly": True}
    dialogue.answer = lambda _: verified("C1", "13800000001", elderly=False)
    await guest.send("246810")
    assert (await services.status_of(guest.id))["profile"] == {"elderly": True}
    assert (await guest.send("换回普通版")).json()["replies"][0]["text"] == OFF
    answer = await guest.http.put(
        f"/api/v1/conversations/{guest.id}/preferences",
        json={"elderly": True},
        headers={"Authorization": f"Bearer {guest.token}"},
    )
    assert answer.json() == {"profile": {"elderly": True}}
    assert (await services.status_of(guest.id))["profile"] == {"elderly": True}


async def test_elsewhere_the_bot_cannot_make_type_larger_and_says_how(services: Services) -> None:
    conversation = await services.identities.conversation_of("wechat", "o1")
    outcome = await services.router.receive(
        InboundMessage(conversation.id, "wechat", "k1", "字太小了", account="o1")
    )
    assert [reply.text for reply in outcome.replies] == [ON_ELSEWHERE]


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("大字版", True), ("切换到大字版", True), ("我老了看不清", True), ("字太小了", True),
        ("字大一点", True), ("长辈模式", True), ("我眼睛花，看不清字", True), ("年纪大了看不清", True),
        ("老人版怎么开", True), ("普通版", False), ("退出大字版", False), ("字太大了", False),
        ("取消长辈模式", False), ("老年套餐多少钱", None), ("给老人办张卡", None), ("查话费", None),
        ("老年优惠", None), ("转人工", None), ("账单上的费用看不清楚", None),
        ("我家老人找不到人工", None), ("我老了，记不住", True),        ("我老了记不住话费", None),
    ],
)  # fmt: skip
def test_who_wants_large_type(text: str, wish: bool | None) -> None:
    assert wants(text) is wish


async def test_a_token_of_another_conversation_opens_nothing(
    http: httpx.AsyncClient, guest: Guest, services: Services
) -> None:
    other = (await http.post("/api/v1/sessions", json={})).json()
    headers = {"Authorization": f"Bearer {guest.token}"}
    answer = await http.get(
        f"/api/v1/conversations/{other['conversation_id']}/messages", headers=headers
    )
    assert answer.json()["code"] == "not_allowed"
    missing = await http.get("/api/v1/conversations/c_none/messages", headers=headers)
    assert missing.json()["code"] == "not_found"


# ---- push


class Receiver:
    """The operator's app server."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(self.answers.pop(0) if self.answers else 204)


@pytest.fixture
def pushing(services: Services) -> Callable[[Receiver], Push]:
    def make(receiver: Receiver) -> Push:
        set_up = services.settings.model_copy(
            update={"push_url": "http://app/hook", "push_secret": SecretStr("s" * 32)}
        )
        http = httpx.AsyncClient(transport=httpx.MockTransport(receiver.handle))
        push = Push(set_up, services.database, services.sockets, http)
        services.transcript.watchers.append(push.said)
        return push

    return make


async def due_now(services: Services) -> None:
    async with services.database.transaction() as session:
        await session.execute(update(PushJob).values(due_at=now()))


async def test_an_offline_customer_of_the_app_is_told_signed_and_again(
    services: Services, pushing: Callable[[Receiver], Push]
) -> None:
    receiver = Receiver(500, 204)
    push = pushing(receiver)
    conversation = await services.identities.bind("app", "C3", WANG)
    text = "您的号码13800000003已经恢复，" + "祝您愉快。" * 30
    await services.transcript.append(conversation.id, Draft("agent", text, agent_name="林"))
    await push.settle()
    assert await push.sweep() == 1
    assert await push.sweep() == 0
    await due_now(services)
    assert await push.sweep() == 1
    await due_now(services)
    assert await push.sweep() == 0
    first, second = receiver.got
    assert first.content == second.content
    stamp, digest = (part.split("=")[1] for part in first.headers["x-changda-signature"].split(","))
    wanted = hmac.new(b"s" * 32, f"{stamp}.".encode() + first.content, hashlib.sha256).hexdigest()
    assert digest == wanted
    body = httpx.Response(200, content=first.content).json()
    assert body["customer_id"] == "C3"
    assert "138****0003" in body["message"]["preview"]
    assert len(body["message"]["preview"]) == 60


async def test_who_looks_or_is_no_app_is_not_pushed(
    services: Services, pushing: Callable[[Receiver], Push]
) -> None:
    receiver = Receiver()
    push = pushing(receiver)
    app = await services.identities.bind("app", "C3", WANG)
    web = await services.identities.conversation_of("web", "v1")
    await services.sockets.opened(app.id)
    await services.transcript.append(app.id, Draft("bot", "在看"))
    await services.transcript.append(web.id, Draft("bot", "网页"))
    await services.transcript.append(app.id, Draft("agent", "内部", audience="staff"))
    await services.transcript.append(app.id, Draft("customer", "我说的"))
    await push.settle()
    await services.sockets.closed(app.id)
    assert await push.sweep() == 0
    await services.transcript.append(app.id, Draft("bot", "走了"))
    await push.settle()
    assert await push.sweep() == 1


async def test_an_app_that_wants_no_more_is_left_alone(
    services: Services, pushing: Callable[[Receiver], Push]
) -> None:
    push = pushing(Receiver(410))
    app = await services.identities.bind("app", "C3", WANG)
    await services.transcript.append(app.id, Draft("bot", "你好"))
    await push.settle()
    assert await push.sweep() == 1
    await due_now(services)
    assert await push.sweep() == 0
