"""The same batch on Dask workers of this machine, one of them killed in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.batch.conftest import Start

pytest.importorskip("distributed", reason="the cluster extra is not installed")

Run = Callable[..., tuple[int, str, str]]
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


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    start: Start, run: Run, night: Path, words: list[str], cluster: Cluster
) -> None:
    source = (night / "practice-01-r.cat").read_text()
    for frame in night.glob("practice*.fits"):
        frame.unlink()  # lists are quicker
    for n in range(6):
        (night / f"more-{n}.cat").write_text(f"{source}# {n}\n")
    workers = [cluster.worker() for _ in range(3)]
    cluster.wait_for_workers(3)
    process = start(
        *("calibrate", night, *words, "--json", "--scheduler", cluster.address),
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    first = [process.stdout.readline() for _ in range(3)]
    os.kill(workers[0].pid, signal.SIGKILL)
    out = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 1
    status, serial, _ = run("calibrate", night, *words, "--json", "--jobs", "1")
    assert status == 1
    assert "".join(first) + out == serial
    assert len(serial.splitlines()) == 10


def test_no_scheduler_and_no_workers_are_one_sentence(
    run: Run, night: Path, words: list[str], cluster: Cluster, free_port: int
) -> None:
    for address in (cluster.address, f"tcp://127.0.0.1:{free_port}"):
        status, out, _ = run("calibrate", night, *words, "--json", "--scheduler", address)
        assert status == 1
        error = json.loads(out)["error"]
        assert error["code"] == "no_cluster"
        assert error["hint"].startswith("Start")
