"""Encodes what customers have said before: ``python -m knowledge_base.remembering`` (`make encoder`).

The phrasings are those the encoder was taught with; their topics are the entries of the seed corpus, whose
own texts are encoded on the way. They are left in the vector cache, so that nobody need do it again.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from knowledge_base.building import VectorCache
from knowledge_base.calibrate import SAID, read_pairs
from knowledge_base.columns import starts_of
from knowledge_base.embedding.encoder import SentenceEncoder
from knowledge_base.phrasings import FILE, Phrasings
from knowledge_base.rendering import without_figures
from knowledge_base.seed_corpus import CORPUS, read_corpus
from knowledge_base.text import normalize


def remember(
    encoder: SentenceEncoder, cache: VectorCache, corpus: Path = CORPUS, said: Path = SAID
) -> Phrasings:
    """Encodes our own phrasings: topics are the entries of the seed corpus."""
    entries = read_corpus(corpus)
    by_topic: dict[str, list[str]] = {entry.entry_id: [] for entry in entries}
    for query, gold in read_pairs(said):
        for name in gold & by_topic.keys():
            by_topic[name].append(normalize(query))
    by_topic = {name: texts for name, texts in by_topic.items() if texts}
    forms = [normalize(form) for entry in entries for form in entry.forms]
    answers = [normalize(without_figures(entry.answer)) for entry in entries]
    texts = [text for group in by_topic.values() for text in group]
    return Phrasings(
        tuple(by_topic), cache.encode(texts, "query"), starts_of(map(len, by_topic.values())),
        cache.encode(forms, "query").mean(axis=0), cache.encode(answers, "passage").mean(axis=0),
        _digest(encoder.fingerprint, [*by_topic, *texts, *forms, *answers]),
    )  # fmt: skip


def _digest(fingerprint: str, texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join([fingerprint, *texts]).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description="Encode the remembered phrasings.")
    parser.add_argument("--encoder", type=Path, default=Path("var/models/encoder"))
    parser.add_argument(
        "--vectors",
        type=Path,
        help="folder of vectors kept, as publishing uses it; none by default",
    )
    options = parser.parse_args()
    encoder = SentenceEncoder(options.encoder)
    cache = VectorCache(encoder, options.vectors)
    memory = remember(encoder, cache)
    cache.close()
    # The name must end so, or numpy would add the ending; the real name appears at once and whole.
    draft = options.encoder / f".new-{FILE}"
    memory.save(draft)
    draft.replace(options.encoder / FILE)
    sys.stdout.write(f"{len(memory.vectors)} phrasings of {len(memory.names)} questions\n")


if __name__ == "__main__":
    main()
