"""Where the vectors of a published base are searched: in this process, or in Milvus.

A store is told of every version before it comes into force and after it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from knowledge_base.index import VectorIndex

if TYPE_CHECKING:
    from knowledge_base.snapshot import SnapshotContent

KIND, URI, TOKEN = "CHANGDA_VECTOR_INDEX", "CHANGDA_MILVUS_URI", "CHANGDA_MILVUS_TOKEN"


class IndexStore(Protocol):
    """Holds two indexes per version: of question forms and of answers, keyed by row."""

    @property
    def trouble(self) -> str | None:
        """Why vectors cannot be searched at the moment (Chinese), or None."""

    def open(self, content: SnapshotContent) -> tuple[VectorIndex, VectorIndex]:
        """The indexes of a base about to be searched."""

    def publish(self, content: SnapshotContent) -> None:
        """Takes in a new version; its folder is there, the pointer has not moved.

        Raises:
            IndexUnavailable: it cannot be reached.
        """

    def holds(self, version: str) -> bool:
        """Whether that version can be searched; raises IndexUnavailable."""

    def drop(self, version: str) -> None:
        """Forgets a version, or what there is of it; raises IndexUnavailable."""


class LocalIndexes:
    """FAISS in every process, made of the snapshot's own files."""

    trouble: str | None = None

    def open(self, content: SnapshotContent) -> tuple[VectorIndex, VectorIndex]:
        return content.form_index, content.answer_index

    def publish(self, content: SnapshotContent) -> None:
        return None

    def holds(self, version: str) -> bool:
        return True

    def drop(self, version: str) -> None:
        return None


LOCAL = LocalIndexes()


def index_store(kind: str, uri: str = "", token: str = "") -> IndexStore:
    """The store that the settings name.

    Args:
        kind: ``faiss`` or ``milvus``.
        uri, token: of Milvus.

    Raises:
        MilvusMissingError: its client is not installed.
        ValueError: an unknown kind, or Milvus without an address.
    """
    if kind in ("", "faiss"):
        return LOCAL
    if kind != "milvus":
        raise ValueError(f"{KIND} must be faiss or milvus, not {kind!r}")
    from knowledge_base.milvus import Milvus, MilvusIndexes

    return MilvusIndexes(Milvus(uri, token))


def store_from(environment: Mapping[str, str]) -> IndexStore:
    """The same from environment variables, for processes without typed settings."""
    names = (KIND, URI, TOKEN)
    return index_store(*(environment.get(name, "") for name in names))
