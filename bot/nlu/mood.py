"""How the customer feels, and whether the law, a regulator or the press was invoked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.nlu.encoder import VectorCache, to_encode
from bot.nlu.linear import LinearModel, fit
from bot.nlu.ngrams import MOOD_VIEWS
from bot.nlu.normalize import normalize
from bot.nlu.paths import ROOT
from bot.nlu.words import Segmenter

TRAINING = ROOT / "data" / "sentiment" / "train.jsonl"
LABELS = ("calm", "unhappy", "angry")
Floats = npt.NDArray[np.float32]
_INVOKED = {
    "legal": r"律师|起诉|法院|法庭|打官司|吃官司|法律途径|法律手段|报警|仲裁|告上|诉讼|立案侦查",
    "regulator": r"工信部|工信局|通管局|通信管理局|管局|12300|12381|12315|12345|消协|消费者协会|消保委|"
    r"市场监管|工商局|物价局|信访|国资委",
    "media": r"记者|媒体|曝光|电视台|报社|焦点访谈|上热搜|微博|小红书|黑猫|"
    r"发(?:到)?(?:抖音|快手|网上|网络|朋友圈)|全网",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _INVOKED.items()}
# Asking about them, doing without them, or complaining about somebody else is no threat.
_HARMLESS = re.compile(
    r"(?:是什么|是啥|是管|管什么|干嘛|怎么看|怎么查|是真|真的吗|真是假|是不是|号码|规定|推荐|短信|电话多少|什么意思|办卡|优惠)|"
    r"(?:冒充|自称|假冒|假装)|不(?:投诉|起诉|曝光|报警|想投诉|去)|举报(?:.{0,6})(?:短信|电话|号码)|流量|会员|刷"
)
_THREAT = re.compile(
    r"告|投诉|起诉|等着|见[吧!。]?|举报你们|找|反映|申诉|登记|发到|曝光|追究|要去|走法律|报警|寄|处理|协商|咨询|让全网|站不住|不给|不行|欺|骗|赔|写好|提交|热搜"
)


_NO_THREAT = frozenset(
    {"ask_knowledge", "out_of_scope", "report_spam", "query_bill", "request_invoice", "chitchat"}
)
_ANGRY_FACE = re.compile("[😡🤬😠💢😤👿🖕👎]|\\[(?:发怒|怒|愤怒|抓狂|咒骂|炸弹)\\]")
_SHOUT = re.compile("[!！]{2,}|[!！].*[!！]|[?？]{3,}")


@dataclass(frozen=True)
class Mood:
    """``label`` calm, unhappy or angry; ``score`` 0 (calm) to 1 (furious); ``flags`` in fixed order."""

    label: str
    score: float
    flags: tuple[str, ...]


def flags_of(text: str) -> tuple[str, ...]:
    """legal, regulator, media: who is invoked against us in a folded text."""
    named = [name for name, pattern in _PATTERNS.items() if pattern.search(text)]
    if not named or not _THREAT.search(text):
        return ()
    harmless = _HARMLESS.search(text) and not re.search(r"你们|你公司|贵司|贵公司|退钱|赔", text)
    return () if harmless else tuple(named)


def felt(raw: str, text: str) -> str:
    """The folded text with what folding takes away put behind it: angry faces, raised voices."""
    if _ANGRY_FACE.search(raw):
        text += "生气"
    return text + "!!" if _SHOUT.search(raw) else text


def judge(text: str, probabilities: dict[str, float], intent: str | None = None) -> Mood:
    """The mood of a folded text from the model's probabilities; a threat is never calm.

    ``intent``: what is wanted, if known; who asks about rules or papers threatens nobody.
    """
    flags = () if intent in _NO_THREAT else flags_of(text)
    weighed = {label: probabilities.get(label, 0.0) for label in LABELS}
    if flags:
        weighed["calm"] = 0.0
    label = max(weighed, key=lambda name: weighed[name])
    total = sum(weighed.values()) or 1.0
    score = (0.5 * weighed["unhappy"] + weighed["angry"]) / total
    return Mood(label, round(score, 4), flags)


def read_training(path: Path = TRAINING) -> list[tuple[str, str]]:
    """(text, label) of every line."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [(str(row["text"]), str(row["label"])) for row in rows]


def train(
    rows: Sequence[tuple[str, str]], cache: VectorCache, words: Segmenter
) -> tuple[LinearModel, float]:
    """Fits the model; returns it with its cross-validated accuracy."""
    texts = [normalize(text).text for text, _ in rows]
    vectors = cache.encode([to_encode(text) for text in texts])
    cut = [(felt(raw, text), words.lcut(text)) for (raw, _), text in zip(rows, texts, strict=True)]
    fitted = fit(cut, vectors, [label for _, label in rows], MOOD_VIEWS)
    return fitted.model, fitted.accuracy
