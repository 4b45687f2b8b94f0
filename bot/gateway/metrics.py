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
CALLBACK_SECONDS = Histogram(
    "changda_callback_seconds",
    "Time until a platform's callback was answered",
    ["channel"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 4.5, 5),
)
CALLBACKS_REFUSED = Counter(
    "changda_callbacks_refused_total", "Callbacks refused", ["channel", "status"]
)
