"""The one way actions speak to the gateway: replies for the customer, directives for the system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rasa_sdk.executor import CollectingDispatcher


@dataclass(frozen=True)
class Button:
    """A quick reply; ``payload`` is sent as if the customer had typed it."""

    title: str
    payload: str = ""
    kind: str = ""
    """``feedback`` says whether an answer helped; pages show such buttons small."""

    def to_dict(self) -> dict[str, str]:
        kind = {"kind": self.kind} if self.kind else {}
        return {"title": self.title, "payload": self.payload or self.title} | kind


@dataclass(frozen=True)
class Reply:
    """One message to the customer.

    Args:
        text: plain Chinese, lines separated by newlines.
        short: said instead to elderly customers.
        buttons: quick replies.
        card: one of the contract's cards.
        knowledge: {"entry_id", "score", "others"} of an answer from the knowledge base.
    """

    text: str
    short: str | None = None
    buttons: tuple[Button, ...] = ()
    card: dict[str, Any] | None = None
    knowledge: dict[str, Any] | None = None


HUMAN = Button("转人工")


def say(
    dispatcher: CollectingDispatcher,
    text: str,
    buttons: Sequence[Button] | None = None,
    card: dict[str, Any] | None = None,
    knowledge: dict[str, Any] | None = None,
) -> None:
    """Emits one reply."""
    reply: dict[str, Any] = {"text": text}
    if buttons:
        reply["buttons"] = [button.to_dict() for button in buttons]
    if card:
        reply["card"] = card
    if knowledge:
        reply["knowledge"] = knowledge
    dispatcher.utter_message(json_message={"reply": reply})


def direct(dispatcher: CollectingDispatcher, name: str, **fields: Any) -> None:
    """Emits one directive (``handoff``, ``verified``)."""
    dispatcher.utter_message(json_message={"directive": {"name": name, **fields}})
