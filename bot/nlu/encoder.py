"""What of a text is encoded, and a cache of the vectors of training texts."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.nlu.paths import var_dir
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.text import normalize as searchable

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
_HEAD, _TAIL = 90, 70
# Training from nothing encodes ten thousand sentences; a batch of them is a third faster and costs no accuracy.
_BATCH = 16


def encoder_dir() -> Path:
    return var_dir() / "models" / "encoder"


def to_encode(text: str) -> str:
    """What of a folded text is encoded: a rambling message keeps its beginning and its end."""
    text = searchable(text)
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}…{text[-_TAIL:]}"


class VectorCache:
    """Vectors of training texts on disk, so that only new sentences are encoded.

    Args:
        folder: where ``vectors-<name>-<fingerprint>.npz`` lies; stored as float16.
    """

    def __init__(self, encoder: SentenceEncoder, folder: Path, name: str = "intents") -> None:
        self._encoder = encoder
        self._path = folder / f"vectors-{name}-{encoder.fingerprint}.npz"

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors of ``texts`` (n, dimension), float32, unit length up to float16 rounding."""
        keys = [hashlib.blake2b(t.encode(), digest_size=12).hexdigest() for t in texts]
        known = self._read()
        fresh = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
        if fresh:
            vectors = self._encoder.encode(list(fresh.values()), "query", _BATCH).astype(np.float16)
            known.update(zip(fresh, vectors, strict=True))
            self._write({k: known[k] for k in dict.fromkeys(keys)})
        if not keys:
            return np.zeros((0, self._encoder.dimension), np.float32)
        return np.stack([known[k] for k in keys]).astype(np.float32)

    def _read(self) -> dict[str, npt.NDArray[np.float16]]:
        if not self._path.exists():
            return {}
        try:
            with np.load(self._path, allow_pickle=False) as data:
                return dict(zip(data["keys"].tolist(), data["vectors"], strict=True))
        except (OSError, ValueError, KeyError) as error:
            log.warning("vector cache %s is unreadable and will be rebuilt: %s", self._path, error)
            return {}

    def _write(self, vectors: dict[str, npt.NDArray[np.float16]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(f".{os.getpid()}.npz")
        np.savez(scratch, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
        scratch.replace(self._path)
