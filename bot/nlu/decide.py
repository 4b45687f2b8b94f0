"""The arbiter's decision: a task, an answer, a question back, or an honest miss.

Thresholds live in ``calibration.json``, found on the development set by ``bot.nlu.calibrate``. They hold
for one encoder only: with another one cautious defaults are in force until calibration has run again.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.nlu.offers import Choice, choices

log = logging.getLogger(__name__)
CALIBRATION = Path(__file__).with_name("calibration.json")
MISS, CLARIFY, OUTSIDE, KNOWLEDGE = "nlu_fallback", "clarify", "out_of_scope", "ask_knowledge"
EXACT_YIELDS_TO = 0.6
"""A published question, word for word, is answered unless a task is at least this probable: what an
editor publishes must be live whatever the classifier thinks of its words."""
OUTSIDE_YIELDS_TO, OUTSIDE_IS_SURE = 0.7, 0.8
"""What the base is this sure to know is no other trade's, unless the classifier is surer still. Of our own
hard questions to the base 11 % were refused without this, 6 % with it; of those it cannot answer 3 in 188 more
reach it."""
_HUMAN = re.compile(
    r"(?:我要|请|麻烦|帮我|给我|快|直接|马上|立刻|赶紧|还是|就)*(?:转|转接|接|找|要|换|叫|呼叫|联系)?(?:一下|个|到|成)?"
    r"(?:人工|真人|活人|人工客服|人工服务|人工坐席|客服人员|真人客服|客服)(?:服务|客服|坐席|台)?(?:吧|啊|呀|谢谢|快点)*"
)


@dataclass(frozen=True)
class Thresholds:
    """When to do what. All are probabilities.

    Attributes:
        encoder: fingerprint of the encoder they were found with.
        outside_from: at least this much evidence of another trade ends in ``out_of_scope``.
        miss_below: below it nobody can tell what is wanted.
        clarify_below: below it the customer is asked, if there are two choices worth offering.
        choice_from: the least probability of a choice offered.
    """

    encoder: str
    outside_from: float = 0.45
    miss_below: float = 0.2
    clarify_below: float = 0.35
    choice_from: float = 0.15

    @classmethod
    def load(cls, encoder: str, path: Path = CALIBRATION) -> Thresholds:
        """The stored thresholds if they were found with this encoder, else cautious defaults."""
        stored = json.loads(path.read_text("utf-8"))["thresholds"] if path.exists() else {}
        if stored.get("encoder") != encoder:
            log.warning(
                "thresholds belong to encoder %s, not %s: defaults are in force; run bot.nlu.calibrate",
                stored.get("encoder"), encoder,
            )  # fmt: skip
            return cls(encoder)
        return cls(**stored)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """What is known of a message.

    Attributes:
        text: folded.
        ranking: (intent, probability), best first.
        knowledge: the retriever's output.
        entities: type → the customer's words.
    """

    text: str
    ranking: Sequence[tuple[str, float]]
    knowledge: dict[str, Any]
    entities: dict[str, str]


@dataclass(frozen=True)
class Verdict:
    """The final intent, its confidence and, for ``clarify``, up to three choices."""

    intent: str
    confidence: float
    choices: Sequence[Choice] = ()


def decide(evidence: Evidence, limits: Thresholds) -> Verdict:
    """Decides by rules in order of certainty."""
    if _HUMAN.fullmatch(evidence.text.strip(" ,。!?~…")):
        return Verdict("request_human", 1.0)
    if not evidence.ranking:
        return Verdict(MISS, 0.0)
    intent, confidence = evidence.ranking[0]
    if evidence.knowledge.get("exact") and (intent == OUTSIDE or confidence < EXACT_YIELDS_TO):
        return Verdict(KNOWLEDGE, 1.0)
    outside = dict(evidence.ranking).get(OUTSIDE, 0.0)
    if intent == OUTSIDE or outside >= limits.outside_from:
        known = _known(evidence)
        if known >= OUTSIDE_YIELDS_TO and outside < OUTSIDE_IS_SURE:
            return Verdict(KNOWLEDGE, known)
        return Verdict(OUTSIDE, outside)
    if confidence < limits.miss_below:
        return _without_favourite(evidence)
    if confidence < limits.clarify_below:
        offered = _offered(evidence, limits)
        if len(offered) > 1:
            return Verdict(CLARIFY, confidence, offered)
    return Verdict(intent, confidence)


def _known(evidence: Evidence) -> float:
    """How sure the base is that it knows the question, 0 where it would not answer."""
    hits = evidence.knowledge.get("hits") or ()
    if evidence.knowledge.get("decision") in (None, "none") or not hits:
        return 0.0
    return float(hits[0]["score"])


def _without_favourite(evidence: Evidence) -> Verdict:
    """The classifier is lost; the knowledge base may still know the question."""
    if evidence.knowledge.get("decision") == "answer":
        return Verdict(KNOWLEDGE, _known(evidence))
    return Verdict(MISS, 1 - evidence.ranking[0][1])


def _offered(evidence: Evidence, limits: Thresholds) -> list[Choice]:
    names = [name for name, p in evidence.ranking if p >= limits.choice_from]
    return choices(names, evidence.entities, evidence.knowledge.get("hits", []))
