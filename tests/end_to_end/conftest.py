"""A practice night, and the real server as a program of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs
from tests.practice import free_port, new_key, practice, practice_truth, running_server
from tests.sending import client, make_point, outbox, server

__all__ = [
    "client",
    "free_port",
    "make_point",
    "new_key",
    "outbox",
    "practice",
    "practice_truth",
    "running_server",
    "server",
]


PROGRAM = [sys.executable, "-c", "from server_stub.cli import main; main()"]


@dataclass
class Night:
    """A practice night on disk."""

    folder: Path
    truth: dict[str, dict[str, Any]]

    @property
    def event(self) -> dict[str, Any]:
        return next(iter(self.truth.values()))

    def files(self, kind: str) -> list[str]:
        return [str(self.folder / name) for name in sorted(self.truth) if name.startswith(kind)]


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("night")
    words = ["simulate", "-o", str(folder), "--band", "SDSS/r", "--frames", "3", "--size",
             "512x512", "--stars", "300", "--surveys", "SDSS,APASS"]  # fmt: skip
    result = CliRunner().invoke(cpcs, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return Night(folder, json.loads((folder / "truth.json").read_text()))


class RunningServer:
    """``cpcs-server run`` on a free port; the same port after a restart."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.database = str(folder / "server.sqlite")
        self._words = ["--database", self.database, "--cache", str(cache)]
        self._port = "0"
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def program(self, *words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, *words, "--database", self.database],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def new_key(self, observatory: str = "Testing", *words: str) -> dict[str, str]:
        answer: dict[str, str] = json.loads(
            self.program("key", "new", "--observatory", observatory, "--json", *words)
        )
        return answer

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "run", "--port", self._port, *self._words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), line
        self.url = line.split()[-1]
        self._port = self.url.rpartition(":")[2]

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def real_server(tmp_path: Path, night: Night) -> Iterator[RunningServer]:
    pytest.importorskip("fastapi", reason="the server extra is not installed")
    running = RunningServer(tmp_path, night.folder / "cache")
    running.start()
    yield running
    running.stop()


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, night: Night) -> Run:
    """Run a verb in a profile of its own with the night's survey cache, unless it names another."""

    def call(*words: str, profile: str = "mine", text: str | None = None) -> Result:
        # the last --cache would win: the night is shared, and a test must not write into it
        cache = [] if "--cache" in words else ["--cache", str(night.folder / "cache")]
        folder = ["--profile", str(tmp_path / profile)]
        return CliRunner().invoke(cpcs, [*words, *folder, *cache], input=text,
                                  catch_exceptions=False)  # fmt: skip

    return call
