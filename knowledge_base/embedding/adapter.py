"""The LoRA adapter: a few megabytes in the repository which teach the encoder the telecom domain.

Hu et al. 2021 (LoRA); the adapter is merged into the weights when the encoder is built, so serving costs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

RANK = 16
ALPHA = 32
TARGETS = ["query", "key", "value", "dense"]


def add_adapter(transformer: SentenceTransformer) -> Any:
    """Puts a fresh adapter into the model and freezes everything else; returns the peft model."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.05, target_modules=TARGETS)
    module: Any = transformer[0]
    model = get_peft_model(module.auto_model, config)
    module.auto_model = model
    return model


def resume_adapter(transformer: SentenceTransformer, folder: Path) -> Any:
    """Puts the adapter in ``folder`` into the model, to be trained further; returns the peft model."""
    from peft import PeftModel

    module: Any = transformer[0]
    model = PeftModel.from_pretrained(module.auto_model, str(folder), is_trainable=True)
    module.auto_model = model
    return model


def merge_adapter(transformer: SentenceTransformer, folder: Path) -> None:
    """Merges the adapter in ``folder`` into the model's weights.

    Raises:
        ValueError: the adapter was made for another architecture.
    """
    from peft import PeftModel

    module: Any = transformer[0]
    module.auto_model = PeftModel.from_pretrained(module.auto_model, str(folder)).merge_and_unload()
