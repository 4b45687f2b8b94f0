"""「第二个呢」: words that point at something listed before, replaced by what they point at."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from actions.numerals import NUMERAL, integer
from actions.turn import Entity, Request

Kind = Literal["package_name", "service_name", "request"]
_LONGEST = 16
_ORDINAL = re.compile(
    rf"(?:第(?P<n>\d|[{NUMERAL}])|(?P<last>最后)一?)(?:个|种|款|档|条|项)(?!月|人|小时|字|季度|号)"
)


@dataclass(frozen=True)
class Listed:
    """What an answer listed, in order: names, or requests (``Request.to_dict()``) to choose from."""

    kind: Kind
    items: tuple[Any, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "items": list(self.items)}


def resolved(request: Request, listed: dict[str, Any] | None) -> tuple[Request, Request | None]:
    """The request with the thing pointed at by name, and the listed request if it is one."""
    if not listed or len(request.plain) > _LONGEST:
        return request, None
    found = _ORDINAL.search(request.plain)
    item = _item(found, list(listed["items"])) if found else None
    if found is None or item is None:
        return request, None
    if listed["kind"] == "request":
        return request, Request.from_dict(item)
    plain = request.plain[: found.start()] + str(item) + request.plain[found.end() :]
    named = Entity(str(listed["kind"]), str(item))
    return replace(request, plain=plain, entities=(named, *request.entities)), None


def _item(found: re.Match[str], items: list[Any]) -> Any | None:
    position = len(items) if found["last"] else integer(found["n"]) or 0
    return items[position - 1] if 1 <= position <= len(items) else None
