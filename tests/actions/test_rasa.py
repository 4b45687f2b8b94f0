"""The real Rasa with our domain and rules: valid, and behaving as the dialogue tests assume.

The NLU is left out: a test channel hands in the parse.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from core.settings import ROOT
from tests.actions.conversation import Said, customer, message, several
from tests.conftest import free_port

pytestmark = pytest.mark.integration
RASA = ROOT / ".venv-rasa" / "bin" / "rasa"
CONFIG = """
recipe: default.v1
language: zh
assistant_id: test
pipeline:
  - name: KeywordIntentClassifier
policies:
  - name: RulePolicy
"""
NLU = """
version: "3.1"
nlu:
  - intent: greet
    examples: |
      - 你好
      - 您好
  - intent: goodbye
    examples: |
      - 再见
      - 拜拜
"""


def environment() -> dict[str, str]:
    return {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore"}  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configuration of a Rasa without NLU, and a model of our domain and rules."""
    folder = tmp_path_factory.mktemp("rasa")
    (folder / "config.yml").write_text(CONFIG, "utf-8")
    (folder / "nlu.yml").write_text(NLU, "utf-8")
    if not RASA.exists():
        pytest.fail("the Rasa environment is not built: run `make run` once")
    command = [RASA, "train", "--config", folder / "config.yml", "--domain", ROOT / "domain.yml",
               "--data", ROOT / "data" / "rules", folder / "nlu.yml", "--out", folder / "models"]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    # Training checks the rules against each other and the domain; a contradiction fails it.
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "InvalidRule" not in done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def rasa_url(workspace: Path, actions_url: str, redis_url: str) -> Iterator[str]:
    """Rasa with our endpoints.yml: the action server, the short tracker store, the lock store."""
    port = free_port()
    redis_at = urlsplit(redis_url)
    settings = {
        "CHANGDA_ACTIONS_URL": f"{actions_url}/webhook",
        "CHANGDA_REDIS_HOST": redis_at.hostname or "",
        "CHANGDA_REDIS_PORT": str(redis_at.port),
        "CHANGDA_REDIS_DB": "0",
        "CHANGDA_REDIS_PASSWORD": "",
    }
    (workspace / "credentials.yml").write_text(
        "tests.actions.scripted_channel.ScriptedInput:\n", "utf-8"
    )
    command = [RASA, "run", "--model", workspace / "models", "-i", "127.0.0.1", "-p", str(port),
               "--credentials", workspace / "credentials.yml",
               "--endpoints", ROOT / "endpoints.yml"]  # fmt: skip
    with (workspace / "rasa.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment() | settings, stdout=log, stderr=log
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(url, trust_env=False, timeout=1).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(20)


class Talk:
    """A conversation with the real Rasa."""

    def __init__(self, url: str, known: dict[str, Any] | None = None) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self._known = known or {"assurance": 0}
        self._sender = f"c_{time.monotonic_ns()}"

    def say(self, text: str, intent: str, confidence: float = 0.95, **parts: Any) -> Said:
        body = {
            "sender": self._sender, "text": text,
            "parse": message(text, intent, confidence, **parts),
            "metadata": {"customer": self._known},
        }  # fmt: skip
        answer = self._http.post("/webhooks/scripted/message", json=body).json()
        return Said(answer["replies"], answer["directives"])


def test_verification_then_the_pending_answer(rasa_url: str) -> None:
    talk = Talk(rasa_url)
    assert "手机号码" in talk.say("我上个月话费怎么比之前多", "explain_bill").text
    assert "138****0001" in talk.say("13800000001", "inform").text
    done = talk.say("246810", "inform")
    for figure in ("158.40", "134.00", "20.00", "4.40"):
        assert figure in done.text
    assert done.directive("verified")["customer_id"] == "8600001"
    assert "56.30" in talk.say("余额", "query_balance").text


def test_interruption_return_correction_and_completion(rasa_url: str) -> None:
    talk = Talk(rasa_url, customer(5))
    talk.say("换成39的", "change_package", entities={"package_name": "39"})
    detour = talk.say("余额多少", "query_balance")
    assert "6.20" in detour.text
    assert "畅享39元" in detour.replies[-1]["text"]
    assert "畅享59元" in talk.say("不是，59的", "inform", entities={"package_name": "59"}).text
    assert "办好了" in talk.say("好的", "affirm").text


def test_a_person_inside_a_form_and_a_clean_slate_after(rasa_url: str) -> None:
    talk = Talk(rasa_url)
    talk.say("退订视频会员", "cancel_subscription", entities={"service_name": "视频会员"})
    handoff = talk.say("转人工", "request_human").directive("handoff")
    assert handoff["intent"] == "cancel_subscription"
    assert "验证" not in talk.say("谢谢", "thank").text


def test_agreeing_to_an_offer_opens_the_task(rasa_url: str) -> None:
    talk = Talk(rasa_url, customer(2))
    assert "视频会员" in talk.say("为什么扣这么多", "explain_bill").text
    assert "确认退订" in talk.say("好的", "affirm").text
    assert "不办了" in talk.say("算了", "deny").text
    assert talk.say("在吗", "greet").replies


def test_two_misses_bring_a_person(rasa_url: str) -> None:
    talk = Talk(rasa_url)
    assert not talk.say("阿巴", "nlu_fallback", 0.1).directives
    assert talk.say("阿巴巴", "nlu_fallback", 0.1).directive("handoff")["trigger"] == "misses"


def test_a_long_conversation_stays_small_and_remembers(rasa_url: str, redis_url: str) -> None:
    talk = Talk(rasa_url, customer(1))
    talk.say("充值", "recharge")
    store, sizes = redis.Redis.from_url(redis_url), []
    hits = [{"entry_id": "e", "question": "漫游？", "answer": "长" * 3000, "score": 0.9}]
    for _ in range(25):
        said = talk.say("漫游", "ask_knowledge", knowledge={"decision": "answer", "hits": hits})
        assert "充多少钱" in said.text
        sizes.append(max(store.strlen(key) for key in store.keys(f"*{talk._sender}")))
    assert max(sizes[10:]) < 100_000
    assert "充值50元" in talk.say("50", "inform").text
    handoff = talk.say("转人工", "request_human").directive("handoff")
    assert len(handoff["tried"]) == 20
    assert handoff["slots"]["filled"]["充值金额"] == "50.00"


def test_several_requests_one_after_the_other(rasa_url: str) -> None:
    talk = Talk(rasa_url)
    wanted = several(
        ("查余额", "query_balance"), ("充100", "recharge", {"money_amount": "100"}),
        ("查流量", "query_usage"),
    )  # fmt: skip
    assert "手机号码" in talk.say("查余额，充100，再查流量", "query_balance", requests=wanted).text
    talk.say("13800000001", "inform", entities={"phone_number": "13800000001"})
    opened = talk.say("246810", "inform").text
    assert opened.index("56.30") < opened.index("「充100」") < opened.index("充值100元")
    done = talk.say("确认办理", "affirm").text
    assert done.index("到账") < done.index("「查流量」") < done.index("58.6")
    assert "58.6" not in talk.say("余额多少", "query_balance").text
