"""What the app says on platforms where customers send more than text."""

from __future__ import annotations

from core.security import mask

MEDIA = {
    "image": "图片收到了，不过我还看不懂图片，请用文字说说您的问题。要人工帮忙看，就说「转人工」，图片会一起转。",
    "voice": "这条语音没有听清，麻烦您打字告诉我，或者再说一遍。",
    "video": "视频收到了，不过我还看不懂视频，请用文字说说您的问题。要人工帮忙看，就说「转人工」。",
    "location": "位置收到了。您是要报网络故障，还是找附近的营业厅？要找人工的话，位置会一起转过去。",
    "link": "链接收到了，不过我不会打开链接，请用文字说说您想问什么。",
    "too_long": "这条消息太长了，请分几条发给我，每条不超过2000字。",
    "other": "这种消息我还看不懂，请用文字说说您想办什么。",
}
MEDIA_BUTTONS = {"location": ("报修", "找营业厅", "转人工")}
USUAL_BUTTONS = ("查话费", "查流量", "转人工")
WELCOME_BACK = "扫码成功，我是智能客服小畅。请问要办什么？"
TROUBLE = "抱歉，系统刚才开了小差，没能处理好您的消息，请稍后再发一次。"
TOO_MANY_TRIES = (
    "今天验证的次数太多了，为了您的账户安全，请明天再试，或者回复「转人工」由人工核实身份。"
)
NOT_BOUND = "您的微信还没有绑定手机号。要绑定的话，回复「绑定手机号」。"
UNBOUND = "已经解除绑定，之后在这里不能再查到您的号码信息。要重新绑定，回复「绑定手机号」。"
BINDS_BY_ASKING_FOR = "查一下{}的话费余额"
BIND_ANOTHER = "要再绑定一个号码，回复「绑定」加上那个号码。"
BINDS_BY_ASKING = "查话费余额"
"""Asked of the dialogue for a customer who wants to be bound: it verifies, and the answer shows that it worked."""


def bound(phone: str) -> str:
    """The account is bound already."""
    return f"您的微信已经绑定{mask(phone)}。{BIND_ANOTHER}要解除绑定，回复「解除绑定」。"


def numbers(phone: str, others: int) -> str:
    """Which number is in use, and whether there are more."""
    more = "要换成别的号码，选一个就行。" if others else BIND_ANOTHER
    return f"现在用的是{mask(phone)}。{more}"


def used(phone: str) -> str:
    """Another number is in use from now on."""
    return f"好的，现在换成{mask(phone)}。查话费、办业务的时候，要用短信再验证一次。"


def unbound(gone: str, left: str | None) -> str:
    """One number is forgotten; which takes its place."""
    if left is None:
        return UNBOUND
    return f"已经解除绑定{mask(gone)}，现在换成{mask(left)}。这个号码也要解除的话，再回复一次「解除绑定」。"
