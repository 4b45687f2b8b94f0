"""What the memory of phrasings is made of, and that its vectors serve the seeding too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import Kind
from knowledge_base.phrasings import EMPTY
from knowledge_base.ranking import base_model
from knowledge_base.remembering import remember
from knowledge_base.seed_corpus import read_corpus

CORPUS = """
category: 账单
entries:
  - {id: bill, question: 怎么查账单？, similar: [账单在哪看], answer: "月费${offer.plan-39.price}元。"}
  - {id: data, question: 怎么查流量？, answer: 在App里看。}
"""


class Stub:
    """Different vectors for different texts; counts them."""

    fingerprint, dimension = "stub", 4

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], kind: Kind = "query") -> np.ndarray:
        self.texts += texts
        rows = [[len(text), ord(text[0]), ord(text[-1]), kind == "query"] for text in texts]
        table = np.array(rows, np.float32).reshape(-1, 4)
        return table / np.linalg.norm(table, axis=1, keepdims=True)


def folders(tmp_path: Path, said: Sequence[tuple[str, list[str]]]) -> tuple[Path, Path]:
    corpus, phrasings = tmp_path / "corpus", tmp_path / "said"
    for folder in (corpus, phrasings):
        folder.mkdir(exist_ok=True)
    (corpus / "a.yml").write_text(CORPUS, "utf-8")
    lines = (json.dumps({"query": query, "gold": gold}) for query, gold in said)
    (phrasings / "a.jsonl").write_text("\n".join(lines), "utf-8")
    return corpus, phrasings


SAID = [("上月花了多少", ["bill"]), ("还剩几个G", ["data", "elsewhere"]), ("扣了啥", ["bill"])]


def test_phrasings_are_kept_by_topic(tmp_path: Path) -> None:
    encoder = Stub()
    memory = remember(encoder, VectorCache(encoder, None), *folders(tmp_path, SAID))  # type: ignore[arg-type]
    assert memory.names == ("bill", "data")
    assert memory.starts.tolist() == [0, 2, 3]
    wanted = encoder.encode(["上月花了多少", "扣了啥", "还剩几个g"])
    np.testing.assert_allclose(memory.vectors, wanted)


def test_another_phrasing_costs_one_text_and_has_another_digest(tmp_path: Path) -> None:
    encoder = Stub()
    cache = VectorCache(encoder, tmp_path / "vectors")  # type: ignore[arg-type]
    first = remember(encoder, cache, *folders(tmp_path, SAID))  # type: ignore[arg-type]
    encoder.texts.clear()
    again = remember(encoder, cache, *folders(tmp_path, SAID))  # type: ignore[arg-type]
    assert (encoder.texts, again.digest) == ([], first.digest)
    more = remember(encoder, cache, *folders(tmp_path, [*SAID, ("欠费没", ["bill"])]))  # type: ignore[arg-type]
    assert encoder.texts == ["欠费没"]
    assert more.digest != first.digest


def test_the_corpus_is_not_encoded_again_to_be_published(tmp_path: Path) -> None:
    encoder = Stub()
    corpus, said = folders(tmp_path, SAID)
    cache = VectorCache(encoder, tmp_path / "vectors")  # type: ignore[arg-type]
    remember(encoder, cache, corpus, said)  # type: ignore[arg-type]
    cache.close()
    encoder.texts.clear()
    later = VectorCache(encoder, tmp_path / "vectors")  # type: ignore[arg-type]
    content = build_content(read_corpus(corpus), later, encoder, base_model("stub"), memory=EMPTY)  # type: ignore[arg-type]
    assert (encoder.texts, content.meta.forms) == ([], 3)
