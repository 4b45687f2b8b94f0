"""Rasa component: one sentence vector per message, shared by the classifier and the retriever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.attributes import folded
from bot.nlu.encoder import VectorCache, encoder_dir, to_encode
from bot.nlu.paths import cache_dir, code_hash, resolve
from knowledge_base.embedding.encoder import shared_encoder

Floats = npt.NDArray[np.float32]
NAME = "SentenceVectorFeaturizer"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceVectorFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds the encoder's query vector as the dense sentence feature of the text.

    Config: ``encoder`` names another encoder folder (relative to the project root).
    """

    @staticmethod
    def required_packages() -> list[str]:
        return ["onnxruntime", "tokenizers"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**DenseFeaturizer.get_default_config(), "encoder": None}

    def __init__(self, config: dict[str, Any], name: str) -> None:
        super().__init__(name, config)
        self._encoder = shared_encoder(_folder(config))

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Any folder is a valid setting; a missing one is reported when it is opened."""

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceVectorFeaturizer:  # fmt: skip
        return cls(config, execution_context.node_name)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash() + shared_encoder(_folder(config)).fingerprint

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        examples = [e for e in training_data.training_examples if e.get(TEXT)]
        cache = VectorCache(self._encoder, cache_dir())
        vectors = cache.encode([to_encode(folded(e).text) for e in examples])
        for example, vector in zip(examples, vectors, strict=True):
            self._attach(example, vector)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = to_encode(folded(message).text)
            if text:
                self._attach(message, self._encoder.encode([text], "query")[0])
        return messages

    def _attach(self, message: Message, vector: Floats) -> None:
        message.add_features(
            Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, self._identifier)
        )


def _folder(config: dict[str, Any]) -> Path:
    return resolve(config.get("encoder"), encoder_dir())


def sentence_vector(message: Message) -> Floats | None:
    """The vector of the message's text, shape (dimension,); None when nothing readable was sent."""
    for feature in message.features:
        if feature.attribute == TEXT and feature.type == FEATURE_TYPE_SENTENCE:
            vector: Floats = feature.features[0]
            return vector
    return None
