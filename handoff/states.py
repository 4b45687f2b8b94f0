"""The handoff's state machine: one table of legal moves; whatever is not in it is refused in clear words.

waiting → offered → active → (transferred → waiting)* → wrap_up → closed; waiting → abandoned; active → returned.
An agent who vanishes sends offered and active handoffs back to waiting.
"""

from __future__ import annotations

from enum import StrEnum

from core.errors import IllegalMove


class State(StrEnum):
    """Where a handoff stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    TRANSFERRED = "transferred"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"
    ABANDONED = "abandoned"
    RETURNED = "returned"


class Move(StrEnum):
    """What can happen to a handoff. Each happening is stored as an event of the same name."""

    OPEN = "open"
    """The customer enters the queue."""
    OFFER = "offer"
    """The router proposes it to one agent."""
    REFUSE = "refuse"
    """The agent declines the offer."""
    EXPIRE = "expire"
    """The offer's time ran out."""
    ACCEPT = "accept"
    """An agent takes it."""
    TRANSFER = "transfer"
    """The agent hands it on."""
    QUEUE = "queue"
    """A handed-on one waits for the next agent."""
    REASSIGN = "reassign"
    """A supervisor changes whom a waiting one waits for; an offer is taken back."""
    TAKE_OVER = "take_over"
    """A supervisor becomes the owner of a served one."""
    AGENT_LOST = "agent_lost"
    """The agent vanished; back to the old place."""
    FINISH = "finish"
    """The talk is over; the agent writes it up."""
    CLOSE = "close"
    """Written up."""
    RETURN = "return"
    """The agent gives the customer back to the bot."""
    ABANDON = "abandon"
    """The customer no longer wants to wait."""
    LEAVE_MESSAGE = "leave_message"
    """A call-back ticket takes over: nobody is on duty, or the customer would rather be called."""


TRANSITIONS: dict[tuple[State | None, Move], State] = {
    (None, Move.OPEN): State.WAITING,
    (State.WAITING, Move.OFFER): State.OFFERED,
    (State.WAITING, Move.ACCEPT): State.ACTIVE,
    (State.WAITING, Move.REASSIGN): State.WAITING,
    (State.WAITING, Move.ABANDON): State.ABANDONED,
    (State.WAITING, Move.LEAVE_MESSAGE): State.CLOSED,
    (State.OFFERED, Move.ACCEPT): State.ACTIVE,
    (State.OFFERED, Move.REFUSE): State.WAITING,
    (State.OFFERED, Move.EXPIRE): State.WAITING,
    (State.OFFERED, Move.AGENT_LOST): State.WAITING,
    (State.OFFERED, Move.ABANDON): State.ABANDONED,
    (State.OFFERED, Move.REASSIGN): State.WAITING,
    (State.OFFERED, Move.LEAVE_MESSAGE): State.CLOSED,
    (State.ACTIVE, Move.TRANSFER): State.TRANSFERRED,
    (State.ACTIVE, Move.TAKE_OVER): State.ACTIVE,
    (State.ACTIVE, Move.AGENT_LOST): State.WAITING,
    (State.ACTIVE, Move.RETURN): State.RETURNED,
    (State.ACTIVE, Move.FINISH): State.WRAP_UP,
    (State.TRANSFERRED, Move.QUEUE): State.WAITING,
    (State.WRAP_UP, Move.CLOSE): State.CLOSED,
}
"""Every legal move. Anything else raises IllegalMove."""

LIVE = frozenset({State.WAITING, State.OFFERED, State.ACTIVE, State.TRANSFERRED})
"""The customer is waiting for, or talking with, a person: at most one such handoff per conversation."""
OPEN = LIVE | {State.WRAP_UP}
"""Somebody still has something to do."""
IN_LINE = frozenset({State.WAITING, State.OFFERED})
"""Nobody has taken it yet."""
ENDED = frozenset({State.CLOSED, State.ABANDONED, State.RETURNED})
"""Nothing can happen any more."""

STATE_WORDS: dict[State, str] = {
    State.WAITING: "排队中",
    State.OFFERED: "待客服应答",
    State.ACTIVE: "服务中",
    State.TRANSFERRED: "转接中",
    State.WRAP_UP: "待填写小结",
    State.CLOSED: "已结束",
    State.ABANDONED: "客户已放弃",
    State.RETURNED: "已交回机器人",
}

_MOVE_WORDS: dict[Move, str] = {
    Move.OPEN: "重新排队",
    Move.OFFER: "分派",
    Move.REFUSE: "婉拒",
    Move.EXPIRE: "收回分派",
    Move.ACCEPT: "接入",
    Move.TRANSFER: "转接",
    Move.QUEUE: "回到队列",
    Move.REASSIGN: "改派",
    Move.TAKE_OVER: "接管",
    Move.AGENT_LOST: "重新排队",
    Move.FINISH: "结束服务",
    Move.CLOSE: "关闭",
    Move.RETURN: "交回机器人",
    Move.ABANDON: "取消排队",
    Move.LEAVE_MESSAGE: "转为留言",
}


def target(state: State | None, move: Move) -> State:
    """The state after ``move``.

    Raises:
        IllegalMove: the table does not know the move from this state.
    """
    try:
        return TRANSITIONS[state, move]
    except KeyError:
        raise IllegalMove(_refusal(state, move), state=state, move=move.value) from None


def _refusal(state: State | None, move: Move) -> str:
    if state is None:
        return f"会话还没有进入人工排队，不能{_MOVE_WORDS[move]}。"
    if state in ENDED:
        return f"这个会话{STATE_WORDS[state]}，不能再{_MOVE_WORDS[move]}。"
    return f"这个会话当前是“{STATE_WORDS[state]}”，不能{_MOVE_WORDS[move]}。"
