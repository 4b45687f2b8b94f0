"""The stack of open tasks: a new one interrupts, a finished one gives way to the one below."""

from __future__ import annotations

from typing import Any

DEPTH = 3
VERIFY = "verify"
Shape = dict[str, Any]


def pushed(stack: list[Shape], task: Shape) -> list[Shape]:
    """``stack`` with ``task`` on top.

    An open verification is not asked twice: it keeps its phone and code, and serves the newer request. The same
    task asked for again starts afresh.
    """
    rest = [open_task for open_task in stack if open_task["name"] != task["name"]]
    if task["name"] == VERIFY and stack and stack[-1]["name"] == VERIFY:
        return [*rest, {**stack[-1], "then": task["then"], "request": task["request"]}]
    if stack and stack[-1]["name"] == VERIFY and task["name"] != VERIFY:
        # The customer wants something else than what the verification was for.
        rest = [open_task for open_task in rest if open_task["name"] != VERIFY]
    return [*rest, task][-DEPTH:]
