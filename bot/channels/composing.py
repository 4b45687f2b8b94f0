"""From our messages to the platform's: short ones are merged, long ones are cut, order is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.channels.base import Sending
from bot.channels.outbox import Parcel
from bot.channels.plain import Choice, choices_of, numbered, text_of
from bot.channels.splitting import size, split

_BETWEEN = "\n\n"


@dataclass(frozen=True)
class Load:
    """One sending, and which messages are done once it has arrived.

    ``part`` counts from 1; only a single long message has more than one.
    """

    sending: Sending
    parcels: tuple[Parcel, ...]
    part: int = 1
    parts: int = 1

    @property
    def complete(self) -> bool:
        return self.part == self.parts


@dataclass
class _Group:
    """Messages that go out as one."""

    parcels: list[Parcel] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def add(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)
        self.texts.append(text_of(parcel.said))
        # What was offered last is what the customer may pick from.
        self.choices = choices_of(parcel.said) or self.choices

    def text(self) -> str:
        return _BETWEEN.join(text for text in self.texts if text)

    def whole(self) -> str:
        """With the choices as numbers: the longest form it can take."""
        return _BETWEEN.join(part for part in (self.text(), numbered(self.choices)) if part)


def compose(parcels: Sequence[Parcel], limit: int) -> list[Load]:
    """The sendings for these messages, in order, none longer than ``limit`` bytes with its choices."""
    return [load for group in _groups(parcels, limit) for load in _loads(group, limit)]


def fitting(parcels: Sequence[Parcel], limit: int) -> tuple[int, str, list[Choice]]:
    """What fits into a single answer: how many of the messages, their text, and the choices in it.

    0 messages when the first alone is too long.
    """
    group = next(iter(_groups(parcels, limit, again=False)), _Group())
    if not group.parcels or size(group.whole()) > limit:
        return 0, "", []
    return len(group.parcels), group.whole(), group.choices


def _groups(parcels: Sequence[Parcel], limit: int, again: bool = True) -> list[_Group]:
    groups: list[_Group] = []
    for parcel in parcels:
        if not (groups and _joins(groups[-1], parcel, limit, again)):
            groups.append(_Group())
        groups[-1].add(parcel)
    return groups


def _joins(group: _Group, parcel: Parcel, limit: int, again: bool) -> bool:
    last = group.parcels[-1]
    if again and (last.attempts or parcel.attempts):
        # What was tried together is tried together, so that its key stands for the same content.
        return last.bundle is not None and last.bundle == parcel.bundle
    if last.parts or parcel.parts:
        return False
    joined = _Group(list(group.parcels), list(group.texts), list(group.choices))
    joined.add(parcel)
    return size(joined.whole()) <= limit


def _loads(group: _Group, limit: int) -> list[Load]:
    first = group.parcels[0]
    text = group.text()
    if size(group.whole()) <= limit:
        sending = Sending(_key(first, 1), text, tuple(group.choices))
        return [Load(sending, tuple(group.parcels))]
    # Choices stay together at the end of the last part.
    room = limit - size(_BETWEEN + numbered(group.choices)) if group.choices else limit
    cut = split(text, room)
    return [
        Load(
            Sending(_key(first, part), piece, tuple(group.choices) if part == len(cut) else ()),
            tuple(group.parcels),
            part,
            len(cut),
        )
        for part, piece in enumerate(cut, 1)
        if part > first.parts
    ]


def _key(first: Parcel, part: int) -> str:
    return f"{first.message_id}-{part}"
