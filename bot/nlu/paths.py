"""Where the NLU finds its files. It runs in the Rasa environment, which has no typed settings."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEXICON_DIR = ROOT / "data" / "lexicon"


def var_dir() -> Path:
    """The folder of everything made at run time (``CHANGDA_VAR_DIR``, else ``var``)."""
    return Path(os.environ.get("CHANGDA_VAR_DIR") or ROOT / "var").resolve()


def cache_dir() -> Path:
    """Where vectors of training texts are kept between trainings (``CHANGDA_CACHE_DIR``)."""
    return Path(os.environ.get("CHANGDA_CACHE_DIR") or var_dir() / "cache")


def resolve(configured: str | None, default: Path) -> Path:
    """A configured path, relative ones below the project root; ``default`` when none is given."""
    if not configured:
        return default
    path = Path(configured)
    return path if path.is_absolute() else ROOT / path


def content_hash(*files: Path) -> str:
    """Short digest of the files' bytes in order; an absent file counts as empty."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes() if path.exists() else b"")
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def code_hash() -> str:
    """Digest of the NLU's own code and of the lexicons it reads: part of every fingerprint."""
    code = sorted((ROOT / "bot" / "nlu").rglob("*.py"))
    return content_hash(*code, *sorted(LEXICON_DIR.glob("*")))
