"""The build steps: each runs only when its inputs changed since it last succeeded."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.launcher.secrets import ensure_secrets, staff_passwords
from bot.launcher.words import LauncherError, say, timed
from core.settings import ROOT, Settings, env_file

NEEDED_BYTES = 1024**3
RASA_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"


@dataclass(frozen=True)
class Step:
    """One thing to build: ``run`` is skipped while the digest of ``inputs`` is the recorded one."""

    name: str
    label: str
    inputs: Callable[[], str]
    run: Callable[[], None]
    output: Path


def digest_of(paths: Iterable[Path], *facts: str) -> str:
    """Digest of files (folders are walked) and of further facts."""
    digest = hashlib.sha256("\0".join(facts).encode())
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" in file.parts or not file.exists():
                continue
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def run_command(command: list[str], log: Path, environment: dict[str, str]) -> None:
    """Runs a build command with its output in ``log``. Raises LauncherError with the log's end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        status = subprocess.run(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=environment
        ).returncode
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise LauncherError(f"{' '.join(command[1:4])} failed; the end of {log}:\n{tail}")


class Builder:
    """Knows the steps and which of them are due."""

    def __init__(self, settings: Settings, secrets: dict[str, str]) -> None:
        self.settings = settings
        self.secrets = secrets
        self._records = settings.var_dir / "build"
        self._logs = settings.var_dir / "logs"

    def build(self, only: str | None = None) -> None:
        """Runs what is due. Raises LauncherError."""
        self._check_disk()
        self._check_milvus()
        for step in self.steps():
            if only in (None, step.name):
                self._perform(step)

    def steps(self) -> list[Step]:
        """All steps in order."""
        settings = self.settings
        kb = ROOT / "knowledge_base"
        return [
            Step(
                "encoder",
                "Building the sentence encoder",
                self._encoder_inputs,
                self._build_encoder,
                settings.encoder_dir / "encoder.json",
            ),
            Step(
                "phrasings",
                "Remembering customers' phrasings",
                lambda: digest_of(
                    [kb / "corpus", kb / "remembering.py", ROOT / "data" / "retrieval" / "train"],
                    self._encoder_facts(),
                ),
                self._remember,
                settings.encoder_dir / "phrasings.npz",
            ),
            Step(
                "database",
                "Creating and migrating the database",
                lambda: digest_of([ROOT / "bot" / "migrations"], settings.database),
                self._migrate,
                self._records,
            ),
            Step(
                "seed",
                "Seeding staff and knowledge",
                lambda: digest_of(
                    # The reader of snapshots stands for their format.
                    [
                        kb / "corpus",
                        kb / "calibration.json",
                        kb / "snapshot.py",
                        kb / "phrasings.py",
                        ROOT / "data" / "retrieval" / "train",
                    ],
                    self._encoder_facts(),
                    settings.database,
                    settings.seed_knowledge,
                    f"{settings.vector_index} {settings.milvus_uri}",
                    json.dumps(staff_passwords(self.secrets), sort_keys=True),
                ),
                self._seed,
                # Every seeding leaves it; the folder is made by the step of the phrasings already.
                settings.knowledge_dir / "publish.lock",
            ),
            Step(
                "train",
                "Training Rasa",
                self._rasa_inputs,
                self._train,
                settings.rasa_model_dir,
            ),
        ]

    def _perform(self, step: Step) -> None:
        record = self._records / f"{step.name}.digest"
        wanted = step.inputs()
        if record.exists() and record.read_text() == wanted and step.output.exists():
            say(f"• {step.label}: up to date")
            return
        with timed(step.label):
            step.run()
        self._records.mkdir(parents=True, exist_ok=True)
        record.write_text(wanted)

    def _check_disk(self) -> None:
        self.settings.var_dir.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.settings.var_dir).free < NEEDED_BYTES:
            raise LauncherError(
                f"the disk under {self.settings.var_dir} is nearly full: 1 GB is needed"
            )

    def _check_milvus(self) -> None:
        environments = (ROOT / ".venv", ROOT / ".venv-rasa")
        if self.settings.vector_index == "milvus" and not all(
            any(folder.glob("lib/python3*/site-packages/pymilvus")) for folder in environments
        ):
            raise LauncherError(
                "CHANGDA_VECTOR_INDEX=milvus needs the Milvus client: run `make install-milvus`"
            )

    def environment(self) -> dict[str, str]:
        """Environment of every process we start."""
        return child_environment(self.settings, self.secrets)

    def _encoder_inputs(self) -> str:
        folder = ROOT / "knowledge_base" / "embedding"
        names = ("weights.py", "build.py", "encoder.py", "adapter.py", "adapter_weights")
        return digest_of([folder / name for name in names], self.settings.embedding_model)

    def _build_encoder(self) -> None:
        command = [sys.executable, "-m", "knowledge_base.embedding.build"]
        command += ["--target", str(self.settings.encoder_dir)]
        command += ["--model", self.settings.embedding_model]
        adapter = ROOT / "knowledge_base" / "embedding" / "adapter_weights"
        if adapter.exists() and self.settings.embedding_model.endswith("multilingual-e5-small"):
            command += ["--adapter", str(adapter)]
        run_command(command, self._logs / "build-encoder.log", self.environment())

    def _remember(self) -> None:
        command = [sys.executable, "-m", "knowledge_base.remembering"]
        command += ["--encoder", str(self.settings.encoder_dir)]
        # Seeding asks for the same texts next.
        command += ["--vectors", str(self.settings.knowledge_dir / "vectors")]
        run_command(command, self._logs / "phrasings.log", self.environment())

    def _migrate(self) -> None:
        command = [sys.executable, "-m", "alembic", "-c", "bot/migrations/alembic.ini"]
        run_command([*command, "upgrade", "head"], self._logs / "migrate.log", self.environment())

    def _seed(self) -> None:
        from bot.launcher.seeding import seed

        asyncio.run(seed(self.settings, staff_passwords(self.secrets)))

    def _rasa_inputs(self) -> str:
        names = ("config.yml", "domain.yml", "data/nlu", "data/rules", "data/stories")
        more = ("data/lexicon", "data/sentiment", "bot/nlu", "requirements/rasa.txt")
        serving = ("text.py", "words.py", "embedding/encoder.py")
        paths = [ROOT / name for name in (*names, *more)]
        paths += [ROOT / "knowledge_base" / name for name in serving]
        return digest_of(paths, self._encoder_facts())

    def _encoder_facts(self) -> str:
        facts = self.settings.encoder_dir / "encoder.json"
        return facts.read_text("utf-8") if facts.exists() else ""

    def _train(self) -> None:
        target = self.settings.rasa_model_dir
        command = [str(RASA_PYTHON), "-W", "ignore", "-m", "rasa", "train"]
        command += ["--config", "config.yml", "--domain", "domain.yml"]
        command += ["--data", "data/nlu", "data/rules", "data/stories"]
        command += ["--fixed-model-name", "changda", "--out", str(target)]
        run_command(command, self._logs / "train.log", self.environment())


