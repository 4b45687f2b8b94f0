"""How long an answer takes through the app, where the time goes, and what the system weighs.

Run with ``make bench``; figures are printed, bounds are those of the README.
"""

from __future__ import annotations

import re
import statistics
import time
from collections import defaultdict
from itertools import cycle, islice

import pytest

from tests.system import Customer, System

pytestmark = pytest.mark.bench

QUESTIONS = [
    "余额多少", "我还剩多少流量", "上个月账单", "现在是什么套餐", "有什么便宜点的套餐", "我开通了哪些业务",
    "国际漫游怎么收费", "携号转网需要什么条件", "流量可以结转到下个月吗", "谢谢",
]  # fmt: skip
ROUNDS = 200
P95_MS = 120
RESIDENT_MB = 2500
_HOP = re.compile(r"(\w+);dur=([\d.]+)")


def test_an_answer_takes_under_120_ms(system: System) -> None:
    """One customer at a time; hops as the app's ``Server-Timing`` header gives them."""
    customer = Customer(system)
    customer.say("余额多少")
    customer.verify("13800000001")
    path = f"/api/v1/conversations/{customer.id}/messages"
    total: list[float] = []
    hops: dict[str, list[float]] = defaultdict(list)
    for number, text in enumerate(islice(cycle(QUESTIONS), ROUNDS)):
        if number % 40 == 0:
            # A conversation of ordinary length; the dialogue's cost grows with its history.
            customer = Customer(system)
            customer.say("余额多少")
            customer.verify("13800000001")
            path = f"/api/v1/conversations/{customer.id}/messages"
        started = time.perf_counter()
        response = customer.http.post(path, json={"text": text, "client_message_id": f"b{number}"})
        total.append((time.perf_counter() - started) * 1000)
        assert response.json()["replies"]
        for hop, milliseconds in _HOP.findall(response.headers["Server-Timing"]):
            hops[hop].append(float(milliseconds))
    p50, p95 = statistics.median(total), statistics.quantiles(total, n=20)[18]
    print(f"\nanswer through the app: p50 {p50:.0f} ms, p95 {p95:.0f} ms ({ROUNDS} questions)")
    for hop, values in sorted(hops.items(), key=lambda item: -statistics.mean(item[1])):
        mean = statistics.mean(values)
        print(f"  {hop:<10} mean {mean:5.1f} ms  {100 * mean / statistics.mean(total):4.1f} %")
    assert p95 < P95_MS


def test_all_processes_weigh_under_2500_mb(system: System) -> None:
    sizes = {}
    for name, process in system.processes().items():
        family = [process, *process.children(recursive=True)]
        sizes[name] = sum(p.memory_info().rss for p in family) / 2**20
    print("\nresident MB: " + ", ".join(f"{n} {s:.0f}" for n, s in sizes.items()))
    print(f"together {sum(sizes.values()):.0f} MB")
    assert sum(sizes.values()) < RESIDENT_MB


def test_a_later_start_is_ready_in_30_s(system: System) -> None:
    """Everything is built and nothing changed: the whole system stops and starts again."""
    from tests.system import launch

    system.stop()
    started = time.perf_counter()
    again = launch(system.folder, system.environment)
    try:
        while "Ctrl-C stops" not in again.output.read_text():
            assert again.launcher.poll() is None
            time.sleep(0.1)
        seconds = time.perf_counter() - started
    finally:
        again.stop()
    print(f"\nlater start: ready in {seconds:.1f} s")
    assert seconds < 30
