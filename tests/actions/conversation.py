"""Plays Rasa's part for the action server: rules, the form, follow-ups; payloads as Rasa sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from actions.server import executor
from core.settings import ROOT

FORM = "task_form"
VALIDATE = "validate_task_form"


def rules() -> dict[str, str]:
    """Intent → action, from the rules that Rasa reads."""
    shapes = yaml.safe_load((ROOT / "data" / "rules" / "intents.yml").read_text("utf-8"))["rules"]
    return {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in shapes}


def customer(n: int, **changes: Any) -> dict[str, Any]:
    """Metadata of a verified demo customer."""
    names = {1: ("张伟", "gold"), 2: ("李娜", "normal"), 3: ("王建国", "normal"),
             4: ("陈晨", "diamond"), 5: ("刘洋", "silver")}  # fmt: skip
    name, tier = names[n]
    return {
        "customer_id": f"860000{n}", "phone": f"1380000000{n}", "assurance": 2, "name": name,
        "tier": tier, "elderly": n == 3, **changes,
    }  # fmt: skip


def message(text: str, intent: str, confidence: float = 0.95, **parts: Any) -> dict[str, Any]:
    """A parse as the NLU gives it; ``entities`` as {kind: words}."""
    entities = [
        {"entity": kind, "value": words, "start": 0, "end": len(words), "extractor": "rules"}
        for kind, words in parts.pop("entities", {}).items()
    ]
    return {
        "text": text,
        "intent": {"name": intent, "confidence": confidence},
        "entities": entities,
        **parts,
    }


@dataclass
class Said:
    """What one message brought."""

    replies: list[dict[str, Any]] = field(default_factory=list)
    directives: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(reply["text"] for reply in self.replies)

    @property
    def buttons(self) -> list[str]:
        return [b["title"] for reply in self.replies for b in reply.get("buttons", [])]

    def card(self, kind: str) -> dict[str, Any]:
        return next(r["card"] for r in self.replies if r.get("card", {}).get("type") == kind)

    def directive(self, name: str) -> dict[str, Any]:
        return next(d for d in self.directives if d["name"] == name)


class Conversation:
    """One customer talking. Every action runs through rasa-sdk's executor."""

    def __init__(self, known: dict[str, Any] | None = None) -> None:
        self.metadata = {"customer": known or {"assurance": 0}}
        self.slots: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.loop: str | None = None
        self._executor = executor()
        self._rules = rules()
        self._latest: dict[str, Any] = {}
        self._followups: list[str] = []

    async def say(self, text: str, intent: str, confidence: float = 0.95, **parts: Any) -> Said:
        self._latest = {**message(text, intent, confidence, **parts), "metadata": self.metadata}
        self.events += [
            {"event": "action", "name": "action_listen"},
            {"event": "user", "text": text, "metadata": self.metadata},
        ]
        said = Said()
        if not self.loop or not await self._form(said, user_turn=True):
            await self._action(self._rules[intent], said)
            if self.loop:
                await self._form(said, user_turn=False)
        while self._followups:
            name = self._followups.pop(0)
            if name == "action_listen":
                continue
            await self._action(name, said)
            if self.loop:
                await self._form(said, user_turn=False)
        return said

    async def _form(self, said: Said, user_turn: bool) -> bool:
        """Rasa's form: False when the validation rejected the message."""
        pending = [{"event": "slot", "name": "requested_slot", "value": "task_answer"},
                   {"event": "action", "name": FORM}]  # fmt: skip
        events = await self._call(VALIDATE, said, self.events + pending)
        if user_turn and not any(e["event"] == "slot" for e in events):
            self.events.append({"event": "action_execution_rejected", "name": FORM})
            return False
        self.events.append({"event": "action", "name": FORM})
        self._apply(events)
        if {"event": "slot", "name": "requested_slot", "value": None} in [
            {k: e.get(k) for k in ("event", "name", "value")} for e in events
        ]:
            self.loop = None
        return True

    async def _action(self, name: str, said: Said) -> None:
        events = await self._call(name, said, self.events)
        self.events.append({"event": "action", "name": name})
        self._apply(events)

    async def _call(
        self, name: str, said: Said, events: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        result = await self._executor.run(
            {"next_action": name, "sender_id": "c_test", "version": "3.6.21",
             "tracker": self.tracker(events)}
        )  # fmt: skip
        for response in result.responses:
            custom = response["custom"]
            if "reply" in custom:
                said.replies.append(custom["reply"])
            else:
                said.directives.append(custom["directive"])
        return result.events

    def tracker(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """The state that Rasa sends."""
        return {
            "sender_id": "c_test", "slots": dict(self.slots), "latest_message": self._latest,
            "latest_event_time": 0.0, "followup_action": None, "paused": False, "events": events,
            "latest_input_channel": "changda", "latest_action_name": "action_listen",
            "active_loop": {"name": self.loop} if self.loop else {},
        }  # fmt: skip

    def _apply(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.events.append(event)
            if event["event"] == "slot":
                self.slots[event["name"]] = event["value"]
            elif event["event"] == "active_loop":
                self.loop = event["name"]
            elif event["event"] == "followup":
                self._followups.append(event["name"])


def several(*wanted: tuple[str, str] | tuple[str, str, dict[str, str]]) -> list[dict[str, Any]]:
    """``requests`` of a parse: (words, intent, entities?) each."""
    shapes = []
    for words, intent, *entities in wanted:
        found = message(words, intent, entities=entities[0] if entities else {})
        shapes.append({**found, "intent": intent, "confidence": 0.95})
    return shapes
