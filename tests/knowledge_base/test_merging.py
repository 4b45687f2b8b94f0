"""What is taken over from the base in force, and that it is what building anew would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import merging, words
from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import Kind, SentenceEncoder
from knowledge_base.merging import rebuilt
from knowledge_base.phrasings import Links
from knowledge_base.ranking import base_model
from knowledge_base.snapshot import (
    BaseEntry,
    SnapshotContent,
    point_to,
    read_content,
    snapshot_folder,
    write_content,
)

BASE = [
    BaseEntry(
        "b", "流量不够用了怎么办", "可以加流量包，当月有效。", ("流量用完了怎么加", "加流量")
    ),
    BaseEntry("d", "怎么办理宽带移机", "提前三天预约。", ("搬家了宽带怎么迁",), ("宽带怎么拆",)),
    BaseEntry("f", "怎么开发票", "在App里申请电子发票。", ("电子发票在哪里开",), tags=("发票",)),
    BaseEntry("h", "怎么查积分", "积分在会员中心里看。", (), ("积分怎么兑换",)),
]
B, D, F, H = BASE
NEXT = {
    "an answer": [B, D, replace(F, answer="在营业厅窗口开纸质发票。"), H],
    "questions": [B, replace(D, similar=(), negative=("拆机", "宽带怎么退")), F, H],
    "new ones": [
        BaseEntry("a", "怎么设置呼叫转移", "拨星号。"),
        B,
        BaseEntry("c", "e", "f"),
        D,
        F,
        H,
    ],
    "a removal": [B, F, H],
    "all at once": [replace(B, question="流量超了"), F, BaseEntry("g", "怎么过户", "带上证件。")],
    "no searched text": [B, D, replace(F, tags=(), valid_from=5.0, revision=2), H],
    "nothing": BASE,
}


class Counting:
    """The real encoder, which counts what it is asked."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self.folder, self.fingerprint = encoder.folder, encoder.fingerprint
        self.dimension = encoder.dimension
        self.texts = 0

    def encode(self, texts: Sequence[str], kind: Kind = "query") -> np.ndarray:
        self.texts += len(texts)
        return self._encoder.encode(texts, kind)


class Bench:
    """A knowledge folder in which ``BASE`` is in force, and what building on it takes."""

    def __init__(self, encoder: SentenceEncoder, folder: Path) -> None:
        self.folder = folder
        self._encoder = encoder
        self.publish(self.build(BASE)[0], "v1")

    def build(self, entries: Sequence[BaseEntry]) -> tuple[SnapshotContent, int]:
        """The base of ``entries``, and how many texts were encoded for it."""
        counting = Counting(self._encoder)
        cache, model = VectorCache(counting, None), base_model(counting.fingerprint)  # type: ignore[arg-type]
        made = rebuilt(entries, cache, counting, model, lambda *_: None, self.folder)  # type: ignore[arg-type]
        return made, counting.texts

    def publish(self, content: SnapshotContent, version: str) -> None:
        write_content(snapshot_folder(self.folder, version), content)
        point_to(self.folder, version)

    def anew(self, entries: Sequence[BaseEntry]) -> SnapshotContent:
        model = base_model(self._encoder.fingerprint)
        return build_content(entries, VectorCache(self._encoder, None), self._encoder, model)

    def texts(self, entries: Sequence[BaseEntry]) -> int:
        return sum(len(entry.forms) + len(entry.negative) + 1 for entry in entries)


@pytest.fixture
def bench(encoder: SentenceEncoder, tmp_path: Path) -> Bench:
    return Bench(encoder, tmp_path)


def assert_same(made: SnapshotContent, wanted: SnapshotContent) -> None:
    assert list(made.entries) == list(wanted.entries)
    assert (made.meta.entries, made.meta.forms) == (wanted.meta.entries, wanted.meta.forms)
    for name in ("forms", "answers", "negatives"):
        np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))
    # A matrix product of other size rounds otherwise.
    np.testing.assert_allclose(made.links.strengths, wanted.links.strengths, atol=1e-5)
    for owner, names in (("columns", [f.name for f in fields(made.columns)]),
                         ("links", ["topics"]),
                         ("lexical", ["documents", "weights", "_hashes", "_starts", "_rarity"])):  # fmt: skip
        for name in names:
            left, right = (getattr(getattr(c, owner), name) for c in (made, wanted))
            np.testing.assert_array_equal(left, right, err_msg=f"{owner}.{name}")


@pytest.mark.parametrize("change", NEXT)
def test_the_result_is_that_of_building_anew(bench: Bench, change: str) -> None:
    entries = NEXT[change]
    made, _ = bench.build(entries)
    assert_same(made, bench.anew(entries))
    # What was merged can be merged with again.
    bench.publish(made, "v2")
    again, encoded = bench.build(BASE)
    assert_same(again, bench.anew(BASE))
    assert encoded < bench.texts(BASE)


def test_only_what_changed_is_encoded(bench: Bench) -> None:
    assert bench.build(BASE)[1] == 0
    assert bench.build(NEXT["no searched text"])[1] == 0
    changed = NEXT["an answer"][2]
    assert bench.build(NEXT["an answer"])[1] == bench.texts([changed])


def test_other_phrasings_are_linked_without_encoding(bench: Bench) -> None:
    old, _ = bench.build(BASE)
    bench.publish(
        replace(old, meta=replace(old.meta, phrasings="other"), links=Links.none(4)), "v2"
    )
    made, encoded = bench.build(BASE)
    assert encoded == 0
    assert_same(made, bench.anew(BASE))


def test_other_words_make_everything_new(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("宽带移机\n", "utf-8")
    monkeypatch.setattr(words, "LEXICON", lexicon)
    merging._cutting.cache_clear()
    try:
        assert bench.build(BASE)[1] == bench.texts(BASE)
    finally:
        merging._cutting.cache_clear()


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
@pytest.mark.parametrize("name", ["marks.npz", "forms.npy", "entries.jsonl"])
def test_a_damaged_base_is_not_built_on(bench: Bench, name: str, damage: bytes | None) -> None:
    path = snapshot_folder(bench.folder, "v1") / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    made, encoded = bench.build(NEXT["an answer"])
    assert encoded == bench.texts(NEXT["an answer"])
    assert_same(made, bench.anew(NEXT["an answer"]))


def test_marks_of_another_base_are_not_believed(bench: Bench) -> None:
    fewer, _ = bench.build(BASE[:2])
    bench.publish(fewer, "v2")
    marks = snapshot_folder(bench.folder, "v1") / "marks.npz"
    (snapshot_folder(bench.folder, "v2") / "marks.npz").write_bytes(marks.read_bytes())
    made, encoded = bench.build(BASE)
    assert encoded == bench.texts(BASE)
    assert_same(made, bench.anew(BASE))


def test_nobody_needs_the_marks_to_search(bench: Bench, encoder: SentenceEncoder) -> None:
    folder = snapshot_folder(bench.folder, "v1")
    (folder / "marks.npz").unlink()
    assert list(read_content(folder, encoder.fingerprint).entries) == BASE
