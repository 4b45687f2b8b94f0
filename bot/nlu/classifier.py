"""Rasa component: the intent, with calibrated confidence."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.attributes import REQUESTS, folded
from bot.nlu.encoder import encoder_dir, to_encode
from bot.nlu.featurizer import sentence_vector
from bot.nlu.linear import LinearModel, fit
from bot.nlu.ngrams import INTENT_VIEWS
from bot.nlu.paths import code_hash, resolve
from bot.nlu.segments import requests
from bot.nlu.words import segmenter
from knowledge_base.embedding.encoder import shared_encoder

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
_RANKING_LENGTH = 10


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class HybridIntentClassifier(GraphComponent, IntentClassifier):
    """Linear SVMs over n-grams of characters, syllables and words, and the sentence vector."""

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "scipy"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"views": list(INTENT_VIEWS), "threads": 2, "encoder": None}

    def __init__(
        self, config: dict[str, Any], storage: ModelStorage, resource: Resource,
        model: LinearModel | None = None,
    ) -> None:  # fmt: skip
        self._config = config
        self._storage = storage
        self._resource = resource
        self._model = model
        self._encoder = shared_encoder(resolve(config.get("encoder"), encoder_dir()))
        self._jieba = segmenter()

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> HybridIntentClassifier:  # fmt: skip
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext, **kwargs: Any,
    ) -> HybridIntentClassifier:  # fmt: skip
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, LinearModel.load(folder))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash()

    def train(self, training_data: TrainingData) -> Resource:
        """Fits the model and writes it; cross-validated accuracy goes to the log and the model."""
        pairs = [
            (e, v) for e in training_data.intent_examples if (v := sentence_vector(e)) is not None
        ]
        examples = [e for e, _ in pairs]
        fitted = fit(
            [_text(e) for e in examples], np.stack([v for _, v in pairs]),
            [e.get(INTENT) for e in examples],
            self._config["views"], self._config["threads"],
        )  # fmt: skip
        self._model = fitted.model
        log.info("intents: %.1f %% right in cross-validation", 100 * fitted.accuracy)
        with self._storage.write_to(self._resource) as folder:
            fitted.model.save(folder)
            facts = {"examples": len(examples), "cross_validated_accuracy": fitted.accuracy}
            (folder / "training.json").write_text(json.dumps(facts), "utf-8")
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            vector = sentence_vector(message)
            if self._model is not None and vector is not None:
                text, words = _text(message)
                _tell(message, self._model.labels, self._model.probabilities(text, words, vector))
                self._take_apart(message, self._model)
        return messages

    def _take_apart(self, message: Message, model: LinearModel) -> None:
        """Lists several requests of one message under ``requests``, with raw text and offsets."""

        def classify(texts: Sequence[str]) -> list[tuple[str, float]]:
            return self._classify(texts, model)

        text = folded(message)
        found = []
        for request in requests(text.text, classify):
            start, end = text.raw_span(request.start, request.end)
            found.append(
                {"text": text.raw[start:end], "intent": request.intent, "start": start, "end": end,
                 "confidence": round(request.confidence, 4)}
            )  # fmt: skip
        if found:
            message.set(REQUESTS, found, add_to_output=True)

    def _classify(self, texts: Sequence[str], model: LinearModel) -> list[tuple[str, float]]:
        vectors = self._encoder.encode([to_encode(t) for t in texts], "query")
        judged = []
        for text, vector in zip(texts, vectors, strict=True):
            scores = model.probabilities(text, self._jieba.lcut(text), vector)
            judged.append((model.labels[int(scores.argmax())], float(scores.max())))
        return judged


def _tell(message: Message, labels: Sequence[str], probabilities: Floats) -> None:
    best = np.argsort(-probabilities)[:_RANKING_LENGTH]
    ranking = [{"name": labels[i], "confidence": round(float(probabilities[i]), 4)} for i in best]
    message.set(INTENT, ranking[0], add_to_output=True)
    message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)


def _text(message: Message) -> tuple[str, Sequence[str]]:
    words = [token.lemma for token in message.get(TOKENS_NAMES[TEXT]) or []]
    return folded(message).text, words
