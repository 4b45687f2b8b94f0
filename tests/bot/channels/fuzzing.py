"""Sends mutated callbacks to the real app and counts what it made of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import httpx

from bot.channels.standin.sealing import MessageCrypt
from bot.gateway.app import create_app
from bot.gateway.services import Services
from tests.bot.channels.conftest import AES_KEY, APP_ID, CORP_ID, TOKEN
from tests.bot.channels.mutations import FORGED, Callback, Mutator
from tests.bot.gateway.conftest import StandInDialogue

AT_ONCE = 8
OTHER_KEY = AES_KEY[::-1]


@dataclass
class Report:
    """What came of it. ``wrong``: server errors, forged words heard, words heard twice."""

    statuses: Counter[int] = field(default_factory=Counter)
    valid: int = 0
    heard: int = 0
    wrong: list[str] = field(default_factory=list)


async def fuzz(
    services: Services, dialogue: StandInDialogue, many: int, seed: int, encrypted: bool
) -> Report:
    """Sends ``many`` callbacks, several at a time: nine in ten to WeChat, the others to WeCom."""
    report, app = Report(), create_app(services=services)
    seal = MessageCrypt(AES_KEY, APP_ID) if encrypted else None
    wechat = Mutator(seed, TOKEN, APP_ID, seal, MessageCrypt(OTHER_KEY, APP_ID))
    corp_seal, other = MessageCrypt(AES_KEY, CORP_ID), MessageCrypt(AES_KEY, APP_ID)
    wecom = Mutator(seed + 1, TOKEN, CORP_ID, corp_seal, other, wecom=True)
    queue: asyncio.Queue[Callback] = asyncio.Queue(maxsize=AT_ONCE)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        workers = [asyncio.create_task(_work(http, queue, report)) for _ in range(AT_ONCE)]
        for number in range(many):
            await queue.put((wecom if number % 10 == 9 else wechat).draw())
        await queue.join()
        for worker in workers:
            worker.cancel()
    await services.channels.settle()
    heard = Counter(str(body["text"]) for body in dialogue.asked)
    report.heard = len(heard)
    report.valid = len(wechat.good)
    report.wrong += [f"heard {n} times: {text}" for text, n in heard.items() if n > 1]
    allowed = {str(good.text) for good in wechat.good}
    report.wrong += [f"not heard: {text}" for text in allowed - set(heard)]
    if encrypted:
        report.wrong += [f"forged: {text}" for text in heard if FORGED in text]
    return report


async def _work(http: httpx.AsyncClient, queue: asyncio.Queue[Callback], report: Report) -> None:
    while True:
        callback = await queue.get()
        try:
            response = await http.request(
                callback.method, callback.path, params=callback.query, content=callback.body
            )
            report.statuses[response.status_code] += 1
            if response.status_code >= 500:
                report.wrong.append(f"{response.status_code} for {callback!r}"[:600])
        except Exception as error:
            report.wrong.append(f"{error!r} for {callback!r}"[:600])
        finally:
            queue.task_done()
