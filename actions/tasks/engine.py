"""Runs the stack of open tasks: one customer message, or one return from a detour, at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from actions import values
from actions.base import with_mood, worded
from actions.bss.errors import BssError
from actions.outcome import Outcome, Step, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.registry import TASKS
from actions.tasks.stack import VERIFY
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task
from actions.turn import Request, Turn

TRIES_BEFORE_PERSON = 2
SURE = 0.5
CONFIRM = "confirm"
# Never a reason to leave a question: these are answers, or nothing.
_ANSWERS = frozenset(
    {"inform", "affirm", "deny", "nlu_fallback", "out_of_scope", "rate_service", "clarify", ""}
)
_QUERY_LENGTH = 10
_PLAIN_ANSWER = 8


@dataclass
class Run:
    """What became of the stack after one message."""

    stack: list[TaskState]
    replies: list[Reply] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    steps: list[tuple[str, Step]] = field(default_factory=list)
    follow: TaskState | None = None
    """A finished task whose ``then`` must run now."""
    gave_up: bool = False
    """The customer left the verification."""

    def take(self, outcome: Outcome, name: str) -> None:
        self.replies += outcome.replies
        if outcome.step:
            self.steps.append((name, outcome.step))
        kept = outcome if outcome.handoff or outcome.verified else self.outcome
        self.outcome = replace(
            kept,
            verified=outcome.verified or self.outcome.verified,
            slots={**self.outcome.slots, **outcome.slots},
        )


async def run(turn: Turn, desk: Desk) -> Run | None:
    """Moves the stack on; None means the message is for somebody else (an interruption)."""
    stack = [TaskState.from_dict(shape) for shape in turn.tasks]
    if not stack:
        return Run([])
    state = stack[-1]
    try:
        if turn.fresh:
            outcome = await _hear(TASKS[state.name], state, desk)
            if outcome is None:
                return None
        else:
            outcome = await _advance(TASKS[state.name], state, desk)
    except BssError as error:
        outcome = _failed(error, state, turn)
    result = Run(stack)
    return await _settle(result, outcome, desk)


def _failed(error: BssError, state: TaskState, turn: Turn) -> Outcome:
    # Nothing is known to have happened; the key makes a later repetition safe.
    state.asking = None
    return worded(error, replace(turn, request=Request.from_dict(state.request)))


async def _settle(result: Run, outcome: Outcome, desk: Desk) -> Run:
    """Pops what is finished and goes on with what lies below."""
    for _ in range(len(result.stack) + 2):
        state = result.stack[-1]
        result.take(outcome, state.name)
        if outcome.handoff or result.follow:
            return result
        if outcome.verified:
            desk = replace(desk, turn=replace(desk.turn, identity=outcome.verified))
        if state.asking == VERIFY:
            state.asking = None
            result.stack.append(_verification(state, desk.turn))
        elif state.asking is not None:
            return result
        else:
            _pop(result, gave_up=state.name == VERIFY and outcome.verified is None)
        if not result.stack or result.follow:
            return result
        outcome = await _resume(result.stack[-1], desk, said_before=state.name != VERIFY)
    return result


def _pop(result: Run, gave_up: bool) -> None:
    state = result.stack.pop()
    if gave_up:
        result.gave_up = True
        # What needed the verification cannot go on either.
        while result.stack and TASKS[result.stack[-1].name].private:
            result.stack.pop()
    elif state.then:
        result.follow = state


def _verification(state: TaskState, turn: Turn) -> TaskState:
    task = TaskState(VERIFY, request=state.request)
    if turn.bound_phone:
        task.filled["phone"] = turn.bound_phone
    return task


async def _resume(state: TaskState, desk: Desk, said_before: bool) -> Outcome:
    task = TASKS[state.name]
    try:
        outcome = await _advance(task, state, desk)
    except BssError as error:
        return _failed(error, state, desk.turn)
    if said_before and state.name != VERIFY and state.asking not in (None, VERIFY):
        return outcome.after(Reply(f"我们继续刚才的{task.title}。"))
    return outcome


async def _advance(task: Task, state: TaskState, desk: Desk) -> Outcome:
    """Asks what is missing, then for agreement, then acts. ``state.asking`` None: finished."""
    if task.private and desk.turn.identity is None:
        state.asking = VERIFY
        return Outcome()
    if state.asking is None and not state.filled:
        task.absorb(state, Request.from_dict(state.request))
    ended = await task.review(state, desk)
    if ended is not None:
        state.asking = None
        return ended
    problem = state.notes.pop("problem", None)
    part = task.missing(state)
    if part is not None:
        return await _question(part, task, state, desk, problem)
    if task.confirms and not state.filled.get(CONFIRM):
        found = task.found(state) if state.asking != CONFIRM else None
        state.asking = CONFIRM
        return Outcome((await task.confirmation(state, desk),), step=found)
    state.asking = None
    return await task.execute(state, desk)


async def _question(
    part: Field, task: Task, state: TaskState, desk: Desk, problem: str | None
) -> Outcome:
    if state.asking != part.name:
        state.asking, state.tries = part.name, 0
    elif problem:
        return await _not_understood(problem, task, state, desk)
    reply = await task.ask(part, state, desk)
    if problem:
        short = problem + (reply.short or reply.text)
        reply = replace(reply, text=problem + reply.text, short=short)
    return Outcome((reply,))


async def _hear(task: Task, state: TaskState, desk: Desk) -> Outcome | None:
    """The customer's answer to the open question; None when it is another request."""
    turn = desk.turn
    if turn.intent == "request_human":
        return None
    if special := await task.special(state, desk):
        return special
    if state.asking == CONFIRM:
        return await _hear_confirmation(task, state, desk)
    part = next((p for p in task.fields if p.name == state.asking), None)
    if part is None:
        return await _advance(task, state, desk)
    if values.wants_out(turn.plain, turn.intent):
        return _give_up(task, state, turn)
    if _interrupts(part, task, turn):
        return None
    value = part.parse(turn.request)
    if value is None and part.guess:
        value = part.guess(turn.request)
    if value is None:
        return await _not_understood(part.again, task, state, desk)
    state.filled[part.name] = value
    return await _advance(task, state, desk)


