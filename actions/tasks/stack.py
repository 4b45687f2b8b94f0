"""The stack of open tasks: a new one interrupts, a finished one gives way to the one below."""

from __future__ import annotations

from typing import Any

DEPTH = 3
VERIFY = "verify"
Shape = dict[str, Any]


def pushed(stack: list[Shape], task: Shape, needs_verification: bool = False) -> list[Shape]:
    """``stack`` with ``task`` on top.

    An open verification is not asked twice: it keeps its phone and code, and serves the newer request. The same
    task asked for again starts afresh.
    """
    rest = [open_task for open_task in stack if open_task["name"] != task["name"]]
    if task["name"] == VERIFY and stack and stack[-1]["name"] == VERIFY:
        return [*rest, {**stack[-1], "then": task["then"], "request": task["request"]}]
    open_check = next((open_task for open_task in rest if open_task["name"] == VERIFY), None)
    if open_check is None or task["name"] == VERIFY:
        return [*rest, task][-DEPTH:]
    rest.remove(open_check)
    if not needs_verification:
        # The customer wants something that needs no check; the check comes again when it must.
        return [*rest, task][-DEPTH:]
    check = {**open_check, "then": None, "request": task["request"]}
    return [*rest, task, check][-DEPTH:]
