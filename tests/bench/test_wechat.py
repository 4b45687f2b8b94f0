"""WeChat under load: answers within five seconds whatever the bot has to do, and 100,000 mutated callbacks.

Run with ``make bench``; figures are printed, bounds are those of the README.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from bot.channels.standin.app import Platform
from bot.channels.standin.wechat import OUT_OF_ORDER, OfficialAccount
from bot.gateway.services import Services
from tests.bot.channels.conftest import (
    AES_KEY,
    APP_ID,
    SECRET,
    TOKEN,
    dialogue,
    encrypted,
    platform,
    services,
    settings,
)
from tests.bot.channels.fuzzing import fuzz
from tests.bot.gateway.conftest import StandInDialogue
from tests.system import System, start_system

__all__ = ["dialogue", "encrypted", "platform", "services", "settings"]
pytestmark = pytest.mark.bench
QUESTIONS = [
    "流量可以结转到下个月吗", "国际漫游怎么收费", "携号转网需要什么条件", "怎么开发票", "营业厅几点上班",
    "有什么便宜点的套餐", "宽带上不了网怎么办", "谢谢",
]  # fmt: skip
WEB, WECHAT = 80, 12
"""Customers who ask again as soon as they are answered: more than the dialogue can serve in five seconds."""
LOAD_S = 60
IN_TIME_S = 5.0


@pytest.fixture
async def loaded(
    platform: tuple[Platform, str], tmp_path: Path
) -> AsyncIterator[tuple[OfficialAccount, System]]:
    """The real system behind the stand-in's official account."""
    both, url = platform
    ours = {
        "CHANGDA_WECHAT_APP_ID": APP_ID, "CHANGDA_WECHAT_SECRET": SECRET, "CHANGDA_WECHAT_TOKEN": TOKEN,
        "CHANGDA_WECHAT_AES_KEY": AES_KEY, "CHANGDA_WECHAT_API_URL": url,
        # Slow answers shall come late, not be given up.
        "CHANGDA_BOT_TIMEOUT_S": "30",
    }  # fmt: skip
    system = await asyncio.to_thread(start_system, tmp_path, **ours)
    both.wechat.pusher.url = f"{system.url}/wechat/callback"
    yield both.wechat, system
    await asyncio.to_thread(system.stop)


async def on_the_web(url: str, stop: asyncio.Event, spent: list[float]) -> None:
    """A page that asks one question after the other."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        opened = (await http.post("/api/v1/sessions", json={"channel": "web"})).json()
        http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        path = f"/api/v1/conversations/{opened['conversation_id']}/messages"
        for text in cycle(QUESTIONS):
            if stop.is_set():
                return
            started = time.perf_counter()
            (await http.post(path, json={"text": text})).raise_for_status()
            spent.append(time.perf_counter() - started)


async def on_wechat(account: OfficialAccount, openid: str, stop: asyncio.Event) -> list[float]:
    """A follower who asks again once answered, a minute's patience; how long each answer took to be seen."""
    waited: list[float] = []
    await account.follow(openid)
    person = account.people[openid]
    for text in cycle(QUESTIONS):
        if stop.is_set():
            return waited
        seen, started = len(person.texts()), time.perf_counter()
        await account.say(openid, text)
        for _ in range(1200):
            if len(person.texts()) > seen:
                break
            await asyncio.sleep(0.05)
        waited.append(time.perf_counter() - started)
    return waited


async def test_every_callback_is_answered_within_five_seconds(
    loaded: tuple[OfficialAccount, System],
) -> None:
    """Web customers keep the dialogue busy beyond its limit while others ask on WeChat."""
    account, system = loaded
    stop, spent = asyncio.Event(), list[float]()
    web = [asyncio.create_task(on_the_web(system.url, stop, spent)) for _ in range(WEB)]
    people = [f"oLoad{number:02}" for number in range(WECHAT)]
    asking = [asyncio.create_task(on_wechat(account, openid, stop)) for openid in people]
    await asyncio.sleep(LOAD_S)
    stop.set()
    waited = [seconds for one in await asyncio.gather(*asking) for seconds in one]
    await asyncio.gather(*web)
    lines = [line for openid in people for line in account.people[openid].seen]
    by_api = sum(line.get("via") == "api" for line in lines)
    slowest = max(answer.seconds for answer in account.pusher.log)
    print(f"\n{len(spent) / LOAD_S:.1f} answers/s on the web, mean {sum(spent) / len(spent):.1f} s")
    print(f"{len(account.pusher.log)} WeChat callbacks, slowest answer {slowest:.2f} s")
    print(f"  {len(waited)} questions: seen after {max(waited):.1f} s at most; {by_api} by the API")
    assert all(answer.status == 200 for answer in account.pusher.log)
    assert slowest < IN_TIME_S
    assert not [line for line in lines if line["text"] == OUT_OF_ORDER]
    assert max(waited) < 60
    assert by_api > 0


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("encrypted", "many"), [(True, 70_000), (False, 30_000)])
async def test_mutated_callbacks(
    services: Services,
    dialogue: StandInDialogue,
    encrypted: bool,
    many: int,
) -> None:
    """No server error, nothing forged heard, nothing heard twice."""
    started = time.perf_counter()
    report = await fuzz(services, dialogue, many, seed=many, encrypted=encrypted)
    seconds = time.perf_counter() - started
    mode = "encrypted" if encrypted else "plain"
    print(f"\n{many:,} mutated callbacks ({mode}) in {seconds:.0f} s: {dict(report.statuses)}")
    print(f"  {report.valid:,} real messages among them, {report.heard:,} texts heard")
    assert report.wrong == []
    assert sum(report.statuses.values()) == many
