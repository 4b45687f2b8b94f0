"""Fills ``${offer.<id>.<field>}`` and ``${rate.<name>}`` in answers with figures from the
catalogue.

Prices are never typed into answers; whoever shows an answer resolves it at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\$\{([a-z]+(?:\.[A-Za-z0-9_-]+)+)\}")
_ANY = re.compile(r"\$\{[^}]*\}?")
_WITH_UNIT = re.compile(
    r"(?:每?月费?|仅需|只要|收费?)?\s*\$\{[^}]*\}\s*"
    r"(?:(?:元|GB|G|MB|M|分钟|条)(?:\s*(?:/|每)\s*(?:个?月|GB|G|分钟|条|天|日))?)?"
)
HIDDEN = "（具体以办理页面显示为准）"


class UnknownFigure(KeyError):
    """A placeholder names something the catalogue does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"catalogue figure not found: {self.name}"


def placeholders(text: str) -> list[str]:
    """Names of all placeholders, in order, well-formed ones only."""
    return PLACEHOLDER.findall(text)


def malformed_placeholders(text: str) -> list[str]:
    """Pieces that begin like a placeholder and are not one."""
    return [piece for piece in _ANY.findall(text) if not PLACEHOLDER.fullmatch(piece)]


def render(text: str, facts: Mapping[str, str]) -> str:
    """``text`` with every placeholder replaced.

    Raises:
        UnknownFigure: one of them is unknown; nothing is guessed.
    """

    def figure(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in facts:
            raise UnknownFigure(name)
        return str(facts[name])

    return PLACEHOLDER.sub(figure, text)


def render_or_hide(text: str, facts: Mapping[str, str]) -> str:
    """Like :func:`render`, but an unknown figure (with its unit) becomes a polite phrase."""
    known = PLACEHOLDER.sub(lambda m: str(facts.get(m.group(1), m.group(0))), text)
    hidden = _WITH_UNIT.sub(HIDDEN, known) if "${" in known else known
    return hidden.replace(HIDDEN + HIDDEN, HIDDEN)


def without_figures(text: str) -> str:
    """``text`` without its placeholders, as it is encoded and indexed."""
    return _ANY.sub("", text)
