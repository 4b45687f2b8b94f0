"""Rasa component: folds the text before anything else; the raw text stays as it is."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.attributes import FOLDED, NORMALIZED
from bot.nlu.normalize import normalize
from bot.nlu.paths import code_hash


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class TextNormalizer(GraphComponent):
    """Sets ``normalized`` (in the parse output) and the way back to raw offsets."""

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> TextNormalizer:  # fmt: skip
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        for example in training_data.training_examples:
            if example.get("text"):
                example.set(FOLDED, normalize(example.get("text")))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            found = normalize(message.get("text") or "")
            message.set(FOLDED, found)
            message.set(NORMALIZED, found.text, add_to_output=True)
        return messages
