"""The environments' builder explains what stopped it and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.launcher import environments


def test_stamp_follows_the_locks(tmp_path: Path) -> None:
    lock = tmp_path / "a.txt"
    lock.write_text("x==1\n")
    stamp = environments.stamp_of([lock])
    folder = tmp_path / ".venv"
    folder.mkdir()
    assert not environments.is_current(folder, stamp)
    (folder / environments.STAMP).write_text(stamp)
    assert environments.is_current(folder, stamp)
    lock.write_text("x==2\n")
    assert not environments.is_current(folder, environments.stamp_of([lock]))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "network"),
        ("ERROR: something else", "something else"),
    ],
)
def test_failures_say_what_to_do(tmp_path: Path, said: str, words: str) -> None:
    log = tmp_path / "install.log"
    log.write_text(said)
    assert words in environments.explain(log, "")


def test_another_python_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments.sys, "version_info", (3, 12, 1))
    assert environments.main([]) == 1
    assert "Python 3.11" in capsys.readouterr().out
