from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.nlu.ngrams import VIEWS, TfIdf, mask_digits, mood_marks, trade_marks

TEXTS = ["查话费", "查话费余额", "话费多少", "流量还剩多少", "查流量", "5g流量"]


def test_numbers_count_by_kind() -> None:
    assert mask_digits("充50到13800000001") == "充00到№"


def test_equals_scikit_learns_tf_idf() -> None:
    pairs = [(t, ()) for t in TEXTS]
    ours = TfIdf.fit("characters", pairs).matrix(pairs)
    theirs = TfidfVectorizer(
        analyzer=lambda t: VIEWS["characters"](t, ()), min_df=2, sublinear_tf=True
    ).fit_transform(TEXTS)
    assert np.allclose(np.sort(ours.toarray(), 1), np.sort(theirs.toarray(), 1), atol=1e-6)


def test_survives_saving(tmp_path: Path) -> None:
    pairs = [(t, ()) for t in TEXTS]
    fitted = TfIdf.fit("syllables", pairs)
    fitted.save(tmp_path)
    loaded = TfIdf.load(tmp_path, "syllables")
    assert (fitted.matrix(pairs) != loaded.matrix(pairs)).nnz == 0


def test_unknown_text_is_an_empty_row() -> None:
    columns, values = TfIdf.fit("words", [("甲", ["甲"]), ("甲", ["甲"])]).row("乙", ["丙"])
    assert len(columns) == len(values) == 0 or columns.max() < 4


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("信用卡账单日是几号", "other alone"),
        ("用支付宝充话费", "other with ours"),
        ("查话费", "ours"),
        ("你好", "no trade"),
    ],
)
def test_trades(text: str, mark: str) -> None:
    assert mark in trade_marks(text, ())


def test_moods() -> None:
    assert {"insult", "!"} <= set(mood_marks("垃圾公司!", ()))
    assert mood_marks("查话费", ()) == ["flat"]
