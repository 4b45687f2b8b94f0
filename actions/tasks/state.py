"""A task under way, as it lies in the slot ``tasks``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from core.clock import new_id


@dataclass
class TaskState:
    """One task of the stack.

    Args:
        name: of its class in ``TASKS``.
        filled: values collected, by field.
        asking: the field (or ``confirm``) the customer was asked for last.
        tries: answers to that question that could not be used.
        request: the message that began it.
        key: idempotency key of its write; one task writes once.
        then: an action that answers ``request`` when this task succeeds.
        notes: what the task learnt from the operator's systems.
    """

    name: str
    filled: dict[str, Any] = field(default_factory=dict)
    asking: str | None = None
    tries: int = 0
    request: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: new_id("task"))
    then: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, shape: dict[str, Any]) -> TaskState:
        return cls(**shape)
