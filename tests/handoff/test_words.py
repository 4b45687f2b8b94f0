from __future__ import annotations

import pytest

from handoff import words


@pytest.mark.parametrize(
    "text",
    ["取消排队", "取消排队。", "我不等了", "算了不等了", "不排了", "返回机器人", "回到机器人吧", "不用人工了",
     "我要取消排队", "退出排队", "不想等了！", "取消转人工"],
)  # fmt: skip
def test_cancel_words(text: str) -> None:
    assert words.wants_to_cancel(text)


@pytest.mark.parametrize(
    "text",
    ["还要等多久", "我等了半个小时了", "帮我取消视频会员", "取消彩铃", "不要机器人，要人工", "人工", "",
     "我不等了吗你们就不管了", "取消套餐排队办理的业务"],
)  # fmt: skip
def test_other_words_keep_the_place(text: str) -> None:
    assert not words.wants_to_cancel(text)


@pytest.mark.parametrize(
    "text",
    ["改为回电", "改为回电吧", "我要改成电话回访", "预约回电", "不等了，你们晚点给我回个电话吧", "给我打电话吧",
     "还是转为留言吧"],
)  # fmt: skip
def test_call_back_words(text: str) -> None:
    assert words.wants_call_back(text)
    assert not words.wants_to_cancel(text)


@pytest.mark.parametrize(
    "text", ["取消排队", "你们客服电话是多少", "昨天有人给我打电话推销", "我要改套餐", "回电", ""]
)
def test_other_words_are_no_call_back(text: str) -> None:
    assert not words.wants_call_back(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1分钟以内"), (59, "1分钟以内"), (61, "约2分钟"), (600, "约10分钟"), (3600, "约1小时"),
     (5400, "约1小时30分钟")],
)  # fmt: skip
def test_waits_are_rounded_up(seconds: int, said: str) -> None:
    assert words.wait_words(seconds) == said


def test_nobody_online_is_said_and_not_estimated() -> None:
    line = words.queued("billing", 3, None)
    assert "第3位" in line
    assert "都不在线" in line
    assert "分钟" not in line
