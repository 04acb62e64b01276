"""The child process that extracts: no Qt in it, and its death costs one frame."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from star_fields import star_field, write_frame

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.extract.worker import ExtractionWorker


def test_same_numbers_as_in_this_process_and_errors_come_back(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field().pixels)
    here = extract_sources(path)
    with ExtractionWorker() as worker:
        there = worker.submit(path).result(timeout=60)
        missing = worker.submit(tmp_path / "missing.fits")
        with pytest.raises(CpcsError) as caught:
            missing.result(timeout=60)
    assert caught.value.code == "unreadable"
    assert there.frame.id == here.frame.id
    np.testing.assert_array_equal(there.sources().flux, here.sources().flux)


def test_a_killed_child_costs_its_frame_and_no_more(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field().pixels)
    with ExtractionWorker() as worker:
        worker.submit(path).result(timeout=60)
        first = worker.child_pid()
        assert first is not None
        os.kill(first, signal.SIGSTOP)  # so that the frame is surely in work when it dies
        doomed = worker.submit(path)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(CpcsError) as caught:
            doomed.result(timeout=60)
        assert caught.value.code == "extraction_died"
        assert "frame.fits" in caught.value.message
        assert len(worker.submit(path).result(timeout=60).sources()) > 50
        assert worker.child_pid() != first


def test_a_child_that_died_while_idle_is_replaced(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field().pixels)
    with ExtractionWorker() as worker:
        worker.submit(path).result(timeout=60)
        pid = worker.child_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        error = worker.submit(path).exception(timeout=60)  # noticed with this task at the latest
        assert error is None or getattr(error, "code", None) == "extraction_died"
        assert len(worker.submit(path).result(timeout=60).sources()) > 50


def test_closing_twice_and_submitting_late(tmp_path: Path) -> None:
    worker = ExtractionWorker()
    worker.close()
    worker.close()
    with pytest.raises(CpcsError):
        worker.submit(tmp_path / "frame.fits")


_PROOF = """
import sys
from cpcs_desktop.extract.worker import ExtractionWorker

def loaded():
    window = {"PySide6", "shiboken6", "pyqtgraph"}
    return sorted(name for name in sys.modules if name.split(".")[0] in window)

if __name__ == "__main__":
    import PySide6.QtCore
    with ExtractionWorker() as worker:
        worker.submit(sys.argv[1]).result(timeout=60)
        print(worker._pool.submit(loaded).result(timeout=60))
"""


def test_no_qt_in_the_child(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "frame.fits", star_field().pixels)
    script = tmp_path / "proof.py"
    script.write_text(_PROOF)
    done = subprocess.run(
        [sys.executable, str(script), str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
