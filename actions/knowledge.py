"""Answers from the knowledge base: Rasa's retriever found the hits, this renders them."""

from __future__ import annotations

from typing import Any

from actions.base import DialogueAction
from actions.bss.client import OperatorClient
from actions.bss.errors import BssUnavailable
from actions.outcome import Outcome, Shown, Step, said
from actions.pointing import Listed
from actions.replies import HUMAN, Button, Reply
from actions.turn import Request, Turn
from knowledge_base.rendering import render_or_hide

CHOICES = 3
FOLLOW_UPS = 3
OTHERS = 2
HELPFUL = Button("解决了", kind="feedback")
USELESS = Button("没解决", "没解决我的问题", "feedback")


class AskKnowledge(DialogueAction):
    action = "action_ask_knowledge"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        hits: list[dict[str, Any]] = list(turn.knowledge.get("hits") or ())
        decision = turn.knowledge.get("decision")
        if decision == "answer" and hits:
            return await _answered(hits[0], hits[1 : OTHERS + 1], bss)
        if decision == "clarify" and hits:
            asked = [_asked(hit) for hit in hits[:CHOICES]]
            return clarify([Button(request.text) for request in asked], asked)
        return not_known()


async def _answered(
    hit: dict[str, Any], next_hits: list[dict[str, Any]], bss: OperatorClient
) -> Outcome:
    try:
        facts = await bss.catalogue_facts()
    except BssUnavailable:
        # The rule can still be told; its figures cannot.
        facts = {}
    text = render_or_hide(str(hit["answer"]), facts)
    follow_ups = [Button(str(title)) for title in (hit.get("follow_ups") or ())[:FOLLOW_UPS]]
    question = str(hit["question"])
    buttons = [button for button in follow_ups if button != HUMAN]
    entry_id, others = str(hit["entry_id"]), tuple(str(other["question"]) for other in next_hits)
    source = {"entry_id": entry_id, "score": hit.get("score"), "others": list(others)}
    return Outcome(
        (Reply(text, None, (*buttons, HELPFUL, USELESS), knowledge=source),),
        step=Step(f"回答了「{question}」"), shown=(Shown(entry_id, question, others),),
    )  # fmt: skip


def _asked(hit: dict[str, Any]) -> Request:
    """The question of a hit as if the customer had asked it."""
    question = str(hit["question"])
    known = {"decision": "answer", "hits": [hit]}
    return Request(question, "ask_knowledge", 1.0, plain=question, knowledge=known)


def clarify(choices: list[Button], requests: list[Request]) -> Outcome:
    """The customer chooses by button or by 「第二个」; asking back is not a miss."""
    return said("您是想问下面哪一个？都不是的话，换个说法再告诉我。", *choices, HUMAN,
                short="您想问哪一个？", neutral=True,
                listed=Listed("request", tuple(r.to_dict() for r in requests)))  # fmt: skip


def not_known() -> Outcome:
    """A miss; the gateway keeps the question for the editors (its understanding says none)."""
    return said(
        "这个问题我暂时没有准确的答案，不敢乱说。您可以换个说法，或者转人工。",
        HUMAN, Button("查话费", "查话费余额"), Button("有哪些套餐"), miss=True,
        short="这个我不清楚，要不要转人工？",
    )  # fmt: skip


class Clarify(DialogueAction):
    """The arbiter could not decide: its choices become buttons."""

    action = "action_clarify"

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        offered = [choice for choice in turn.clarify[:CHOICES] if choice.get("title")]
        if not offered:
            return not_known()
        buttons = [Button(c["title"], c.get("payload") or "") for c in offered]
        return clarify(buttons, [self._wanted(choice, turn) for choice in offered])

    @staticmethod
    def _wanted(choice: dict[str, str], turn: Turn) -> Request:
        hits = turn.knowledge.get("hits")
        if choice.get("intent") == "ask_knowledge" and hits:
            return _asked(hits[0])
        text = choice.get("payload") or choice["title"]
        return Request(
            text, choice.get("intent") or "nlu_fallback", 1.0, turn.request.entities, text
        )
