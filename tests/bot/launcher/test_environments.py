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


def test_an_environment_with_more_in_it_serves_those_who_need_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    for lock in ("app.txt", "milvus.txt", "dev.txt", "rasa.txt", "rasa-milvus.txt"):
        (tmp_path / "requirements" / lock).write_text(f"{lock[:-4]}==1\n")

    def needed(built: int, *options: str) -> set[str]:
        for name in environments.ENVIRONMENTS:
            locks = [tmp_path / "requirements" / f for f in environments.combinations(name)[built]]
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / environments.STAMP).write_text(environments.stamp_of(locks))
        return {job.name for job in environments._jobs(list(environments.ENVIRONMENTS), [*options])}

    everything = {".venv", ".venv-rasa"}
    assert needed(0) == needed(1) == needed(2) == set()
    assert needed(0, "--milvus") == everything
    assert needed(1, "--milvus") == needed(2, "--milvus") == set()
    assert needed(0, "--dev") == everything
    assert needed(1, "--dev") == {".venv"}
    assert needed(2, "--dev") == set()
