"""Vectors in Milvus (Wang et al. 2021), for bases that outgrow the memory of one machine.

A version in force has two collections, of question forms and of answers, which nobody changes any
more. When Milvus is down, searches go on by words and exact matches, and it is left alone for some
seconds after each failure, so that no customer waits for it twice.

The client is installed by ``make install-milvus``: pymilvus 3 beside the application, pymilvus 2.5
beside Rasa, whose protobuf is too old for later ones. What is used here is the same in both.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from knowledge_base.index import (
    IndexUnavailable,
    Keys,
    VectorIndex,
    Vectors,
    checked,
    nothing,
)

if TYPE_CHECKING:
    from knowledge_base.snapshot import SnapshotContent

log = logging.getLogger(__name__)
_BATCH = 2000
_FLAT_BELOW = 20_000
"""Vectors up to which an exact scan is fast enough; Milvus chooses the index of larger ones."""
T = TypeVar("T")


class MilvusMissingError(ImportError):
    """The Milvus client is not installed."""


def _client_class() -> Any:
    # pymilvus would read the nearest .env, with all our secrets, into this process's environment.
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise MilvusMissingError(
            "CHANGDA_VECTOR_INDEX=milvus needs the Milvus client: run `make install-milvus`"
        ) from error
    # It logs every failure with several stack traces; ours is one line.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return MilvusClient


class Milvus:
    """One Milvus server, or cluster; connects when it is first asked something.

    Args:
        uri: ``http://host:19530``, ``http://host:19530/database``, or a file of Milvus Lite,
            which one process alone can use.
        timeout_s: the longest a search waits.
        pause_s: how long searches leave it alone after a failure.
        patience_s: the longest that one call of a publish waits.

    Raises:
        MilvusMissingError: its client is not installed.
        ValueError: no address.
    """

    def __init__(
        self, uri: str, token: str = "", timeout_s: float = 1.0, pause_s: float = 5.0,
        patience_s: float = 60.0,
    ) -> None:  # fmt: skip
        if not uri:
            raise ValueError("CHANGDA_VECTOR_INDEX=milvus needs an address in CHANGDA_MILVUS_URI")
        self._make = _client_class()
        self._uri, self._token = uri, token
        self._timeout_s, self._pause_s, self._patience_s = timeout_s, pause_s, patience_s
        self._client: Any = None
        self._silent_until = 0.0
        self.trouble: str | None = None
        """Why it could not answer the last time (Chinese), or None."""

    def ask(self, question: Callable[[Any, float], T], patient: bool = False) -> T:
        """The answer to ``question(client, timeout_s)``.

        Args:
            patient: for work that may take long and that nobody talking to us waits for.

        Raises:
            IndexUnavailable: it does not answer, or says no.
        """
        if self.trouble is not None and not patient and time.monotonic() < self._silent_until:
            raise IndexUnavailable(self.trouble)
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        timeout = self._patience_s if patient else self._timeout_s
        try:
            client = self._client
            if client is None:
                client = self._make(uri=self._uri, token=self._token, timeout=timeout)
                self._client = client
            answer = question(client, timeout)
        except (MilvusException, RpcError, OSError) as error:
            self._failed(error)
            raise IndexUnavailable(self.trouble) from error
        self.trouble = None
        return answer

    def _failed(self, error: Exception) -> None:
        if self.trouble is None:
            log.error("milvus does not answer: %s", " ".join(str(error).split())[:300])
        self.trouble = "向量检索服务（Milvus）暂时连不上"
        if "does not exist" in str(error) or "not found" in str(error):
            self.trouble = "向量检索服务（Milvus）里没有这个版本的向量，请重新发布知识库"
        self._silent_until = time.monotonic() + self._pause_s
        # A channel to a server that went away takes long to find it again; a new one does not.
        with contextlib.suppress(Exception):
            self.close()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class MilvusIndex:
    """One collection: ``key`` (its primary key) and ``vector``, compared by inner product.

    Args:
        settled: nothing is written any more, so searches need not wait for the newest writes.
    """

    def __init__(self, server: Milvus, name: str, dimension: int, settled: bool = True) -> None:
        self.dimension = dimension
        self._server = server
        self._name = name
        self._consistency = "Eventually" if settled else "Strong"
        self._loaded = False

    @classmethod
    def create(cls, server: Milvus, name: str, dimension: int, size: int = 0) -> MilvusIndex:
        """A new, empty collection for about ``size`` vectors; one of that name goes first."""

        def make(client: Any, timeout: float) -> None:
            from pymilvus import DataType

            if client.has_collection(name, timeout=timeout):
                client.drop_collection(name, timeout=timeout)
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            params = client.prepare_index_params()
            kind = "FLAT" if size < _FLAT_BELOW else "AUTOINDEX"
            params.add_index("vector", index_type=kind, metric_type="IP")
            client.create_collection(name, schema=schema, index_params=params, timeout=timeout)

        server.ask(make, patient=True)
        return cls(server, name, dimension, settled=False)

    def __len__(self) -> int:
        def count(client: Any, timeout: float) -> int:
            self._load(client, timeout)
            rows = client.query(
                self._name, filter="", output_fields=["count(*)"], timeout=timeout,
                consistency_level=self._consistency,
            )  # fmt: skip
            return int(rows[0]["count(*)"])

        return self._server.ask(count, patient=True)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        keys, vectors = checked(keys, vectors, self.dimension)
        for start in range(0, len(keys), _BATCH):
            part = slice(start, start + _BATCH)
            rows = [
                {"key": int(key), "vector": vector}
                for key, vector in zip(keys[part], vectors[part], strict=True)
            ]
            insert = partial(_insert, name=self._name, rows=rows)
            self._server.ask(insert, patient=True)

    def settle(self) -> None:
        """Makes what was added permanent and ready to be searched."""

        def finish(client: Any, timeout: float) -> None:
            client.flush(self._name, timeout=timeout)
            self._load(client, timeout)

        self._server.ask(finish, patient=True)

    def remove(self, keys: Keys) -> int:
        wanted = [int(key) for key in keys]

        def delete(client: Any, timeout: float) -> int:
            self._load(client, timeout)
            there = client.get(self._name, ids=wanted, output_fields=["key"], timeout=timeout)
            if there:
                ids = [row["key"] for row in there]
                client.delete(self._name, ids=ids, timeout=timeout)
            return len(there)

        return self._server.ask(delete, patient=True) if wanted else 0

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Keys]:
        scores, keys = nothing(len(queries), k)

        def near(client: Any, timeout: float) -> Sequence[Sequence[Any]]:
            self._load(client, timeout)
            found: Sequence[Sequence[Any]] = client.search(
                self._name, data=[np.asarray(query, np.float32) for query in queries], limit=k,
                anns_field="vector", output_fields=["key"], timeout=timeout,
                consistency_level=self._consistency,
            )  # fmt: skip
            return found

        try:
            found = self._server.ask(near)
        except IndexUnavailable:
            # A server that was started again has to load it again.
            self._loaded = False
            raise
        for row, hits in enumerate(found):
            scores[row, : len(hits)] = [hit["distance"] for hit in hits]
            keys[row, : len(hits)] = [hit["key"] for hit in hits]
        return scores, keys

    def _load(self, client: Any, timeout: float) -> None:
        if not self._loaded:
            client.load_collection(self._name, timeout=timeout)
            self._loaded = True


class MilvusIndexes:
    """Two collections for each published version."""

    def __init__(self, server: Milvus) -> None:
        self._server = server

    @property
    def trouble(self) -> str | None:
        return self._server.trouble

    def open(self, content: SnapshotContent) -> tuple[VectorIndex, VectorIndex]:
        forms, answers = (
            MilvusIndex(self._server, name, content.meta.dimension)
            for name in _names(content.meta.version)
        )
        return forms, answers

    def publish(self, content: SnapshotContent) -> None:
        names, parts = _names(content.meta.version), (content.forms, content.answers)
        for name, vectors in zip(names, parts, strict=True):
            size = len(vectors)
            index = MilvusIndex.create(self._server, name, content.meta.dimension, size)
            index.add(np.arange(size, dtype=np.int64), vectors)
            index.settle()
            if len(index) != size:
                raise IndexUnavailable("向量检索服务（Milvus）没有收下全部向量，请重新发布。")

    def holds(self, version: str) -> bool:
        def ask(client: Any, timeout: float) -> bool:
            return all(client.has_collection(name, timeout=timeout) for name in _names(version))

        return self._server.ask(ask)

    def drop(self, version: str) -> None:
        def ask(client: Any, timeout: float) -> None:
            for name in _names(version):
                if client.has_collection(name, timeout=timeout):
                    client.drop_collection(name, timeout=timeout)

        self._server.ask(ask)


def _insert(client: Any, timeout: float, name: str, rows: list[dict[str, Any]]) -> None:
    client.insert(name, rows, timeout=timeout)


def _names(version: str) -> tuple[str, str]:
    safe = re.sub(r"[^0-9A-Za-z]", "_", version)
    return f"changda_{safe}_forms", f"changda_{safe}_answers"
