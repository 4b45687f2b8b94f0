"""Index terms: jieba words with the telecom lexicon, character bigrams and single characters.

jieba's own start-up prints to stderr and trusts a cache file in the shared temp folder (which
anybody may have written); here its dictionary is read straight from the package, once per
process, in silence.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

LEXICON = Path(__file__).resolve().parent.parent / "data" / "lexicon" / "telecom.txt"
_LEXICON_FREQUENCY = 20_000
_TOKEN = re.compile(r"[a-z0-9.+]+|[\u3400-\u9fff]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
# Words that carry the manner of asking, not its matter. Bigrams keep them where they matter.
_MANNER = """
的 了 吗 呢 啊 呀 吧 哦 嘛 么 哈 我 你 您 他 她 它 是 在 有 和 与 就 都 也 还 要 想 请 请问
这 那 个 一 给 把 被 让 跟 对 到 去 说 下 一下 啥 这个 那个 我们 你们 咱 咱们 什么 怎么 怎样
如何 能 可以 会 得 着 过 上 里 为 很 又 再 才
"""
STOP_WORDS = frozenset(_MANNER.split())
_lock = threading.Lock()


@lru_cache(maxsize=1)
def segmenter() -> Any:
    """The process-wide jieba tokenizer with the lexicon; about 0.6 s at the first call."""
    with _lock:
        import jieba

        tokenizer = jieba.Tokenizer()
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
        tokenizer.initialized = True
        for word in _lexicon_words():
            tokenizer.add_word(word, _LEXICON_FREQUENCY)
        return tokenizer


def _lexicon_words() -> list[str]:
    if not LEXICON.exists():
        return []
    lines = LEXICON.read_text("utf-8").splitlines()
    words = (line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
    return [word for word in words if len(word) > 1]


def cut(text: str) -> list[str]:
    """Words of a normalised text, sub-words of long words included."""
    return [w for w in segmenter().cut_for_search(text, HMM=False) if _TOKEN.fullmatch(w)]


def terms(text: str) -> list[str]:
    """Index terms of a normalised text: words, bigrams (``#账单``) and characters (``@账``).

    Single characters find what typing errors and abbreviations leave of a word.
    """
    words = [word for word in cut(text) if word not in STOP_WORDS]
    grams: list[str] = []
    for run in _TOKEN.findall(text):
        if _HAN.match(run):
            grams.extend("@" + c for c in run if c not in STOP_WORDS)
            grams.extend("#" + run[i : i + 2] for i in range(len(run) - 1))
    return words + grams
