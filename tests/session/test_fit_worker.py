"""The child that fits: same numbers as here, errors as sentences, gone when its parent is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.session.fit_worker import FitWorker

PARENT = """
import os, time
from cpcs_desktop.extract.worker import ExtractionWorker
from cpcs_desktop.session.fit_worker import FitWorker
if __name__ == "__main__":
    extraction = ExtractionWorker()
    extraction.warm()
    print(FitWorker().submit(os.getpid).result(), flush=True)
    while extraction.child_pid() is None:
        time.sleep(0.1)
    print(extraction.child_pid(), flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def worker() -> Iterator[FitWorker]:
    made = FitWorker()
    yield made
    made.close()


def _refuse() -> None:
    raise CpcsError("too_few_stars", "Two stars are not enough.", "Take more.", {"n": 2})


def test_it_runs_in_another_process(worker: FitWorker) -> None:
    assert worker.submit(os.getpid).result() != os.getpid()


def test_a_known_failure_keeps_code_sentence_and_hint(worker: FitWorker) -> None:
    with pytest.raises(CpcsError) as caught:
        worker.submit(_refuse).result()
    error = caught.value
    assert (error.code, error.message, error.hint) == (
        "too_few_stars",
        "Two stars are not enough.",
        "Take more.",
    )


def test_a_killed_child_costs_one_fit(worker: FitWorker) -> None:
    child = worker.submit(os.getpid).result()
    dying = worker.submit(os.kill, child, signal.SIGTERM)
    with pytest.raises(CpcsError, match="ended by the system"):
        dying.result()
    assert worker.submit(os.getpid).result() != child


def test_nothing_runs_when_it_is_closed() -> None:
    closed = FitWorker()
    closed.close()
    with pytest.raises(CpcsError, match="closing"):
        closed.submit(os.getpid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_child_is_left_when_the_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while any(map(_alive, children)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(_alive, children))


def _alive(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
