"""The memory of phrasings: who is linked, what it adds, and that no base depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.building import VectorCache, build_content
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.phrasings import (
    EMPTY,
    FILE,
    NONE,
    UNLINKED_BONUS,
    Phrasings,
    Reminded,
    phrasings_of,
)
from knowledge_base.ranking import base_model
from knowledge_base.search import LoadedBase
from knowledge_base.snapshot import BaseEntry, read_content, write_content

AXES = np.eye(6, dtype=np.float32)


def unit(rows: Sequence[np.ndarray]) -> np.ndarray:
    table = np.array(rows, np.float32)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


@pytest.fixture
def memory() -> Phrasings:
    """Three topics along three axes, two phrasings each."""
    said = unit([AXES[i] + 0.2 * AXES[3 + k] for i in range(3) for k in (0, 1)])
    nothing = np.zeros(6, np.float32)
    starts = np.array([0, 2, 4, 6])
    return Phrasings(("查话费", "查流量", "办宽带"), said, starts, nothing, nothing, "d1")


def test_an_entry_is_linked_to_the_topic_it_is_about(memory: Phrasings) -> None:
    forms = unit([AXES[1], AXES[1] + 0.1 * AXES[4], AXES[5]])
    answers = unit([AXES[1] + 0.1 * AXES[2], AXES[5]])
    links = memory.links(forms, np.array([0, 2, 3]), answers)
    assert memory.names[links.topics[0, 0]] == "查流量"
    assert set(links.topics[1]) == {NONE}


def test_a_phrasing_brings_its_entry_up(memory: Phrasings) -> None:
    answers = unit([AXES[0], AXES[1]])
    links = memory.links(answers, np.array([0, 1, 2]), answers)
    reminded = Reminded(links, "d1", memory)
    # The query is what was once said of topic 1, and no nearer to entry 1's own words than to entry 0's.
    heard = reminded.hear(memory.vectors[2])
    own = np.array([0.5, 0.5], np.float32)
    near = reminded.phrased(np.array([0, 1]), heard, own)
    assert near[1] > 0.9 > near[0]
    assert 1 in reminded.candidates(heard)


def test_what_no_topic_speaks_for_keeps_its_own(memory: Phrasings) -> None:
    answers = unit([AXES[5]])
    reminded = Reminded(memory.links(answers, np.array([0, 1]), answers), "d1", memory)
    near = reminded.phrased(np.array([0]), reminded.hear(AXES[0]), np.array([0.4], np.float32))
    assert near[0] == pytest.approx(0.4 + UNLINKED_BONUS)


def test_an_entry_has_the_centre_of_its_topic(memory: Phrasings) -> None:
    vectors = unit([AXES[1], AXES[5]])
    links = memory.links(vectors, np.array([0, 1, 2]), vectors)
    linked, free = Reminded(links, "d1", memory).centres(np.array([0, 1]))
    assert np.argmax(linked) == 1
    assert np.linalg.norm(linked) == pytest.approx(1, abs=1e-5)
    assert not free.any()
    assert not Reminded(links, "another", memory).centres(np.array([0, 1])).any()


@pytest.mark.parametrize("digest", ["", "another"])
def test_links_of_another_memory_say_nothing(memory: Phrasings, digest: str) -> None:
    links = memory.links(AXES[:2], np.array([0, 1, 2]), AXES[:2])
    reminded = Reminded(links, digest, memory)
    heard = reminded.hear(AXES[0])
    assert not len(heard)
    assert not len(reminded.candidates(heard))
    own = np.array([0.4], np.float32)
    assert reminded.phrased(np.array([0]), heard, own) == pytest.approx(own + UNLINKED_BONUS)


def test_without_a_topic(memory: Phrasings) -> None:
    rest = memory.without({"查流量"})
    assert rest.names == ("查话费", "办宽带")
    np.testing.assert_array_equal(rest.vectors, memory.vectors[[0, 1, 4, 5]])
    assert rest.digest not in ("", memory.digest)
    assert memory.without(memory.names) is EMPTY


def test_kept_on_disk_in_half_precision(memory: Phrasings, tmp_path: Path) -> None:
    memory.save(tmp_path / FILE)
    again = Phrasings.load(tmp_path / FILE)
    assert (again.names, again.digest) == (memory.names, memory.digest)
    np.testing.assert_allclose(again.vectors, memory.vectors, atol=1e-3)


class _Beside:
    def __init__(self, folder: Path) -> None:
        self.folder = folder


def test_a_damaged_or_missing_memory_is_an_empty_one(tmp_path: Path) -> None:
    assert phrasings_of(_Beside(tmp_path)) is EMPTY
    (tmp_path / FILE).write_bytes(b"PK broken")
    assert phrasings_of(_Beside(tmp_path)) is EMPTY
    assert phrasings_of(object()) is EMPTY


def test_the_built_memory_is_about_our_own_entries(encoder: SentenceEncoder) -> None:
    memory = phrasings_of(encoder)
    assert len(memory.names) >= 300
    assert np.diff(memory.starts).min() >= 10
    np.testing.assert_allclose(np.linalg.norm(memory.vectors, axis=1), 1, atol=2e-3)


ENTRIES = [
    BaseEntry("a", "流量不够用了怎么办", "可以加流量包，当月有效。", ("流量用完了怎么加",)),
    BaseEntry("b", "怎么办理宽带移机", "提前三天预约，师傅上门拆装。", ("搬家了宽带怎么迁",)),
    BaseEntry("c", "怎么开发票", "在App里申请电子发票，发到邮箱。", ("电子发票在哪里开",)),
]


def test_links_travel_with_the_snapshot(encoder: SentenceEncoder, tmp_path: Path) -> None:
    model = base_model(encoder.fingerprint)
    content = build_content(ENTRIES, VectorCache(encoder, None), encoder, model)
    assert (content.links.topics[:, 0] != NONE).any()
    write_content(tmp_path / "v", content)
    again = read_content(tmp_path / "v", encoder.fingerprint)
    np.testing.assert_array_equal(again.links.topics, content.links.topics)
    assert again.meta.phrasings == phrasings_of(encoder).digest


def test_a_base_without_a_memory_answers_too(encoder: SentenceEncoder) -> None:
    model = replace(base_model(encoder.fingerprint), none_below=0.0)
    content = build_content(ENTRIES, VectorCache(encoder, None), encoder, model, memory=EMPTY)
    found = LoadedBase(content).find("发票怎么开", encoder.encode(["发票怎么开"])[0], 3, 0.0)
    assert found.hits[0].entry_id == "c"
