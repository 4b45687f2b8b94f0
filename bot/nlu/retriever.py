"""Rasa component: searches the published knowledge base with the message's own vector."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.attributes import KNOWLEDGE, REQUESTS, folded
from bot.nlu.encoder import encoder_dir
from bot.nlu.featurizer import sentence_vector
from bot.nlu.paths import resolve, var_dir
from bot.nlu.threads import calm_threads
from knowledge_base.embedding.encoder import shared_encoder
from knowledge_base.indexing import store_from
from knowledge_base.search import KnowledgeSearcher, SearchResult, Vectors

log = logging.getLogger(__name__)
_NOTHING: dict[str, Any] = {"decision": "none", "hits": []}
# Words that carry no question: a search would only fill the transcript.
_TALK = frozenset({"greet", "goodbye", "thank", "affirm", "deny", "inform", "rate_service"})
_TALK_FROM = 0.8


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class KnowledgeRetriever(GraphComponent):
    """Puts {"decision", "hits", "version", "exact"} under ``knowledge``, for the whole message and for
    each question among several requests; without a base it decides "none".

    Config: ``folder`` of the snapshots, ``encoder`` folder, ``hits`` kept (3).
    """

    @staticmethod
    def required_packages() -> list[str]:
        return ["onnxruntime", "tokenizers"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"folder": None, "encoder": None, "hits": 3}

    def __init__(self, config: dict[str, Any]) -> None:
        self._hits = int(config["hits"])
        self._folder: Path = resolve(config.get("folder"), var_dir() / "knowledge")
        self._encoder_dir = resolve(config.get("encoder"), encoder_dir())
        self._searcher: KnowledgeSearcher | None = None
        calm_threads()

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> KnowledgeRetriever:  # fmt: skip
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            message.set(KNOWLEDGE, self._look_up(message), add_to_output=True)
            for request in message.get(REQUESTS) or []:
                if request["intent"] == "ask_knowledge":
                    request["knowledge"] = self._find(request["text"], None)
        return messages

    def _look_up(self, message: Message) -> dict[str, Any]:
        vector = sentence_vector(message)
        intent = message.get("intent") or {}
        if vector is None or (
            intent.get("name") in _TALK and intent.get("confidence", 0) >= _TALK_FROM
        ):
            return dict(_NOTHING)
        return self._find(folded(message).text, vector)

    def _find(self, text: str, vector: Vectors | None) -> dict[str, Any]:
        try:
            found = self._search().search(text, self._hits, vector)
        except Exception:
            # A broken base must not silence the bot: it still does its tasks.
            log.exception("knowledge search failed")
            return dict(_NOTHING)
        return _trimmed(found)

    def _search(self) -> KnowledgeSearcher:
        if self._searcher is None:
            self._searcher = KnowledgeSearcher(
                self._folder, shared_encoder(self._encoder_dir), store_from(os.environ)
            )
        return self._searcher


def _trimmed(found: SearchResult) -> dict[str, Any]:
    hits = [
        {key: value for key, value in hit.to_dict().items() if key != "signals"}
        for hit in found.hits
    ]
    return {
        "decision": found.decision,
        "hits": hits,
        "version": found.version,
        "exact": found.exact,
    }
