"""Builds the two Python environments from their lock files; standard library only, any Python 3.11 runs it.

Each environment carries a stamp with its locks' digest: nothing is done (and no network needed) while it fits.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = {
    ".venv": (["app.txt"], []),
    ".venv-rasa": (["rasa.txt"], ["--ignore-requires-python"]),
}
EXTRAS = {
    ".venv": {"--milvus": "milvus.txt", "--dev": "dev.txt"},
    ".venv-rasa": {"--milvus": "rasa-milvus.txt", "--dev": "rasa-milvus.txt"},
}
"""What else an option installs. ``--dev`` tests Milvus too, so its locks hold all of ``--milvus``."""
STAMP = "changda.stamp"
NEEDED_BYTES = 6 * 1024**3


def stamp_of(locks: list[Path]) -> str:
    """Digest of lock files and of the interpreter's version."""
    digest = hashlib.sha256(sys.version.encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def is_current(folder: Path, stamp: str) -> bool:
    """Whether the environment was built from these locks."""
    marker = folder / STAMP
    return marker.exists() and marker.read_text() == stamp


def build(folder: Path, locks: list[Path], options: list[str], log: Path) -> int:
    """Creates one environment; returns pip's exit status. What pip says goes to ``log``."""
    stamp = stamp_of(locks)
    (folder / STAMP).unlink(missing_ok=True)
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True, symlinks=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", *options]
    for lock in locks:
        command += ["-r", str(lock)]
    with log.open("w") as out:
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode
    if status == 0:
        (folder / STAMP).write_text(stamp)
    return status


class _Job(threading.Thread):
    def __init__(self, folder: Path, locks: list[Path], options: list[str], log: Path) -> None:
        super().__init__(name=folder.name)
        self.folder, self.locks, self.options, self.log = folder, locks, options, log
        self.status: int | None = None
        self.error = ""

    def run(self) -> None:
        try:
            self.status = build(self.folder, self.locks, self.options, self.log)
        except (OSError, subprocess.SubprocessError) as error:
            self.status, self.error = 1, str(error)

    def progress(self) -> str:
        """What pip does now, in a few words."""
        if not self.log.exists():
            return "creating"
        collected = self.log.read_text(errors="replace")
        if "Installing collected packages" in collected:
            return "installing"
        wanted = sum(_requirements(lock) for lock in self.locks)
        return f"fetching {collected.count('Collecting ')}/{wanted}"


def _requirements(lock: Path) -> int:
    lines = lock.read_text().splitlines()
    return sum(1 for line in lines if line.strip() and not line.startswith("#"))


def explain(log: Path, error: str) -> str:
    """Why a build failed, in words that say what to do."""
    said = error + (log.read_text(errors="replace") if log.exists() else "")
    if "No space left" in said:
        return "the disk is full: free some space and run the command again"
    network = ("Temporary failure in name resolution", "Connection refused", "NewConnectionError")
    if any(sign in said for sign in network):
        return "the package registry cannot be reached: check the network and run the command again"
    return f"pip failed; the end of {log.name}:\n" + "\n".join(said.splitlines()[-8:])


def combinations(name: str) -> list[list[str]]:
    """The sets of lock files an environment may have been built from, each holding the one before it."""
    base, extras = ENVIRONMENTS[name][0], EXTRAS[name]
    return [base, [*base, extras["--milvus"]], [*base, extras["--dev"]]]


def _jobs(names: list[str], options: list[str]) -> list[_Job]:
    logs = ROOT / "var" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    least = 2 if "--dev" in options else 1 if "--milvus" in options else 0
    jobs = []
    for name in names:
        fitting = [
            [ROOT / "requirements" / f for f in files] for files in combinations(name)[least:]
        ]
        folder = ROOT / name
        # An environment with more in it, such as the test tools, serves those who need less.
        if not any(is_current(folder, stamp_of(locks)) for locks in fitting):
            log = logs / f"install{name}.log"
            jobs.append(_Job(folder, fitting[0], ENVIRONMENTS[name][1], log))
    return jobs


def main(arguments: list[str]) -> int:
    """Builds what is missing; ``--dev`` adds the test tools, ``--milvus`` the Milvus client; returns an
    exit status."""
    if sys.version_info[:2] != (3, 11):
        print(f"Python 3.11 is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 …")
        return 1
    jobs = _jobs(list(ENVIRONMENTS), arguments)
    if not jobs:
        return 0
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        print(f"Too little disk space: {NEEDED_BYTES // 1024**3} GB are needed to install.")
        return 1
    print(
        "Installing " + ", ".join(job.name for job in jobs) + " (a few minutes, once)", flush=True
    )
    started = time.monotonic()
    for job in jobs:
        job.start()
    while any(job.is_alive() for job in jobs):
        time.sleep(5)
        states = [f"{job.name}: {job.progress()}" for job in jobs if job.is_alive()]
        if states:
            print(f"  {time.monotonic() - started:4.0f} s  " + ", ".join(states), flush=True)
    failed = [job for job in jobs if job.status != 0]
    for job in failed:
        print(f"{job.name}: {explain(job.log, job.error)}")
    if not failed:
        print(f"Installed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
