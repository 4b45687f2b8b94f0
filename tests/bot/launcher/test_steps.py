"""Build steps run when their inputs changed, and only then."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from bot.launcher.secrets import ensure_secrets
from bot.launcher.steps import Builder, Step, child_environment, run_command
from bot.launcher.words import LauncherError
from core.settings import Settings

Usage = namedtuple("Usage", "total used free")


class _Counting(Builder):
    def __init__(self, settings: Settings, secrets: dict[str, str]) -> None:
        super().__init__(settings, secrets)
        self.inputs = "1"
        self.runs = 0
        self.breaks = False

    def steps(self) -> list[Step]:
        return [Step("one", "One", lambda: self.inputs, self._run, self.settings.var_dir / "out")]

    def _run(self) -> None:
        self.runs += 1
        if self.breaks:
            raise LauncherError("broke")
        (self.settings.var_dir / "out").touch()


@pytest.fixture
def builder(settings: Settings, tmp_path: Path) -> _Counting:
    return _Counting(settings, ensure_secrets(tmp_path / ".env"))


def test_a_step_runs_once_per_input(builder: _Counting) -> None:
    builder.build()
    builder.build()
    assert builder.runs == 1
    builder.inputs = "2"
    builder.build()
    assert builder.runs == 2


def test_a_lost_result_is_built_again(builder: _Counting) -> None:
    builder.build()
    (builder.settings.var_dir / "out").unlink()
    builder.build()
    assert builder.runs == 2


def test_a_failed_step_is_tried_again(builder: _Counting) -> None:
    builder.breaks = True
    with pytest.raises(LauncherError):
        builder.build()
    builder.breaks = False
    builder.build()
    assert builder.runs == 2


def test_a_full_disk_is_told_before_work_begins(
    builder: _Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 0))
    with pytest.raises(LauncherError, match="full"):
        builder.build()
    assert builder.runs == 0


def test_processes_get_no_passwords(builder: _Counting) -> None:
    environment = child_environment(builder.settings, builder.secrets)
    assert not [name for name in environment if name.startswith("CHANGDA_PASSWORD_")]
    assert environment["CHANGDA_TOKEN_KEY"] == builder.secrets["CHANGDA_TOKEN_KEY"]


def test_a_failing_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo what went wrong; exit 3"]
    with pytest.raises(LauncherError, match="what went wrong"):
        run_command(command, tmp_path / "x.log", {"PATH": "/usr/bin:/bin"})
