"""Elderly mode by asking: 「大字版」, 「我老了看不清」, and back again with 「普通版」."""

from __future__ import annotations

import re

from bot.gateway.channel_rules import Plan
from bot.gateway.words import FEW_BUTTONS, buttons
from core.events import STATE, LiveBus
from core.redis_keys import conversation_channel
from core.transcript import Conversation, Draft, Message, Transcript

_NOISE = re.compile(r"[\s，。！!？?、,.~～]")
_LARGE = re.compile(
    r"(长辈|老年|老人|敬老|关怀|适老)(版|模式|字体)|大字(版|模式|体|号)?|大号字|"
    r"字.{0,3}(大一?点|大一?些|调大|放大|太小|看不清)|(放大|调大|加大).{0,2}字|"
    r"(我|人)(也|都|已经)?老了|(年纪|岁数|年龄)大|上了?年纪|老花|眼睛?花|(眼神|视力|眼睛)不好|"
    r"^我?(有点|都)?(看不清|看不见)楚?(字|屏幕)?[了啊呢]?$"
)
_NORMAL = re.compile(
    r"(普通|标准|正常|常规|小字)(版|模式|字体|字号)|(退出|关闭|取消|不要|关掉).{0,2}"
    r"(大字|长辈|老年|关怀|适老)(版|模式)?|字.{0,2}(太大|小一?点|调小|变小)"
)
_SHORT = 18
"""Longer words are about something else."""
ON = "好的，已经换成大字版，我说话会短一些。要找真人，点「转人工」就行。"
ON_ELSEWHERE = (
    "好的，我说话会短一些。要找真人，说「转人工」就行。"
    "字太小的话，可以在微信的「我—设置—关怀模式」里把字调大。"
)
OFF = "好的，已经换回普通版。"
_OUR_PAGES = ("web", "app")


def wants(text: str) -> bool | None:
    """True: large and simple; False: as usual; None: the words are about something else."""
    plain = _NOISE.sub("", text)
    if len(plain) > _SHORT:
        return None
    if _NORMAL.search(plain):
        return False
    return True if _LARGE.search(plain) and not _about_offers(plain) else None


def _about_offers(text: str) -> bool:
    """「老年套餐」 is a plan, not a wish for large type."""
    return bool(re.search(r"套餐|资费|优惠|卡|手机|办理?|流量|话费|宽带", text))


class Care:
    """Switches the mode of a conversation and tells the open pages."""

    def __init__(self, transcript: Transcript, bus: LiveBus) -> None:
        self._transcript = transcript
        self._bus = bus

    async def switch(self, conversation_id: str, elderly: bool) -> None:
        """Raises NotFound."""
        conversation = await self._transcript.conversation(conversation_id)
        profile = {**(conversation.profile or {}), "elderly": elderly, "elderly_chosen": True}
        await self._transcript.change(conversation_id, profile=profile)
        channel = conversation_channel(conversation_id)
        await self._bus.publish(channel, STATE, state=conversation.owner)

    def plan(self, text: str) -> Plan | None:
        """What a wish for (or against) large type means for the message; None = nothing."""
        wish = wants(text)
        if wish is None:
            return None

        async def answer(conversation: Conversation, message: Message) -> list[Draft]:
            await self.switch(conversation.id, wish)
            on = ON if conversation.channel in _OUR_PAGES else ON_ELSEWHERE
            return [
                Draft(
                    "bot", on if wish else OFF, buttons(FEW_BUTTONS) if wish else None,
                    in_reply_to=message.id,
                )
            ]  # fmt: skip

        return Plan(text, answer)
