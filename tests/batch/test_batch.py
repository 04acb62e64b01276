"""A night in one line: order, sameness, failures, crashes, interruption."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import Table

from cpcs_desktop.batch.inputs import Input
from cpcs_desktop.batch.journal import Journal
from cpcs_desktop.batch.one_input import finish
from cpcs_desktop.batch.options import CalibrateOptions, Job
from cpcs_desktop.batch.run import run_batch
from cpcs_desktop.batch.workers import LocalWorkers, ThisProcess
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.reading import Reading
from tests.batch.conftest import Start, children_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def job(practice: Path, practice_truth: dict[str, Any]) -> Job:
    return Job(
        options=CalibrateOptions((practice_truth["ra"], practice_truth["dec"]), None),
        survey_cache=str(practice / "cache"),
        match_radius_arcsec=2.0,
        request="no",
        magnitude_kind="AUTO",
        reading=Reading(),
        events=(),
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_job_and_two_give_the_same_bytes(run: Run, night: Path, words: list[str]) -> None:
    status, one, _ = run("calibrate", night, *words, "--json", "--jobs", "1")
    again, two, chatter = run("calibrate", night, *words, "--json", "--jobs", "2")
    assert status == again == 1
    assert one == two
    names = sorted(file.name for file in night.iterdir())
    assert [line["path"] for line in lines(one)] == [f"{night}/{name}" for name in names]
    codes = {Path(li["path"]).name: li["error"]["code"] for li in lines(one) if "error" in li}
    assert codes == {"cut.fits": "unreadable", "letter.fits": "not_fits"}
    assert "4 of 6 calibrated, 2 failed" in chatter
    assert "\r" not in chatter  # no bar in a pipe


def test_one_input_alone_gives_what_it_gives_in_a_batch(
    run: Run, night: Path, words: list[str]
) -> None:
    _, together, _ = run("calibrate", night, *words, "--json")
    alone = [run("calibrate", line["path"], *words, "--json")[1] for line in lines(together)[2:4]]
    assert together.splitlines(keepends=True)[2:4] == alone


def test_the_three_formats_say_the_same(run: Run, night: Path, words: list[str]) -> None:
    for how in ("jsonl", "ecsv", "parquet"):
        file = night.parent / f"all.{how}"
        status, out, _ = run("calibrate", night, *words, "-o", file, "--resume")
        assert status == 1
        assert not out
    said = lines((night.parent / "all.jsonl").read_text())
    ecsv = Table.read(night.parent / "all.ecsv")
    parquet = pq.read_table(night.parent / "all.parquet").to_pylist()
    assert ecsv["zero_point"].unit == u.mag
    for line, plain, row in zip(said, ecsv, parquet, strict=True):
        assert line["path"] == plain["path"] == row["path"]
        if line["status"] == "failed":
            assert plain["mag"] is np.ma.masked
            assert row["mag"] is None
            assert plain["error_code"] == row["error_code"] == line["error"]["code"]
            continue
        for name in ("mag", "mag_err_total", "zero_point", "n_matched", "band", "mjd"):
            assert line[name] == row[name], name
            assert line[name] == (None if plain[name] is np.ma.masked else plain[name]), name
        assert [f["zero_point"] for f in line["fits"]] == [f["zero_point"] for f in row["fits"]]
    assert not list(night.parent.glob(".all*"))


def test_the_output_of_an_earlier_run_is_no_input(
    run: Run, practice: Path, words: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "lists"
    shutil.copytree(practice / "lists", folder)
    contents = []
    for _ in range(2):
        status, _, chatter = run("calibrate", folder, *words, "-o", folder / "all.ecsv", "--resume")
        assert status == 0, chatter
        contents.append((folder / "all.ecsv").read_bytes())
    assert contents[0] == contents[1]


def test_an_output_that_cannot_be_written_is_one_sentence(
    run: Run, night: Path, words: list[str]
) -> None:
    status, _, chatter = run("calibrate", night, *words, "-o", night / "nowhere" / "x.jsonl")
    assert status == 1
    assert "cannot be written" in chatter
    assert "Traceback" not in chatter


def test_a_worker_that_is_killed_costs_nothing(night: Path, job: Job) -> None:
    inputs = [Input(f.name, f, None) for f in sorted(night.glob("practice*"))]
    serial = [finished for _, finished in run_batch(inputs, ThisProcess(job))]
    done = []
    with closing(LocalWorkers(job, 2)) as workers:
        for n, (_, finished) in enumerate(run_batch(inputs, workers)):
            done.append(finished)
            if n == 0:
                os.kill(workers.pids()[-1], signal.SIGKILL)
    assert done == serial


def test_a_frame_that_kills_its_worker_is_one_failure(
    start: Start, night: Path, words: list[str]
) -> None:
    # a pipe nobody writes to holds the worker until we kill it, and the next one
    pipe = night.parent / "deadly.fits"
    os.mkfifo(pipe)
    good = sorted(night.glob("practice*.cat"))
    process = start(
        *("calibrate", good[0], pipe, good[1], *words, "--json", "--jobs", "1"),
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    for _ in range(2):
        _kill_reader(process.pid, pipe)
    answers = lines(first + process.stdout.read())
    process.stdout.close()
    assert process.wait(60) == 1
    assert [a["status"] for a in answers] == ["ok", "failed", "ok"]
    assert answers[1]["error"]["code"] == "worker_died"
    assert "signal 9" in answers[1]["error"]["message"]


def _kill_reader(parent: int, pipe: Path) -> None:
    """Wait until the only worker reads the pipe, and kill it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            writing = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.02)
            continue
        for pid in children_of(parent):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                while pid in children_of(parent):
                    time.sleep(0.02)
        os.close(writing)
        return
    raise AssertionError(f"nobody opens {pipe.name}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_goes_on(
    how: signal.Signals, start: Start, run: Run, night: Path, words: list[str], tmp_path: Path
) -> None:
    for frame in night.glob("practice*.fits"):
        frame.unlink()  # lists are quicker
    for n in range(3):  # other content each: the same stars, a comment more
        text = (night / "practice-01-r.cat").read_text()
        (night / f"more-{n}.cat").write_text(f"{text}# {n}\n")
    out = tmp_path / "out.jsonl"
    process = start("calibrate", night, *words, "--jobs", "1", "-o", out)
    journal = _wait_for_lines(tmp_path / "profile" / "batches", 3)
    process.send_signal(how)
    _, chatter = process.communicate(timeout=60)
    assert process.returncode == (-9 if how == signal.SIGKILL else 1)
    assert not out.exists()
    if how != signal.SIGKILL:
        assert "--resume goes on" in chatter
        assert not list(tmp_path.glob(".out*"))
    finished = journal.read_bytes().count(b"\n")
    with journal.open("ab") as file:
        file.write(b'{"key": "torn in the mid')
    before = journal.stat().st_size
    status, _, chatter = run("calibrate", night, *words, "--jobs", "2", "-o", out, "--resume")
    assert status == 1
    assert f"Going on: {finished} inputs were finished before." in chatter
    assert journal.stat().st_size > before  # the rest was added, nothing written twice
    assert journal.read_bytes().count(b"\n") == 7
    whole = tmp_path / "whole.jsonl"
    run("calibrate", night, *words, "--jobs", "1", "-o", whole)
    assert out.read_bytes() == whole.read_bytes()