def child_environment(settings: Settings, secrets: dict[str, str]) -> dict[str, str]:
    """Settings as the processes in either environment read them; their secrets, nobody's passwords."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHANGDA_PASSWORD_")}
    values = {k: v for k, v in secrets.items() if not k.startswith("CHANGDA_PASSWORD_")}
    ours = redis_variables(settings.redis) | {
        "CHANGDA_VAR_DIR": str(settings.var_dir),
        "CHANGDA_RASA_PORT": str(settings.rasa_port),
        "CHANGDA_RASA_MODEL": str(settings.rasa_model_dir / "changda.tar.gz"),
        "CHANGDA_ACTIONS_URL": settings.actions_webhook,
        "CHANGDA_REDIS_URL": settings.redis,
        "CHANGDA_BSS_URL": settings.bss,
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
    }
    return inherited | values | ours


def redis_variables(url: str) -> dict[str, str]:
    """The parts of a Redis URL under the names that Rasa's ``endpoints.yml`` asks for."""
    parts = urlsplit(url)
    return {
        "CHANGDA_REDIS_HOST": parts.hostname or "127.0.0.1",
        "CHANGDA_REDIS_PORT": str(parts.port or 6379),
        "CHANGDA_REDIS_DB": parts.path.strip("/") or "0",
        "CHANGDA_REDIS_PASSWORD": unquote(parts.password or ""),
    }


def prepare_settings() -> tuple[Settings, dict[str, str]]:
    """Generates missing secrets, then reads the settings."""
    secrets = ensure_secrets(env_file())
    return Settings(), secrets
