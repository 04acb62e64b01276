"""A small practice night, and the program as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.practice import free_port, practice, practice_truth

__all__ = ["free_port", "practice", "practice_truth"]

CPCS = [sys.executable, "-c", "from cpcs_desktop.cli.main import main; main()"]


@pytest.fixture
def night(practice: Path, tmp_path: Path) -> Path:
    """Folder with two frames, two lists, a text file and a cut frame."""
    folder = tmp_path / "night"
    folder.mkdir()
    for file in [*(practice / "frames").iterdir(), *(practice / "lists").iterdir()]:
        (folder / file.name).symlink_to(file)
    frame = next((practice / "frames").iterdir()).read_bytes()
    (folder / "cut.fits").write_bytes(frame[: len(frame) // 3])
    (folder / "letter.fits").write_text("Dear observer, this is no frame.\n")
    return folder


@pytest.fixture
def words(practice: Path, practice_truth: dict[str, Any]) -> list[str]:
    """What every calibration of the practice night has to say."""
    target = f"{practice_truth['ra']},{practice_truth['dec']}"
    return ["--target", target, "--cache", str(practice / "cache")]


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start the program in a profile of the test's own."""

    def call(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        env = {**os.environ, "CPCS_PROFILE": str(tmp_path / "profile")}
        return subprocess.Popen(
            [*CPCS, *map(str, arguments)],
            env=env, text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )  # fmt: skip

    return call


@pytest.fixture
def run(start: Start) -> Callable[..., tuple[int, str, str]]:
    """Run the program to its end: status, stdout, stderr."""

    def call(*arguments: str | Path, **options: Any) -> tuple[int, str, str]:
        process = start(*arguments, **options)
        out, chatter = process.communicate(timeout=100)
        return process.returncode, out, chatter

    return call


def children_of(pid: int) -> Sequence[int]:
    """Return the process numbers of a process's children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]
