"""Rasa component: jieba with the telecom lexicon and the catalogue's names."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.attributes import folded
from bot.nlu.catalogue import Catalogue
from bot.nlu.paths import code_hash
from bot.nlu.words import segmenter


class Word(Token):
    """A token with a fingerprint that costs nothing: training asks for half a million of them."""

    def fingerprint(self) -> str:
        return f"{self.start} {self.text} {self.lemma}"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class TelecomTokenizer(Tokenizer):
    """Tokens carry raw offsets and raw text; ``lemma`` is the folded word."""

    @staticmethod
    def supported_languages() -> list[str]:
        return ["zh"]

    @staticmethod
    def required_packages() -> list[str]:
        return ["jieba"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_"}

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._jieba = segmenter()
        self._catalogue = Catalogue()
        self._known: object = None

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> TelecomTokenizer:  # fmt: skip
        return cls(config)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash()

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Words of the folded text; spaces and characters folded away belong to no token."""
        self._learn_names()
        text = folded(message)
        tokens = []
        for word, start, end in self._jieba.tokenize(text.text):
            if word.strip():
                first, last = text.raw_span(start, end)
                tokens.append(Word(text.raw[first:last], first, last, lemma=word))
        return tokens

    def _learn_names(self) -> None:
        offers = self._catalogue.offers()
        if offers is self._known:
            return
        self._known = offers
        self._jieba.learn(name for offer in offers for name in offer.names)
