"""Who may do what to a handoff, and what they may say. Shared by the agent's side of this room."""

from __future__ import annotations

from core.errors import EmptyText, IllegalMove, NotAllowed, TextTooLong
from core.staff import Staff
from handoff.models import Handoff
from handoff.states import ENDED, State
from handoff.steps import Actor

MAX_MESSAGE = 2000
MAX_NOTE = 4000


def actor_of(staff: Staff) -> Actor:
    """The staff member as the actor of a step."""
    serves = {"agent", "integration"} & set(staff.roles)
    return Actor("agent" if serves else "supervisor", staff.id, staff.display_name)


def check_text(text: str, limit: int, what: str) -> None:
    """Raises EmptyText or TextTooLong."""
    if not text.strip():
        raise EmptyText(f"{what}不能为空。")
    if len(text) > limit:
        raise TextTooLong(f"{what}不能超过{limit}字，现在有{len(text)}字。", limit=limit)


def check_owner(handoff: Handoff, staff: Staff, supervisors: bool = True) -> None:
    """Raises NotAllowed unless the handoff is theirs; supervisors may act on any, where allowed."""
    if handoff.agent_id == staff.id or (supervisors and "supervisor" in staff.roles):
        return
    if handoff.agent_id is None and handoff.state == State.WAITING:
        raise NotAllowed("这个会话还没有人接入，请先接入。")
    raise NotAllowed("这个会话由其他同事负责，您不能操作。")


def check_active(handoff: Handoff) -> None:
    """Raises IllegalMove unless an agent is serving."""
    if handoff.state != State.ACTIVE:
        ended = handoff.state in ENDED or handoff.state == State.WRAP_UP
        refusal = "会话已经结束，不能再发送消息。" if ended else "会话已不在您这里，不能发送消息。"
        raise IllegalMove(refusal, state=handoff.state)
