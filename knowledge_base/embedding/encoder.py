"""The sentence encoder as it is served: tokenizers + ONNX Runtime, no torch.

It runs inside Rasa, the app and the tools alike. The method is E5 (Wang et al. 2022): mean pooling over a
BERT encoder, L2 norm, and the prefixes ``query: `` and ``passage: ``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

ENCODER_FILE = "encoder.json"
QUERY, PASSAGE = "query: ", "passage: "
MAX_TOKENS = 128
Kind = Literal["query", "passage"]
Vectors = npt.NDArray[np.float32]


class EncoderMissingError(FileNotFoundError):
    """The encoder folder has not been built."""


class SentenceEncoder:
    """Encodes texts to unit vectors of shape (n, dimension), float32.

    Args:
        folder: what ``knowledge_base.embedding.build`` wrote.
        threads: ONNX Runtime threads for one call.

    Raises:
        EncoderMissingError: the folder is not there.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        if not (folder / ENCODER_FILE).exists():
            raise EncoderMissingError(f"no encoder in {folder}: run `make encoder`")
        facts = json.loads((folder / ENCODER_FILE).read_text("utf-8"))
        self.fingerprint: str = facts["fingerprint"]
        self._prefixes: dict[str, str] = facts["prefixes"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        pad = self._tokenizer.token_to_id("<pad>")
        self._tokenizer.enable_padding(pad_id=1 if pad is None else pad)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would steal the second core from the processes beside this one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.dimension = int(self._session.get_outputs()[0].shape[-1])

    def encode(self, texts: Sequence[str], kind: Kind = "query", batch: int = 32) -> Vectors:
        """Encodes ``texts`` in the order given; an empty list gives an array of shape (0, d).

        Texts of like length share a batch, because padding costs as much as words do.
        """
        out = np.zeros((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            out[rows] = self._encode_batch([texts[i] for i in rows], kind)
        return out

    def _encode_batch(self, texts: Sequence[str], kind: Kind) -> Vectors:
        prefix = self._prefixes.get(kind, "")
        encodings = self._tokenizer.encode_batch([prefix + text for text in texts])
        feed = {
            "input_ids": np.array([e.ids for e in encodings], np.int64),
            "attention_mask": np.array([e.attention_mask for e in encodings], np.int64),
        }
        (vectors,) = self._session.run(["sentence_embedding"], feed)
        result: Vectors = vectors
        return result


@lru_cache(maxsize=2)
def shared_encoder(folder: Path) -> SentenceEncoder:
    """The process-wide encoder of ``folder``: a model's session holds some 150 MB."""
    return SentenceEncoder(folder)
