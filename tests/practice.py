"""Fixtures: a small practice night, and a server as a child process as an operator starts it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cpcs_desktop.simulate.night import write_practice_night

SERVER = [sys.executable, "-c", "from server_stub.cli import main; main()"]


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a practice night with two frames in r, four surveys, and a ready cache."""
    folder = tmp_path_factory.mktemp("practice")
    write_practice_night(
        folder,
        band=("SDSS/r", "SDSS/r"),
        stars=450,
        seed=11,
        size=(700, 700),
        surveys=("SDSS", "PS1", "GAIASP", "2MASS"),
    )
    return folder


@pytest.fixture(scope="session")
def practice_truth(practice: Path) -> dict[str, Any]:
    """Facts of the second frame, after the outburst."""
    truth: dict[str, dict[str, Any]] = json.loads((practice / "truth.json").read_text())
    return truth["frames/practice-02-r.fits"]


@pytest.fixture
def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def new_key() -> Callable[[Path], str]:
    """Return a function that makes an access key in a server's folder."""
    return _new_key


@pytest.fixture
def running_server() -> Callable[[Path, int], AbstractContextManager[str]]:
    """Return a context manager that runs a server in a folder on a port (0: a free one)."""
    return _running_server


def _new_key(folder: Path) -> str:
    env = {**os.environ, "CPCS_PROFILE": str(folder)}
    subprocess.run([*SERVER, "init"], env=env, check=True, capture_output=True)
    words = [*SERVER, "key", "new", "--observatory", "Test Dome", "--json"]
    made = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    key: str = json.loads(made.stdout)["key"]
    return key


@contextmanager
def _running_server(folder: Path, port: int) -> Iterator[str]:
    env = {**os.environ, "CPCS_PROFILE": str(folder)}
    process = subprocess.Popen(
        [*SERVER, "run", "--port", str(port)], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("listening on http://127.0.0.1:"), first
        yield first.split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
