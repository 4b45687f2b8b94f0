"""A Milvus Lite server for tests: a process of its own that can die and come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

STARTS_S = 120


class MilvusLite:
    """Args: folder for its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it listens."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self._folder),
             "--host", "127.0.0.1", "--port", str(self._port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ends = time.monotonic() + STARTS_S
        while time.monotonic() < ends:
            assert self._process.poll() is None, "milvus-lite ended"
            with socket.socket() as client:
                client.settimeout(1)
                if client.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("milvus-lite does not listen")

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
