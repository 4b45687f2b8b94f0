"""Parts that die: the customer is told soon, nothing is lost, nothing is invented, and it heals by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.system import Customer, System

pytestmark = pytest.mark.e2e


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """A process that neither answers nor dies: the worst kind of outage."""
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.suspend()
    try:
        yield
    finally:
        for member in family:
            member.resume()


@pytest.mark.parametrize("part", ["rasa", "actions"])
def test_a_silent_dialogue_is_owned_up_to_in_time(
    system: System, customer: Customer, part: str
) -> None:
    customer.say("你好")
    with frozen(system.processes()[part]):
        started = time.monotonic()
        answer = customer.send("我的余额是多少")
        assert time.monotonic() - started < 5
        titles = [b["title"] for r in answer["replies"] for b in r.get("buttons", [])]
        assert "转人工" in titles
        assert "我的余额是多少" in [m["text"] for m in customer.transcript()]
        assert customer.send("转人工")["state"] == "waiting"
    system.wait_until_ready()


def test_operator_systems_down_means_no_figure(system: System, customer: Customer) -> None:
    customer.say("余额多少")
    customer.verify("13800000001")
    with frozen(system.processes()["sandbox"]):
        answer = customer.say("我还剩多少流量")
        assert not re.search(r"\d+\.\d", answer)
        assert answer
    system.wait_until_ready()


@pytest.mark.parametrize("part", ["rasa", "actions", "redis", "app"])
def test_what_dies_comes_back(system: System, part: str) -> None:
    customer = Customer(system)
    customer.say("你好")
    before = customer.transcript()
    system.processes()[part].kill()
    time.sleep(0.3)
    system.wait_until_ready(90)
    assert customer.transcript()[: len(before)] == before
    assert customer.send("谢谢")["replies"]
