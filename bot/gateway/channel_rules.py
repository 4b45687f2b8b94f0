"""What is settled before the dialogue is asked: choices by number, ratings, binding, media, attempts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.channels.contacts import Contact
from bot.channels.plain import Choice, picked
from bot.gateway import channel_words as said
from bot.gateway import numbers, words
from bot.gateway.limits import AttemptLimiter
from bot.identity.models import VERIFIED, ChannelAccount
from core.errors import ChangdaError
from core.redis_keys import attempts
from core.transcript import Conversation, Draft, Message
from handoff.service import HandoffService

OwnWords = Callable[[Conversation, Message], Awaitable[Sequence[Draft]]]
"""Answers a message in the dialogue's place."""
TRIES_A_DAY = 10
_DAY_S = 86_400
_BIND = re.compile(r"(我?要|请?帮我)?(绑定|绑号)(一下)?(我的)?(手机|电话)?(号码|号)?")
_UNBIND = re.compile(
    r"(我?要|请?帮我)?(解绑|解除绑定|取消绑定)(一下)?(我的)?(手机|微信|电话)?(号码|号)?"
)
_CODE = re.compile(r"\D{0,6}\d{6}\D{0,4}")
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_ENDS = "。！!~～. "


@dataclass(frozen=True)
class Plan:
    """How one message is dealt with.

    Args:
        text: as it is stored; a picked choice says what its button says.
        answer: in the dialogue's place, while the bot owns the conversation.
        asks: what the dialogue is asked instead of the text.
        unbinds: the number in use is forgotten afterwards.
        uses: the bound number that is in use afterwards.
        proves_anew: what proved the account until now counts no more.
    """

    text: str
    answer: OwnWords | None = None
    asks: str | None = None
    unbinds: bool = False
    uses: str | None = None
    proves_anew: bool = False


class ChannelRules:
    """Reads a customer's message on a platform before the dialogue does."""

    def __init__(self, limiter: AttemptLimiter, handoffs: HandoffService) -> None:
        self._limiter = limiter
        self._handoffs = handoffs

    async def plan(
        self,
        contact: Contact,
        known: ChannelAccount | None,
        text: str,
        card: dict[str, Any] | None,
    ) -> Plan:
        """What to do with a message; ``contact`` as it was before the message came."""
        verified = known is not None and known.assurance >= VERIFIED
        if card is not None:
            return Plan(text, about_media(card))
        choice = picked(text, contact.choices)
        if choice is not None and choice["payload"].startswith("rating:"):
            return self._rating(choice)
        text = choice["payload"] if choice else text
        folded = unicodedata.normalize("NFKC", text).strip().strip(_ENDS)
        about = _about_numbers(text, folded, known, verified)
        if about is not None and not about.asks:
            return about
        if (about or not verified) and await self._too_many(contact, folded):
            return Plan(text, _saying(said.TOO_MANY_TRIES))
        return about or Plan(text)

    def _rating(self, choice: Choice) -> Plan:
        score = choice["payload"].removeprefix("rating:")

        async def rate(conversation: Conversation, _: Message) -> list[Draft]:
            try:
                await self._handoffs.rate(conversation.id, int(score))
            except ChangdaError as error:
                return [Draft("bot", error.detail)]
            return []

        return Plan(choice["title"], rate)

    async def _too_many(self, contact: Contact, text: str) -> bool:
        """Counts codes and numbers that an account tries; the operator limits each code besides."""
        subject = f"{contact.channel}:{contact.account}"
        for kind, shape in (("code", _CODE.fullmatch), ("number", _PHONE.search)):
            if shape(text):
                return await self._limiter.add(attempts(kind, subject), _DAY_S) > TRIES_A_DAY
        return False


def _about_numbers(
    text: str, folded: str, known: ChannelAccount | None, verified: bool
) -> Plan | None:
    """Binding, unbinding, choosing among several; None when the words are about something else."""
    phone, bound = (known.phone, known.numbers or []) if known else (None, [])
    if _UNBIND.fullmatch(folded):
        if not phone:
            return Plan(text, _saying(said.NOT_BOUND))
        left = [number["phone"] for number in bound if number["phone"] != phone]
        told = said.unbound(phone, left[-1] if left else None)
        return Plan(text, _saying(told), unbinds=True)
    wanted = numbers.to_bind(folded)
    if wanted or _BIND.fullmatch(folded):
        if verified and phone and wanted in (None, phone):
            return Plan(text, _saying(said.bound(phone)))
        if wanted is None:
            return Plan(text, asks=said.BINDS_BY_ASKING)
        asks = said.BINDS_BY_ASKING_FOR.format(wanted)
        return Plan(text, asks=asks, proves_anew=bool(phone))
    if known and phone and numbers.asks_which(folded):
        return Plan(text, _saying(*numbers.listing(known)))
    if used := numbers.to_use(folded, bound):
        return Plan(text, _saying(said.used(used)), uses=used)
    return None


def _saying(text: str, choices: Sequence[Choice] = ()) -> OwnWords:
    async def answer(_: Conversation, message: Message) -> list[Draft]:
        return [Draft("bot", text, list(choices) or None, in_reply_to=message.id)]

    return answer


def silence(text: str) -> Plan:
    """Stored and left to somebody else."""

    async def answer(*_: Any) -> list[Draft]:
        return []

    return Plan(text, answer)


def about_media(card: dict[str, Any]) -> OwnWords:
    """The bot's words for what it cannot read; a person will see it."""
    kind = str(card.get("kind"))
    text = said.MEDIA.get(kind, said.MEDIA["other"])
    titles = said.MEDIA_BUTTONS.get(kind, said.USUAL_BUTTONS)

    async def answer(_: Conversation, message: Message) -> list[Draft]:
        return [Draft("bot", text, words.buttons(titles), in_reply_to=message.id)]

    return answer
