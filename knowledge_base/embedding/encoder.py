"""The sentence encoder as it is served: tokenizers + ONNX Runtime, no torch.

It runs inside Rasa, the app and the tools alike. The method is E5 (Wang et al. 2022): mean pooling over a
BERT encoder, L2 norm, and the prefixes ``query: `` and ``passage: ``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Encoding

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
        threads: texts encoded at the same time. One text has one thread: two wait for each other
            more than they help.

    Raises:
        EncoderMissingError: the folder is not there.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        if not (folder / ENCODER_FILE).exists():
            raise EncoderMissingError(f"no encoder in {folder}: run `make encoder`")
        facts = json.loads((folder / ENCODER_FILE).read_text("utf-8"))
        self.folder = folder
        self.fingerprint: str = facts["fingerprint"]
        self._prefixes: dict[str, str] = facts["prefixes"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._threads = threads
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.dimension = int(self._session.get_outputs()[0].shape[-1])

    def encode(self, texts: Sequence[str], kind: Kind = "query", batch: int = 1) -> Vectors:
        """Encodes ``texts`` in the order given; an empty list gives an array of shape (0, d).

        Args:
            batch: texts of one call. int8 activations share one scale per call, so that in a batch a text's
                vector depends on its neighbours, by more than the whole quantization costs: 16 take two
                thirds of the time and are good enough to train a classifier on, not to search with.
        """
        prefix = self._prefixes.get(kind, "")
        encodings = [self._tokenizer.encode(prefix + text) for text in texts]
        out = np.zeros((len(texts), self.dimension), np.float32)
        if len(texts) == 1:
            out[0] = self._run(encodings)[0]
            return out
        # Neighbours in length share a call, so that little of it is padding.
        order = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        groups = [order[start : start + batch] for start in range(0, len(order), batch)]
        with ThreadPoolExecutor(self._threads) as pool:
            found = pool.map(self._run, ([encodings[row] for row in group] for group in groups))
            for group, vectors in zip(groups, found, strict=True):
                out[group] = vectors
        return out

    def _run(self, encodings: Sequence[Encoding]) -> Vectors:
        longest = max(len(encoding.ids) for encoding in encodings)
        ids, mask = np.zeros((2, len(encodings), longest), np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        vectors: Vectors = self._session.run(
            ["sentence_embedding"], {"input_ids": ids, "attention_mask": mask}
        )[0]
        return vectors


def shared_encoder(folder: Path) -> SentenceEncoder:
    """The process-wide encoder of ``folder``: a model's session holds some 150 MB."""
    return _encoder_in(folder.resolve())


@lru_cache(maxsize=2)
def _encoder_in(folder: Path) -> SentenceEncoder:
    return SentenceEncoder(folder)
