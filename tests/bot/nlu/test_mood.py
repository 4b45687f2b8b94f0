from __future__ import annotations

import pytest

from bot.nlu.mood import felt, flags_of, judge, read_training


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("我要去工信部告你们", ("regulator",)),
        ("法庭见,等着", ("legal",)),
        ("再不解决我找记者曝光你们", ("media",)),
        ("12315是什么电话", ()),
        ("收到法院短信是真的吗", ()),
        ("我要投诉", ()),
        ("查话费", ()),
    ],
)
def test_flags(text: str, flags: tuple[str, ...]) -> None:
    assert flags_of(text) == flags


def test_a_threat_is_never_calm() -> None:
    mood = judge("我要去工信部告你们", {"calm": 0.8, "unhappy": 0.15, "angry": 0.05})
    assert mood.label == "unhappy"
    assert mood.score > 0.5


def test_asking_about_rules_threatens_nobody() -> None:
    calm = {"calm": 0.9, "unhappy": 0.1, "angry": 0.0}
    assert judge("工信部申诉要什么条件", calm, "ask_knowledge").flags == ()


def test_faces_and_shouting_are_kept_for_the_mood() -> None:
    assert felt("退钱😡！！", "退钱!") == "退钱!生气!!"


def test_training_file_is_well_formed() -> None:
    rows = read_training()
    assert {label for _, label in rows} == {"calm", "unhappy", "angry"}
    assert len({text for text, _ in rows}) == len(rows) > 500
