"""A Dask cluster of this machine for tests: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_DASK = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
_WORKER = [sys.executable, "-m", "distributed.cli.dask_worker"]


class Cluster:
    """A scheduler and workers as an operator starts them, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(words, stdout=file, stderr=file, cwd=self.folder)
        self.processes.append(process)
        return process

    def scheduler(self) -> None:
        self.start(*_DASK, "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        log = self.folder / "0.log"
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            found = re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text())
            if found:
                self.address = found[0]
                return
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start(
            *(*_WORKER, self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--local-directory", str(self.folder)),
        )

    def wait_for_workers(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            logs = [p.read_text() for p in self.folder.glob("*.log")]
            if sum("Registered to:" in text for text in logs) >= count:
                return
            time.sleep(0.2)
        raise AssertionError("the workers do not come")

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    started = Cluster(folder)
    started.scheduler()
    yield started
    started.end()
