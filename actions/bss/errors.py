"""What can go wrong with the operator's systems: one family, with words for the customer.

BssError
├── BssUnavailable  (core Unavailable)  no answer in time, or a broken one; nothing is known
├── BssNotFound     (core NotFound)     the operator knows no such thing
└── BssRefused      (core Conflict)     a rule of the operator forbids it; ``reason`` says which
"""

from __future__ import annotations

from typing import Any

from core.errors import ChangdaError, Conflict, NotFound, Unavailable


class BssError(ChangdaError):
    """Base; ``detail`` may be shown to the customer."""


class BssUnavailable(BssError, Unavailable):
    code = "bss_unavailable"
    title = "营业系统暂时没有响应，我这边查不到准确数据，不敢给您报错的数字。"


class BssNotFound(BssError, NotFound):
    code = "bss_not_found"
    title = "营业系统里没有查到对应的记录。"


class BssRefused(BssError, Conflict):
    """A business rule says no; ``reason`` is the operator's stable word, e.g. ``arrears``."""

    code = "bss_refused"
    title = "营业系统没有通过这次办理。"

    def __init__(self, detail: str | None = None, *, reason: str = "refused", **data: Any) -> None:
        super().__init__(detail, **data)
        self.reason = reason
