"""Everything this room says to customers, in one place."""

from __future__ import annotations

import re

from handoff.routing import GROUP_WORDS

CANCEL_BUTTON = {"title": "取消排队", "payload": "取消排队"}
CALL_BACK_BUTTON = {"title": "改为回电", "payload": "改为回电"}

_CANCEL = re.compile(
    r"^(我)?(要|想)?(先)?(取消|退出|停止|结束|放弃)(人工)?(排队|等待|等候|转人工|人工|人工客服)(吧|了)?$"
    r"|^(我)?(先)?(不排队?|不等|不想等|不想排队?|不用等|不转人工|不要人工|不用人工|不需要人工|不用转人工)(客服)?(了|吧|啦)+$"
    r"|^(我)?(要|想)?(返回|回到|转回|切回|换回|还是找)(智能)?(机器人|智能客服|自助服务|小畅)(吧|了)?$"
)
_CALL_BACK = re.compile(
    r"^(我)?(要|想)?(还是)?(改为|改成|改|转为|换成|登记|预约|选择?)(回电|回访|电话回访|电话回复|留言)(吧|了)?$"
    r"|^(不排|不等|不排队)?了?(你们|客服)?(晚点|稍后|回头|有空)?(再)?(给我)(回|打)(个|一个)?(电话|电|过来)(吧|好了)?$"
)
_NOISE = re.compile(r"[\s，。！？、,.!?~～…]|算了|谢谢|麻烦|请")


def wants_to_cancel(text: str) -> bool:
    """Whether a waiting customer's words mean "stop waiting, back to the bot"."""
    return bool(_CANCEL.match(_NOISE.sub("", text)))


def wants_call_back(text: str) -> bool:
    """Whether a waiting customer's words mean "call me instead"."""
    return bool(_CALL_BACK.match(_NOISE.sub("", text)))


