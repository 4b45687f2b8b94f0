"""Rasa component: the last word on a message, after all the evidence is in."""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.attributes import CLARIFY, ELLIPTICAL, KNOWLEDGE, PREDICTED, REQUESTS, folded
from bot.nlu.decide import Evidence, Thresholds, Verdict, decide
from bot.nlu.encoder import encoder_dir
from bot.nlu.normalize import normalize
from bot.nlu.paths import code_hash, resolve
from knowledge_base.embedding.encoder import shared_encoder

_FUNCTION_WORDS = re.compile(r"[那就是的呢吧啊呀哦了要和跟,。?!、… ]|不是|应该|换成|还有")
_FACTS = frozenset({"month", "date", "duration", "money_amount", "phone_number", "package_name",
                    "service_name", "data_amount", "address", "country"})  # fmt: skip


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Arbiter(GraphComponent):
    """Sets the final ``intent``; ``predicted_intent`` keeps what the classifier alone said.

    ``clarify`` lists {"title", "payload"} when the customer must choose,
    ``elliptical`` is true for a message that is nothing but facts (那上上个月呢), ``requests`` lists
    several requests with the entities of each.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"encoder": None}

    def __init__(self, config: dict[str, Any]) -> None:
        folder = resolve(config.get("encoder"), encoder_dir())
        self._limits = Thresholds.load(shared_encoder(folder).fingerprint)

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> Arbiter:  # fmt: skip
        return cls(config)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash()

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            evidence = _evidence(message)
            _tell(message, decide(evidence, self._limits))
            message.set(ELLIPTICAL, _is_elliptical(message), add_to_output=True)
            _share_entities(message)
        return messages


def _evidence(message: Message) -> Evidence:
    ranking = [(r["name"], r["confidence"]) for r in message.get("intent_ranking") or []]
    entities = {e["entity"]: e["value"] for e in reversed(message.get("entities") or [])}
    knowledge = message.get(KNOWLEDGE) or {}
    return Evidence(folded(message).text, ranking, knowledge, entities)


def _tell(message: Message, verdict: Verdict) -> None:
    predicted = message.get("intent") or {"name": None, "confidence": 0.0}
    message.set(PREDICTED, dict(predicted), add_to_output=True)
    final = {"name": verdict.intent, "confidence": round(float(verdict.confidence), 4)}
    message.set("intent", final, add_to_output=True)
    if not message.get("intent_ranking"):
        message.set("intent_ranking", [final], add_to_output=True)
    if verdict.choices:
        message.set(CLARIFY, [c.to_dict() for c in verdict.choices], add_to_output=True)


def _is_elliptical(message: Message) -> bool:
    """Nothing but facts and function words: the task must come from the conversation."""
    entities = [e for e in message.get("entities") or [] if e["entity"] in _FACTS]
    if not entities:
        return False
    rest = message.get("text") or ""
    for entity in sorted(entities, key=lambda e: -e["start"]):
        rest = rest[: entity["start"]] + rest[entity["end"] :]
    return not _FUNCTION_WORDS.sub("", normalize(rest).text)


def _share_entities(message: Message) -> None:
    """Gives each request the entities that stand within it."""
    entities = message.get("entities") or []
    for request in message.get(REQUESTS) or []:
        request["entities"] = [
            e for e in entities if request["start"] <= e["start"] and e["end"] <= request["end"]
        ]
