"""The operator's plans and services as the NLU needs them: names and nicknames, no prices.

``var/catalogue.json`` is written by whoever refreshes the catalogue::

    {"offers": [{"id": "plan-59", "name": "畅享59元", "kind": "plan", "price": "59.00", "aliases": ["59套餐"]}]}

``kind`` is ``plan`` or anything else (an add-on or a service). The file may be absent or appear later.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.nlu.normalize import normalize
from bot.nlu.paths import var_dir

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """One plan, add-on or service; ``names`` are folded, the official one first."""

    offer_id: str
    kind: str
    names: tuple[str, ...]
    price: str | None = None


class Catalogue:
    """Reads the file again when it changes; one ``stat`` per call of ``offers``."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or var_dir() / "catalogue.json"
        self._stamp: tuple[int, int] | None = None
        self._offers: tuple[Offer, ...] = ()

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Changes when the file does; None without a file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def offers(self) -> tuple[Offer, ...]:
        """Everything on offer now; what was known before when the file cannot be read."""
        stamp = self.stamp
        if stamp != self._stamp:
            self._stamp = stamp
            self._offers = self._read() if stamp else ()
        return self._offers

    def _read(self) -> tuple[Offer, ...]:
        try:
            rows = json.loads(self._path.read_text("utf-8"))["offers"]
            return tuple(_offer(row) for row in rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("catalogue %s cannot be read: %s", self._path, error)
            return self._offers


def _offer(row: dict[str, Any]) -> Offer:
    names = [row["name"], *row.get("aliases", [])]
    folded = dict.fromkeys(normalize(str(name)).text for name in names)
    price = row.get("price")
    return Offer(
        str(row["id"]), str(row.get("kind", "service")), tuple(n for n in folded if n),
        None if price is None else str(price),
    )  # fmt: skip
