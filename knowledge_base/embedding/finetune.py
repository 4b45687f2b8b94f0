"""Teaches the encoder the domain: ``python -m knowledge_base.embedding.finetune`` (`make finetune`).

Contrastive learning with in-batch negatives (InfoNCE; Henderson et al. 2017, van den Oord et al. 2018)
on two kinds of pairs of our own: a customer's phrasing with a question form or answer of its knowledge
entry, and two sentences of one intent. No batch holds two pairs of one entry or one intent, so every
in-batch negative is a true one; and a batch is made of runs of entries that the encoder takes for
neighbours, looked up anew every epoch, so that many negatives are hard (ANCE; Xiong et al. 2020).
``--resume`` goes on from an adapter. Development sets are never read here.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from knowledge_base.embedding.adapter import add_adapter, resume_adapter
from knowledge_base.embedding.build import (
    OFFLINE_MODEL,
    load_sentence_transformer,
    write_sentence_transformer,
)
from knowledge_base.embedding.encoder import PASSAGE, QUERY
from knowledge_base.embedding.weights import read_weights, wheel_weight_file

if TYPE_CHECKING:
    import torch

TEMPERATURE = 0.025
LEARNING_RATE = 6e-4
RESUMED_RATE = 4e-4
WARM_UP = 0.1
BATCH = 32
CHUNK = 16
RUN = 8
"""Pairs of neighbouring entries that stand together."""
NEAR = 24
"""How many neighbours of an entry its run is drawn from."""
MAX_TOKENS = 64
ANSWER_SHARE = 0.25
"""How often a knowledge pair uses the answer instead of a question form."""
INTENT_SHARE = 0.25
"""Share of batches made of intent pairs."""


Phrasing = tuple[str, frozenset[str]]
"""What a customer said, and the entries that answer it."""


@dataclass(frozen=True)
class Pair:
    """Two texts that mean the same; ``key`` says what (an entry or an intent)."""

    left: str
    right: str
    keys: frozenset[str]


class KnowledgePairs:
    """Draws (customer phrasing, question form or answer) of different entries."""

    def __init__(self, corpus: Path, pairs: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._forms: dict[str, list[str]] = {}
        self._answers: dict[str, str] = {}
        for file in sorted(corpus.glob("*.yml")):
            for entry in yaml.safe_load(file.read_text("utf-8"))["entries"]:
                self._forms[entry["id"]] = [entry["question"], *entry.get("similar", [])]
                self._answers[entry["id"]] = entry["answer"]
        lines = (
            json.loads(line)
            for file in sorted(pairs.glob("*.jsonl"))
            for line in file.read_text("utf-8").splitlines()
            if line.strip()
        )
        self._queries: list[Phrasing] = [(x["query"], frozenset(x["gold"])) for x in lines]
        # A similar question is a customer's phrasing too: it learns towards its siblings.
        for entry_id, forms in self._forms.items():
            self._queries += [(form, frozenset([entry_id])) for form in forms[1:]]

    def __len__(self) -> int:
        return len(self._queries)

    @property
    def forms(self) -> dict[str, list[str]]:
        """Every entry's question forms."""
        return self._forms

    def epoch(self, near: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
        """Every phrasing once, in random order of short runs; ``near`` names each entry's neighbours."""
        for query, gold in self._neighbours_together(near):
            known = [g for g in sorted(gold) if g in self._forms]
            yield Pair(QUERY + query, self._partner(self._random.choice(known), query), gold)

    def _neighbours_together(self, near: Mapping[str, Sequence[str]]) -> Iterator[Phrasing]:
        waiting: dict[str, list[Phrasing]] = defaultdict(list)
        seeds: list[str] = []
        for query, gold in self._random.sample(self._queries, len(self._queries)):
            if known := gold & self._forms.keys():
                entry = self._random.choice(sorted(known))
                waiting[entry].append((query, gold))
                seeds.append(entry)
        # An entry is a seed as often as it has phrasings, so none is left over.
        for seed in seeds:
            if waiting[seed]:
                others = self._random.sample(near[seed], len(near[seed]))
                run = [entry for entry in (seed, *others) if waiting[entry]][:RUN]
                yield from (waiting[entry].pop() for entry in run)

    def _partner(self, entry_id: str, query: str) -> str:
        if self._random.random() < ANSWER_SHARE:
            return PASSAGE + self._answers[entry_id]
        forms = [form for form in self._forms[entry_id] if form != query]
        return QUERY + self._random.choice(forms)


class IntentPairs:
    """Draws two sentences of one intent."""

    # Their sentences share an attitude, not a meaning: pulling them together teaches nothing.
    LEFT_OUT = frozenset({"ask_knowledge", "out_of_scope", "chitchat", "inform"})

    def __init__(self, folder: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._by_intent: dict[str, list[str]] = defaultdict(list)
        for file in sorted(folder.glob("*.yml")):
            for block in yaml.safe_load(file.read_text("utf-8"))["nlu"]:
                if block.get("intent") and block["intent"] not in self.LEFT_OUT:
                    lines = block["examples"].splitlines()
                    self._by_intent[block["intent"]] += [_plain(x[2:]) for x in lines if x[2:]]

    def epoch(self) -> Iterator[Pair]:
        """Each intent in turn, endlessly."""
        while True:
            intents = list(self._by_intent)
            self._random.shuffle(intents)
            for intent in intents:
                left, right = self._random.sample(self._by_intent[intent], 2)
                yield Pair(QUERY + left, QUERY + right, frozenset([intent]))


def _plain(annotated: str) -> str:
    text, rest = "", annotated.strip()
    while "[" in rest:
        before, _, rest = rest.partition("[")
        word, _, rest = rest.partition("]")
        _, _, rest = rest.partition(")")
        text += before + word
    return text + rest


def batches(pairs: Iterator[Pair], size: int) -> Iterator[list[Pair]]:
    """Batches in which no key occurs twice; pairs that do not fit wait for a later batch."""
    waiting: list[Pair] = []
    ended = False
    while True:
        batch: list[Pair] = []
        passed: list[Pair] = []
        keys: set[str] = set()
        while len(batch) < size:
            if waiting:
                pair = waiting.pop(0)
            else:
                following = next(pairs, None)
                if following is None:
                    ended = True
                    break
                pair = following
            if keys & pair.keys:
                passed.append(pair)
                if len(passed) > 4 * size:
                    break
            else:
                batch.append(pair)
                keys |= pair.keys
        waiting = passed + waiting
        if len(batch) > size // 2:
            yield batch
        if ended and len(batch) <= size // 2:
            return


class Trainer:
    """Trains the adapter; one step takes about two seconds on two cores."""

    def __init__(self, model: Any, steps: int, resume: Path | None = None) -> None:
        import torch

        self._torch = torch
        self._model = model
        self._bert = resume_adapter(model, resume) if resume else add_adapter(model)
        trainable = [p for p in self._bert.parameters() if p.requires_grad]
        rate = RESUMED_RATE if resume else LEARNING_RATE
        self._optimizer = torch.optim.AdamW(trainable, lr=rate, weight_decay=0.01)
        warm = max(1, int(steps * WARM_UP))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer,
            lambda s: min((s + 1) / warm, max(0.02, (steps - s) / max(1, steps - warm))),
        )

    def step(self, batch: list[Pair]) -> float:
        """One optimization step; returns the loss."""
        torch = self._torch
        self._bert.train()
        # Half the time of float32 where the processor knows bfloat16; weights stay float32.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            both = self._encode([p.left for p in batch] + [p.right for p in batch])
            left, right = both[: len(batch)], both[len(batch) :]
        scores = left.float() @ right.float().T / TEMPERATURE
        target = torch.arange(len(batch))
        cross = torch.nn.functional.cross_entropy
        loss = (cross(scores, target) + cross(scores.T, target)) / 2
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._bert.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        return float(loss.detach())

    def _encode(self, texts: list[str]) -> torch.Tensor:
        """Unit vectors (n, 384); texts of like length go together, or padding is half the work."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        chunks = [order[i : i + CHUNK] for i in range(0, len(order), CHUNK)]
        vectors = self._torch.cat([self._encode_chunk([texts[i] for i in c]) for c in chunks])
        place = {original: position for position, original in enumerate(order)}
        return vectors[[place[i] for i in range(len(texts))]]

    def _encode_chunk(self, texts: list[str]) -> torch.Tensor:
        tokenizer = self._model.tokenizer
        feed = tokenizer(
            texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        )
        mask = feed["attention_mask"]
        states = self._bert(input_ids=feed["input_ids"], attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(1) / weight.sum(1)
        return self._torch.nn.functional.normalize(mean, dim=1)

    def neighbours(self, forms: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """The ``NEAR`` entries whose questions lie nearest to each entry's, by their mean vectors."""
        torch = self._torch
        self._bert.eval()
        with torch.no_grad():
            means = [self._encode([QUERY + f for f in texts]).mean(0) for texts in forms.values()]
        vectors = torch.nn.functional.normalize(torch.stack(means), dim=1)
        near = (vectors @ vectors.T).fill_diagonal_(-1).topk(min(NEAR, len(means) - 1)).indices
        ids = list(forms)
        return {entry: [ids[i] for i in row] for entry, row in zip(ids, near.tolist(), strict=True)}

    def save(self, folder: Path) -> None:
        """Writes the adapter in half precision; training may go on."""
        state = self._bert.state_dict().items()
        halves = {name: tensor.half() for name, tensor in state if "lora_" in name}
        for config in self._bert.peft_config.values():
            config.base_model_name_or_path = OFFLINE_MODEL
        self._bert.save_pretrained(str(folder), state_dict=halves)


@dataclass(frozen=True)
class Recipe:
    """What is learnt from, for how long, and from which adapter on."""

    corpus: Path
    pairs: Path
    nlu: Path
    epochs: int
    seed: int
    resume: Path | None = None


def finetune(target: Path, recipe: Recipe) -> None:
    """Trains and writes the adapter; prints progress."""
    import torch

    torch.manual_seed(recipe.seed)
    chooser = random.Random(recipe.seed)
    knowledge = KnowledgePairs(recipe.corpus, recipe.pairs, recipe.seed)
    intents = IntentPairs(recipe.nlu, recipe.seed)
    per_epoch = len(knowledge) // BATCH
    steps = int(recipe.epochs * per_epoch / (1 - INTENT_SHARE))
    with tempfile.TemporaryDirectory() as scratch:
        write_sentence_transformer(read_weights(wheel_weight_file()), Path(scratch))
        trainer = Trainer(load_sentence_transformer(scratch), steps, recipe.resume)
        intent_batches = batches(intents.epoch(), BATCH)
        done, started, recent = 0, time.monotonic(), 0.0
        for _ in range(recipe.epochs):
            near = trainer.neighbours(knowledge.forms)
            for batch in batches(knowledge.epoch(near), BATCH):
                while chooser.random() < INTENT_SHARE:
                    trainer.step(next(intent_batches))
                    done += 1
                loss = trainer.step(batch)
                recent = 0.95 * recent + 0.05 * loss if recent else loss
                done += 1
                if done % 20 < 2:
                    pace = (time.monotonic() - started) / done
                    print(f"step {done}/{steps}  loss {recent:.3f}  {pace:.2f} s/step", flush=True)
            target.mkdir(parents=True, exist_ok=True)
            trainer.save(target)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the encoder with a LoRA adapter.")
    parser.add_argument(
        "--target", type=Path, default=Path("knowledge_base/embedding/adapter_weights")
    )
    parser.add_argument("--corpus", type=Path, default=Path("knowledge_base/corpus"))
    parser.add_argument("--pairs", type=Path, default=Path("data/retrieval/train"))
    parser.add_argument("--nlu", type=Path, default=Path("data/nlu"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resume", type=Path, help="go on from the adapter in this folder")
    options = vars(parser.parse_args())
    finetune(options.pop("target"), Recipe(**options))


if __name__ == "__main__":
    main()