def _give_up(task: Task, state: TaskState, turn: Turn) -> Outcome:
    if turn.flags:
        # 「算了，法院见」 withdraws nothing: who takes over finds the task open.
        return Outcome()
    state.asking = None
    return task.dropped()


async def _hear_confirmation(task: Task, state: TaskState, desk: Desk) -> Outcome | None:
    turn = desk.turn
    own = turn.intent in _ANSWERS or turn.intent == task.intent or turn.request.confidence < SURE
    # 「不是三月，是四月」 corrects; it does not refuse.
    if own and task.absorb(state, turn.request, overwrite=True):
        return await _advance(task, state, desk)
    answer = values.decision(turn.plain, turn.intent if own else "")
    if not own and (answer is None or len(turn.plain) > _PLAIN_ANSWER):
        return None
    if answer == "yes":
        state.filled[CONFIRM] = True
        return await _advance(task, state, desk)
    if answer == "no":
        return _give_up(task, state, turn)
    return await _not_understood("请回复「确认办理」或「不办了」。", task, state, desk)


def _interrupts(part: Field, task: Task, turn: Turn) -> bool:
    """Whether the message is a request of its own rather than an answer."""
    if turn.intent in _ANSWERS or turn.intent == task.intent:
        return False
    if turn.request.confidence < SURE:
        return False
    if part.free:
        return turn.intent.startswith("query_") and len(turn.plain) <= _QUERY_LENGTH
    # An answer in the expected shape is an answer, unless it comes with a request.
    return part.parse(turn.request) is None or len(turn.plain) > 2 * _QUERY_LENGTH


async def _not_understood(words: str, task: Task, state: TaskState, desk: Desk) -> Outcome:
    state.tries += 1
    tries_left = 1 if desk.turn.elderly else TRIES_BEFORE_PERSON
    if state.tries > tries_left:
        text = f"{words}您也可以回复「取消」，或者让人工同事帮您{task.title}。"
        return said(text, Button("取消"), HUMAN)
    part = next((p for p in task.fields if p.name == state.asking), None)
    if part is None:
        return said(words, Button("确认办理"), Button("不办了"))
    reply = await task.ask(part, state, desk)
    return Outcome((replace(reply, text=words + reply.text, short=None),))


def mooded(result: Run, turn: Turn) -> Outcome:
    """The run as one outcome, with the rules for angry customers."""
    outcome = replace(result.outcome, replies=tuple(result.replies))
    if not turn.fresh:
        return outcome
    return with_mood(outcome, turn)
