"""What the app itself says to customers; everything else comes from the dialogue or the handoff."""

from __future__ import annotations

WELCOME = "您好，我是智能客服小畅，24小时都在。查话费、查流量、换套餐、报故障，直接告诉我就行。"
WELCOME_ELDERLY = "您好！我是小畅。想查话费、流量，或者找人工，慢慢说，不着急。"
WELCOME_BUTTONS = ("查话费", "查流量", "我的套餐", "推荐套餐", "转人工")
FEW_BUTTONS = ("查话费", "查流量", "转人工")
"""For elderly customers where nothing can be folded away."""
BOT_DOWN = (
    "抱歉，我这边暂时出了点状况，没能处理好您的问题。您说的我已经记下了，"
    "可以稍后再试，或者我马上帮您转接人工客服。"
)
BOT_DOWN_BUTTONS = ("转人工", "稍后再试")
HANDOFF_DOWN = "抱歉，转接人工暂时没有成功，请稍等一会儿再试一次，您说的内容都已经保存。"

JOINED = "您之前的人工会话还没有结束，已经为您接上，客服能看到您刚才说的话。"
OPEN_TALK = "您还有一个人工会话没有结束，要接着那边聊吗？"
RESUME = "接着之前的人工会话"
NOTHING_OPEN = "之前的人工会话已经结束了。需要的话，我现在帮您转人工。"

PERSON_WORDS = ("人工", "转人", "真人", "客服人员", "跟人说", "活人")


def buttons(titles: tuple[str, ...]) -> list[dict[str, str]]:
    """Quick replies whose payload is their own text."""
    return [{"title": title, "payload": title} for title in titles]


def wants_person(text: str) -> bool:
    """Whether a text asks for a person; used only while the dialogue cannot tell."""
    return any(word in text for word in PERSON_WORDS)
