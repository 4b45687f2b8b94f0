"""Keys that the components leave on a Rasa message for one another and for the parse output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.nlu.normalize import Normalized, normalize

if TYPE_CHECKING:
    from rasa.shared.nlu.training_data.message import Message

NORMALIZED = "normalized"
"""Folded text, in the parse output."""
FOLDED = "folded"
"""The ``Normalized`` itself, for spans; inside only."""
SENTIMENT = "sentiment"
KNOWLEDGE = "knowledge"
CLARIFY = "clarify"
REQUESTS = "requests"
ELLIPTICAL = "elliptical"
"""True when the message is nothing but facts."""
PREDICTED = "predicted_intent"
"""What the classifier alone would say; the arbiter may decide otherwise."""


def folded(message: Message) -> Normalized:
    """The message's folded text, made now when no normaliser ran."""
    found = message.get(FOLDED)
    return found if isinstance(found, Normalized) else normalize(message.get("text") or "")
