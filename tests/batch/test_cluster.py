"""The same batch on Dask workers of this machine, one of them killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.conftest import Start
from tests.dask_cluster import Cluster, cluster

__all__ = ["cluster"]

pytest.importorskip("distributed", reason="the cluster extra is not installed")

Run = Callable[..., tuple[int, str, str]]


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
