from __future__ import annotations

import pytest

from core.errors import IllegalMove
from handoff.states import ENDED, LIVE, TRANSITIONS, Move, State, target

LEGAL = [(before, move, after) for (before, move), after in TRANSITIONS.items()]
ILLEGAL = [
    (before, move)
    for before in (None, *State)
    for move in Move
    if (before, move) not in TRANSITIONS
]


@pytest.mark.parametrize(("before", "move", "after"), LEGAL)
def test_legal_moves_lead_where_the_table_says(
    before: State | None, move: Move, after: State
) -> None:
    assert target(before, move) is after


@pytest.mark.parametrize(("before", "move"), ILLEGAL)
def test_every_other_move_is_refused_in_chinese(before: State | None, move: Move) -> None:
    with pytest.raises(IllegalMove) as refusal:
        target(before, move)
    assert refusal.value.status == 409
    assert "不能" in refusal.value.detail
    assert not any(state.value in refusal.value.detail for state in State)


def test_the_path_of_the_design() -> None:
    moves = [
        Move.OPEN,
        Move.OFFER,
        Move.ACCEPT,
        Move.TRANSFER,
        Move.QUEUE,
        Move.ACCEPT,
        Move.FINISH,
    ]
    state: State | None = None
    for move in [*moves, Move.CLOSE]:
        state = target(state, move)
    assert state is State.CLOSED


def test_nothing_leaves_an_ended_handoff() -> None:
    assert not [before for before, _ in TRANSITIONS if before in ENDED]
    assert not LIVE & ENDED


def test_every_state_is_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert {before for before, _ in TRANSITIONS if before} == set(State) - ENDED
