"""Prometheus metrics of the app."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("changda_messages_total", "Customer messages", ["channel", "state"])
BOT_DOWN = Counter("changda_bot_down_total", "Messages the dialogue did not answer")
HOP_SECONDS = Histogram(
    "changda_hop_seconds",
    "Time of a message by hop",
    ["hop"],
    buckets=(0.001, 0.003, 0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.25, 0.5, 1, 2, 4),
)
SOCKETS = Gauge("changda_open_websockets", "Open WebSockets", ["kind"])
