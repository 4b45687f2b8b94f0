"""The people who write: what they see, and what the platform still allows to be sent to them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

SAID = (5, 48 * 3600.0)
ACTED = (3, 60.0)
"""Messages allowed, and for how many seconds."""


class Clock:
    """Real time, which a demo or a test may advance."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


@dataclass
class Allowance:
    """What one act of the customer allows."""

    left: int = 0
    until: float = 0.0

    def grant(self, what: tuple[int, float], now: float) -> None:
        self.left, self.until = what[0], now + what[1]

    def open(self, now: float) -> bool:
        return now < self.until


@dataclass
class Person:
    """Somebody with the chat open. ``seen`` is their screen, oldest first."""

    id: str
    name: str = ""
    following: bool = False
    said: Allowance = field(default_factory=Allowance)
    acted: Allowance = field(default_factory=Allowance)
    spoke_at: float = 0.0
    typing_until: float = 0.0
    seen: list[dict[str, Any]] = field(default_factory=list)
    state: int = 0
    """WeCom's session state."""
    consents: list[str] = field(default_factory=list)

    def see(self, by: str, text: str, **more: Any) -> None:
        """Something appears on the screen; any message ends the typing sign."""
        self.typing_until = 0.0
        self.seen.append({"by": by, "text": text, "at": time.time(), **more})

    def menu(self) -> list[dict[str, Any]]:
        """The choices of the last menu on the screen. Raises LookupError when there is none."""
        for line in reversed(self.seen):
            if line.get("menu"):
                found: list[dict[str, Any]] = line["menu"]
                return found
        raise LookupError("no menu on the screen")

    def texts(self, by: str = "service") -> list[str]:
        """What was said to them."""
        return [line["text"] for line in self.seen if line["by"] == by]

    def take(self, now: float) -> int:
        """Counts a message sent to them; 0 or why not: 45015 closed, 45047 used up."""
        for allowance in (self.acted, self.said):
            if allowance.open(now) and allowance.left > 0:
                allowance.left -= 1
                return 0
        if self.acted.open(now) or self.said.open(now):
            return 45047
        return 45015


@dataclass
class Faults:
    """What goes wrong next: lists of errcodes, HTTP statuses (negative) or delays by path."""

    errcodes: dict[str, list[int]] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    delays: dict[str, list[float]] = field(default_factory=dict)
    after: dict[str, list[int]] = field(default_factory=dict)
    """Statuses answered although the call was carried out: the answer is lost."""

    def waiting(self) -> int:
        """How many faults are still to come."""
        kinds = (self.errcodes, self.statuses, self.delays, self.after)
        return sum(len(ordered) for kind in kinds for ordered in kind.values())

    def next(self, kind: str, path: str) -> Any:
        waiting = getattr(self, kind).get(path)
        return waiting.pop(0) if waiting else None
