"""Rasa component: entities with exact raw spans and normalised values."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.attributes import folded
from bot.nlu.catalogue import Catalogue, Offer
from bot.nlu.entities import dates, names, tagger
from bot.nlu.entities.matcher import Candidate, EntityMatcher
from bot.nlu.entities.rules import NORMALISERS
from bot.nlu.normalize import Normalized
from bot.nlu.paths import code_hash

log = logging.getLogger(__name__)
_MODEL = "entities.crfsuite"
_MOST_ENTITIES = 30
# A correction refuses one value and names another: 不是三月，是四月 / 别充50，充100.
_NEGATED = re.compile(
    r"(?:不是|不要|不用|别|不充|不查|不办|不换)(?:充|查|办|换|改|要)?(?:成|那个)?$"
)
_MEANT = re.compile(r"(?:是|要|换成|改成|充|查|办|应该)")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class TelecomEntityExtractor(GraphComponent, EntityExtractorMixin):
    """spaCy proposes by the table of rules, a small field decides, values are normalised.

    Every entity has ``entity``, ``start``, ``end``, ``value`` (the raw substring), ``normalized``
    (a string or None), ``confidence_entity`` and, when the catalogue knows the offer, ``offer_id``.
    In a correction the value refused has ``negated`` and stands last.
    """

    @staticmethod
    def required_packages() -> list[str]:
        # crfsuite is known to the package tools by the name of its wrapper only.
        return ["spacy", "sklearn_crfsuite"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"rounds": 60}

    def __init__(
        self, config: dict[str, Any], storage: ModelStorage, resource: Resource,
        fitted: tagger.Tagger | None = None,
    ) -> None:  # fmt: skip
        self._config = config
        self._storage = storage
        self._resource = resource
        self._tagger = fitted
        self._catalogue = Catalogue()
        self._offers: tuple[Offer, ...] = self._catalogue.offers()
        self._matcher = EntityMatcher(self._offers)

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext,
    ) -> TelecomEntityExtractor:  # fmt: skip
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
        execution_context: ExecutionContext, **kwargs: Any,
    ) -> TelecomEntityExtractor:  # fmt: skip
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, tagger.Tagger(folder / _MODEL))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        return code_hash()

    def train(self, training_data: TrainingData) -> Resource:
        """Fits the tagger on every example that has an entity or a candidate."""
        rows = []
        for example in training_data.nlu_examples:
            text = folded(example)
            spans = _annotated(example, text)
            candidates = self._matcher.candidates(text.text)
            if spans or candidates:
                sequence = tagger.features(text.text, _words(example, text), candidates)
                rows.append((sequence, tagger.to_tags(len(text.text), spans)))
        with self._storage.write_to(self._resource) as folder:
            tagger.train(rows, folder / _MODEL, self._config["rounds"])
            self._tagger = tagger.Tagger(folder / _MODEL)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        self._refresh()
        for message in messages:
            found = self._extract(message)
            kept = [*message.get("entities", []), *self.add_extractor_name(found)]
            message.set("entities", kept, add_to_output=True)
        return messages

    def _refresh(self) -> None:
        offers = self._catalogue.offers()
        if offers is not self._offers:
            self._offers = offers
            self._matcher.refresh(offers)

    def _extract(self, message: Message) -> list[dict[str, Any]]:
        text = folded(message)
        if not text.text or self._tagger is None:
            return []
        candidates = self._matcher.candidates(text.text)
        sequence = tagger.features(text.text, _words(message, text), candidates)
        tagged = merge(self._tagger.tag(sequence), candidates)
        now = dates.today()
        found = [self._describe(text, item, now) for item in tagged]
        # 不是三月，是四月: what is meant comes first, because readers take the first of a kind.
        return sorted(found, key=lambda e: "negated" in e)[:_MOST_ENTITIES]

    def _describe(self, text: Normalized, item: tagger.Tagged, now: Any) -> dict[str, Any]:
        start, end = text.raw_span(item.start, item.end)
        words = text.text[item.start : item.end]
        normalise = NORMALISERS.get(item.label)
        entity: dict[str, Any] = {
            "entity": item.label, "start": start, "end": end, "value": text.raw[start:end],
            "normalized": normalise(words, now) if normalise else words,
            "confidence_entity": round(item.confidence, 4),
        }  # fmt: skip
        if _NEGATED.search(text.text[: item.start]) and _MEANT.search(text.text[item.end :]):
            entity["negated"] = True
        if item.label in ("package_name", "service_name"):
            entity |= self._offer(words, item.label == "package_name")
        return entity

    def _offer(self, words: str, is_plan: bool) -> dict[str, str]:
        offer = names.resolve_offer(words, self._offers, is_plan)
        if offer is not None:
            return {"normalized": offer.names[0], "offer_id": offer.offer_id}
        price = names.price_of(words) if is_plan else None
        return {"normalized": price} if price else {}


def merge(tagged: Sequence[tagger.Tagged], candidates: Sequence[Candidate]) -> list[tagger.Tagged]:
    """The tagger's entities, but sure candidates win over what overlaps them; in text order."""
    sure = {(c.start, c.end, c.label) for c in candidates if c.sure}
    agreed = [t for t in tagged if (t.start, t.end, t.label) in sure]
    missing = sure - {(t.start, t.end, t.label) for t in agreed}
    forced = [tagger.Tagged(*span, 1.0) for span in missing if _accepted(span, tagged)]
    kept = [t for t in tagged if not any(_overlap(t, f) for f in forced)]
    return sorted([*kept, *forced], key=lambda t: t.start)


def _accepted(span: tuple[int, int, str], tagged: Sequence[tagger.Tagged]) -> bool:
    """A sure span gives way only to a longer entity around it (a broadband account, a ticket)."""
    return not any(t.start <= span[0] and span[1] <= t.end for t in tagged)


def _overlap(one: tagger.Tagged, other: tagger.Tagged) -> bool:
    return one.start < other.end and other.start < one.end


def _words(message: Message, text: Normalized) -> list[str]:
    """The folded text cut into words without gaps; characters between tokens stand alone."""
    places = {origin[0]: i for i, origin in reversed(list(enumerate(text.origins)))}
    words: list[str] = []
    at = 0
    for token in message.get(TOKENS_NAMES[TEXT]) or []:
        start = max(places.get(token.start, at), at)
        words.extend(text.text[at:start])
        words.append(token.lemma)
        at = start + len(token.lemma)
    words.extend(text.text[at:])
    return words


def _annotated(example: Message, text: Normalized) -> list[tuple[int, int, str]]:
    spans = []
    for entity in example.get("entities", []):
        inside = [
            i for i, (first, last) in enumerate(text.origins)
            if first >= entity["start"] and last <= entity["end"]
        ]  # fmt: skip
        if inside:
            spans.append((inside[0], inside[-1] + 1, entity["entity"]))
        else:
            log.warning("entity %s vanished in folding %r", entity["value"], text.raw)
    return spans
