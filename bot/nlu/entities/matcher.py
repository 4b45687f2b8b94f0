"""Candidates for entities, found by spaCy: names by ``PhraseMatcher``, patterns as character spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.nlu.catalogue import Offer
from bot.nlu.entities.names import known_names, known_places, price_tail, reading
from bot.nlu.entities.rules import RULES

_SHORT_SOUND = 2
_PLACE = "place"


@dataclass(frozen=True)
class Candidate:
    """A possible entity: half-open range of the folded text. ``source``: rule, name or sound."""

    start: int
    end: int
    label: str
    source: str
    sure: bool = False


class EntityMatcher:
    """Proposes every possible entity of a folded text; overlaps are left in.

    Args:
        offers: the catalogue; ``refresh`` takes a newer one.
    """

    def __init__(self, offers: tuple[Offer, ...] = ()) -> None:
        import spacy

        # Blank Chinese cuts into characters, so any span of characters is a span of tokens.
        self._spacy = spacy.blank("zh")
        self._names: Any = None
        self._sounds: dict[str, str] = {}
        self.refresh(offers)

    def refresh(self, offers: tuple[Offer, ...]) -> None:
        """Takes over the catalogue's names."""
        from spacy.matcher import PhraseMatcher

        names = {label: set(found) for label, found in known_names().items()}
        for offer in offers:
            label = "package_name" if offer.kind == "plan" else "service_name"
            names[label].update(offer.names)
        matcher = PhraseMatcher(self._spacy.vocab)
        for label, found in names.items():
            matcher.add(label, [self._spacy.make_doc(name) for name in sorted(found)])
        matcher.add(_PLACE, [self._spacy.make_doc(name) for name in sorted(known_places())])
        self._names = matcher
        self._sounds = {
            reading(name): label
            for label in ("service_name", "package_name")
            for name in names[label]
            if len(name) >= _SHORT_SOUND and name.isalpha() and not name.isascii()
        }

    def candidates(self, text: str) -> list[Candidate]:
        """Every candidate, longest names only; about 0.3 ms for a short text."""
        doc = self._spacy.make_doc(text)
        found = self._named(doc, text)
        found += self._sounding(text, found)
        for rule in RULES:
            for match in rule.pattern.finditer(text):
                span = doc.char_span(match.start(), match.end(), label=rule.label)
                if span is not None and span.text.strip():
                    found.append(
                        Candidate(span.start_char, span.end_char, rule.label, "rule", rule.sure)
                    )
        return found

    def _named(self, doc: Any, text: str) -> list[Candidate]:
        from spacy.util import filter_spans

        spans = filter_spans(self._names(doc, as_spans=True))
        return [
            Candidate(
                span.start_char,
                price_tail(text, span.end_char) if span.label_ == "package_name" else span.end_char,
                span.label_,
                "name",
            )
            for span in spans
        ]

    def _sounding(self, text: str, named: list[Candidate]) -> list[Candidate]:
        """Names written with other characters of the same sound."""
        taken = {i for c in named for i in range(c.start, c.end)}
        found = []
        for size in (5, 4, 3, 2):
            for start in range(len(text) - size + 1):
                part = text[start : start + size]
                if taken.isdisjoint(range(start, start + size)) and "\u4e00" <= part[0] <= "\u9fff":
                    label = self._sounds.get(reading(part))
                    if label is not None:
                        found.append(Candidate(start, start + size, label, "sound"))
                        taken.update(range(start, start + size))
        return found


def _from_name(span: Any, text: str) -> Candidate:
    if span.label_ == _PLACE:
        return Candidate(span.start_char, span.end_char, "address", _PLACE)
    is_plan = span.label_ == "package_name"
    end = price_tail(text, span.end_char) if is_plan else span.end_char
    return Candidate(span.start_char, end, span.label_, "name")