def _wait_for_lines(folder: Path, count: int) -> Path:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in folder.glob("*.jsonl"):
            if file.read_bytes().count(b"\n") >= count:
                return file
        time.sleep(0.02)
    raise AssertionError("the journal does not grow")


def test_the_journal_knows_content_not_places(job: Job, night: Path, tmp_path: Path) -> None:
    file = night / "practice-01-r.cat"
    item = Input("first/practice-01-r.cat", file, None)
    finished = finish(item, job)
    with Journal(tmp_path / "j", job, resume=False) as journal:
        journal.add(item, finished)
    moved = tmp_path / "elsewhere" / file.name
    moved.parent.mkdir()
    shutil.copy(file, moved)
    changed = tmp_path / "changed" / file.name
    changed.parent.mkdir()
    changed.write_text(file.read_text() + "# more\n")
    with Journal(tmp_path / "j", job, resume=True) as journal:
        found = journal.find(Input("second/a.cat", moved, None))
        assert found is not None
        assert json.loads(found.answers[0].line) == {
            **json.loads(finished.answers[0].line),
            "path": "second/a.cat",
        }
        assert found.answers[0].sentence.startswith("second/a.cat: ")
        assert journal.find(Input("x", changed, None)) is None
        assert journal.find(Input("x", moved, 1)) is None
        with pytest.raises(CpcsError, match="same options"):
            Journal(tmp_path / "j", job, resume=True)


def test_the_digest_follows_everything_that_could_change_a_result(
    job: Job, practice: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    cache = tmp_path / "cache"
    shutil.copytree(practice / "cache", cache)
    copied = replace(job, survey_cache=str(cache))
    assert copied.digest() == job.digest()  # the stars count, not their folder
    shutil.rmtree(cache / "PS1")
    others = [
        copied,
        replace(job, match_radius_arcsec=3.0),
        replace(job, options=replace(job.options, comment="x")),
        replace(job, request="any/r"),
    ]
    assert len({job.digest(), *(o.digest() for o in others)}) == 5


def test_progress_on_a_terminal_names_rate_and_time_left(
    start: Start, night: Path, words: list[str]
) -> None:
    ours, theirs = pty.openpty()
    process = start("calibrate", night, *words, "--json", "--jobs", "1", stderr=theirs)
    os.close(theirs)
    said = b""
    out = process.stdout.read()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the last writer is gone
            break
        said += piece
    os.close(ours)
    process.wait(60)
    process.stdout.close()
    assert b"0/6" in said
    assert b" left" in said
    assert b"2 failed" in said
    assert len(lines(out)) == 6