def wait_words(seconds: int) -> str:
    """A wait in honest, rounded words."""
    if seconds < 60:
        return "1分钟以内"
    minutes = -(-seconds // 60)
    if minutes < 60:
        return f"约{minutes}分钟"
    hours, rest = divmod(minutes, 60)
    return f"约{hours}小时{rest}分钟" if rest else f"约{hours}小时"


def _place(position: int, wait_s: int | None) -> str:
    if wait_s is None:
        return (
            f"您当前排在第{position}位。客服现在都不在线，具体等候时间暂时无法估计，"
            "有客服上线会第一时间为您服务。"
        )
    return f"您当前排在第{position}位，预计等候{wait_words(wait_s)}。"


def queued(group: str, position: int, wait_s: int | None) -> str:
    """After entering the queue."""
    return (
        f"好的，正在为您转接{GROUP_WORDS[group]}人工客服。{_place(position, wait_s)}"
        "您说过的内容客服都能看到，不用重复；等候时可以继续补充，也可以随时取消排队。"
    )


def requested(group: str) -> str:
    """After asking a desk whose line we do not know."""
    return (
        f"好的，正在为您转接{GROUP_WORDS[group]}人工客服，请稍候。"
        "您说过的内容客服都能看到，不用重复；等候时可以继续补充，也可以随时取消排队。"
    )


def transferred_outside(target: str) -> str:
    """While the customer goes to another group of such a desk."""
    return f"正在为您转接{target}，您的问题和沟通记录会一并转交，不用重复说明，请稍候。"


def desk_unreachable() -> str:
    """The desk could not be told of the customer yet."""
    return (
        "非常抱歉，人工客服系统暂时连接不畅，您的位置已经保留，恢复后会马上为您接入，"
        "不用重新排队。不方便等的话，也可以选择“改为回电”，由客服联系您。"
    )


def set_busy(lapses: int) -> str:
    """For an agent who did not answer offers."""
    return f"连续{lapses}次派给您的会话没有应答，已为您切换为“忙碌”。准备好后请把状态改回“在线”。"


def joined(agent_name: str) -> str:
    """After an agent accepted."""
    return f"客服{agent_name}已为您接入。之前的沟通内容我已经看到了，您不用重复说明。"


def called(name: str, supervisor: bool) -> str:
    """How customers hear of a member of staff."""
    if not supervisor:
        return f"客服{name}"
    return name if "主管" in name else f"主管{name}"


def taken_over(who: str) -> str:
    """After a supervisor took over from the agent."""
    return f"{who}已接手您的问题，之前的沟通都看到了，您不用重复说明。"


def guest_joined(who: str) -> str:
    """A third person enters the conversation."""
    return f"{who}已加入会话，和我们一起为您处理。"


def guest_left(who: str) -> str:
    """The third person leaves; the owner stays."""
    return f"{who}已离开会话，原来的客服继续为您服务。"


def transferred(target: str, position: int, wait_s: int | None) -> str:
    """While the customer goes to another person or group."""
    return (
        f"正在为您转接{target}，您的问题和沟通记录会一并转交，不用重复说明。"
        f"{_place(position, wait_s)}"
    )


def agent_lost(position: int, wait_s: int | None) -> str:
    """After the serving agent vanished."""
    return (
        "非常抱歉，刚才的客服连接中断了。已为您保留原来的顺序并优先安排其他客服，"
        f"您不用重新排队，也不用重复说明。{_place(position, wait_s)}"
    )


def finished() -> str:
    """With the rating card, when the agent ended the talk."""
    return "本次人工服务已结束，感谢您的耐心。请为这次服务打个分吧；有其他问题可以继续问我。"


def returned() -> str:
    """When the agent gave the customer back to the bot."""
    return "人工客服已将会话交回，接下来由智能客服小畅继续为您服务。请问还有什么可以帮您？"


def abandoned() -> str:
    """When the customer stopped waiting."""
    return "已为您取消人工排队，接下来由智能客服小畅继续为您服务。需要人工时随时说“转人工”。"


CALLED_BACK = "好的，已停止排队。"
"""The customer chose to be called."""
FULL = "非常抱歉，现在咨询的客户较多，人工客服暂时接待不过来。"
"""The line takes nobody in any more."""
CALL_BACK_OFFER = (
    "现在咨询的客户较多，等候可能比较久，实在抱歉。"
    "您可以继续排队，也可以选择“改为回电”，由客服主动联系您。"
)
"""The line is full, but the customer may wait."""
CALL_BACK_CHOICE = "不方便等的话，也可以选择“改为回电”，由客服联系您。"
"""Nobody is online just now."""


def closed(hours: str) -> str:
    """Outside service hours."""
    return f"现在不在人工服务时间（{hours}）。"


def left_message(ticket_id: str, due: str, phone_known: bool) -> str:
    """A call back was noted; ``due`` is the latest moment for it."""
    contact = "" if phone_known else "请直接回复您的联系电话和方便接听的时间，我们会一并记录。"
    return (
        f"已为您登记留言和回访，工单号{ticket_id}，客服最晚在{due}前联系您，"
        f"您说过的内容都已记录。{contact}等候期间，查询和办理业务可以继续问我。"
    )


def message_already_left(ticket_id: str) -> str:
    """Asked again while the call back is still to come."""
    return f"您的留言已经登记过了，工单号{ticket_id}，客服会尽快联系您，补充的内容也会一并看到。"


_TIME = re.compile(
    r"^((我|请|你们|客服)?(今天|明天|后天|周[一二三四五六日天末]|工作日|早上|上午|中午|下午|傍晚|晚上|随时|[\d一二两三四五六七八九十半]+[点時时:：][\d半]*分?"
    r"|以后|之后|以前|之前|左右|到|至|-|都行|都可以|可以|方便|有空|联系|打给?我?|给我(打|回)(个)?电话|吧|再|的时候))+$"
)


def says_when(text: str) -> bool:
    """Whether words are a time for a call, and nothing else."""
    plain = _NOISE.sub("", text)
    return len(plain) <= 30 and bool(_TIME.match(plain))


def contact_noted(ticket_id: str) -> str:
    """The customer told us where or when to call."""
    return (
        f"已记下，客服会按您说的方式联系您（工单号{ticket_id}）。等候期间，其他问题可以继续问我。"
    )


def call_missed(ticket_id: str, again: str | None) -> str:
    """We called, nobody answered; ``again`` is when we call once more."""
    later = f"我们会在{again}再联系您" if again else "我们会再联系您"
    return (
        f"刚才给您回电没有接通（工单号{ticket_id}），{later}。"
        "方便接听的时间或其他号码，可以直接在这里告诉我们。"
    )


def case_done(ticket_id: str, text: str, solved: bool) -> str:
    """The end of a case, in the words of who worked on it."""
    if not solved:
        return f"您的工单{ticket_id}已关闭{f'：{text}' if text else '。'}"
    return f"您的工单{ticket_id}已处理{f'：{text}' if text else '完毕。'}"


def rated(score: int) -> str:
    """Thanks for the verdict."""
    if score <= 2:
        return "感谢您的评价。很抱歉没能让您满意，我们会认真改进。"
    return "感谢您的评价，祝您生活愉快！"
