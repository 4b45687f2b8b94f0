"""Rasa component: sentiment of each message, trained on its own sentences beside the intents."""

from __future__ import annotations

import logging
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.attributes import SENTIMENT, folded
from bot.nlu.encoder import VectorCache, encoder_dir
from bot.nlu.featurizer import sentence_vector
from bot.nlu.linear import LinearModel
from bot.nlu.mood import TRAINING, felt, judge, read_training, train
from bot.nlu.paths import cache_dir, code_hash, content_hash, resolve
from bot.nlu.words import segmenter
from knowledge_base.embedding.encoder import shared_encoder

log = logging.getLogger(__name__)
_CALM = {"label": "calm", "score": 0.0, "flags": []}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SentimentClassifier(GraphComponent):
    """Puts {"label", "score", "flags"} under ``sentiment``.

    Config: ``training`` file of {"text", "label"} lines, ``encoder`` folder.
    """

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "scipy"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"training": None, "encoder": None}

    def __init__(
        self, config: dict[str, Any], storage: ModelStorage, resource: Resource,
        model: LinearModel | None = None,
    ) -> None:  # fmt: skip
        self._config = config
        self._storage = storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentimentClassifier:  # fmt: skip
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext, **kwargs: Any,
    ) -> SentimentClassifier:  # fmt: skip
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, LinearModel.load(folder))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        encoder = shared_encoder(resolve(config.get("encoder"), encoder_dir()))
        sentences = content_hash(resolve(config.get("training"), TRAINING))
        return code_hash() + encoder.fingerprint + sentences

    def train(self, training_data: TrainingData) -> Resource:
        """Fits on the sentiment sentences; the intents' training data is not read."""
        encoder = shared_encoder(resolve(self._config.get("encoder"), encoder_dir()))
        rows = read_training(resolve(self._config.get("training"), TRAINING))
        cache = VectorCache(encoder, cache_dir(), "sentiment")
        self._model, accuracy = train(rows, cache, segmenter())
        log.info("sentiment: %.1f %% right in cross-validation", 100 * accuracy)
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            message.set(SENTIMENT, self._feel(message), add_to_output=True)
        return messages

    def _feel(self, message: Message) -> dict[str, Any]:
        vector = sentence_vector(message)
        if self._model is None or vector is None:
            return dict(_CALM)
        text = folded(message).text
        words = [token.lemma for token in message.get(TOKENS_NAMES[TEXT]) or []]
        # Faces and repeated marks carry feeling that folding takes away.
        scores = self._model.probabilities(felt(message.get(TEXT) or "", text), words, vector)
        named = dict(zip(self._model.labels, map(float, scores), strict=True))
        mood = judge(text, named, (message.get(INTENT) or {}).get("name"))
        return {"label": mood.label, "score": mood.score, "flags": list(mood.flags)}
