"""A frame measured by a child comes out as in one process, and a dead child is a sentence."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cpcs_desktop.batch.inputs import Input
from cpcs_desktop.batch.measured_ahead import MeasuredAhead, is_worth_a_child
from cpcs_desktop.batch.one_input import finish
from cpcs_desktop.batch.options import CalibrateOptions, Job, prepare_job
from cpcs_desktop.profile import open_profile


@pytest.fixture
def job(practice: Path, practice_truth: dict[str, float], tmp_path: Path) -> Job:
    options = CalibrateOptions(
        target=(practice_truth["ra"], practice_truth["dec"]),
        event=None, mjd=None, exposure=None, match_radius=None, force_filter=None,
        magnitudes=None, surveys=None, hdu=None, comment="", observers=(),
    )  # fmt: skip
    return prepare_job(options, open_profile(str(tmp_path / "p"), str(practice / "cache")))


@pytest.fixture
def ahead(job: Job) -> Iterator[MeasuredAhead]:
    with closing(MeasuredAhead()) as workers:
        workers.take(job)
        yield workers


def line(workers: MeasuredAhead, item: Input) -> str:
    assert workers.room == 1
    workers.submit(7, item)
    assert (workers.busy, workers.room) == (1, 0)
    ((number, finished),) = workers.collect()
    assert number == 7
    (answer,) = finished.answers
    return answer.line


def test_the_same_line_as_in_one_process(ahead: MeasuredAhead, job: Job, practice: Path) -> None:
    for frame in sorted((practice / "frames").iterdir())[:2]:
        item = Input(frame.name, frame, None)
        assert line(ahead, item) == finish(item, job).answers[0].line
    broken = Input("letter.fits", practice / "truth.json", None)
    assert line(ahead, broken) == finish(broken, job).answers[0].line
    missing = replace(broken, file=practice / "nowhere.fits")
    assert json.loads(line(ahead, missing))["error"]["code"] == "unreadable"


def test_a_dead_child_is_a_sentence(ahead: MeasuredAhead, practice: Path) -> None:
    frame = min((practice / "frames").iterdir())
    assert ahead.pid is not None
    os.kill(ahead.pid, signal.SIGKILL)
    error = json.loads(line(ahead, Input(frame.name, frame, None)))["error"]
    assert error["code"] == "worker_died"
    assert frame.name in error["message"]


def test_only_a_large_file_is_worth_a_child(tmp_path: Path) -> None:
    small, large = tmp_path / "small.fits", tmp_path / "large.fits"
    small.write_bytes(b" " * 2880)
    large.write_bytes(b" " * 5 * 2**20)
    items = [Input("", file, None) for file in (small, large, tmp_path / "missing.fits")]
    assert [is_worth_a_child(item) for item in items] == [False, True, False]
