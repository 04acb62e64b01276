"""A watched folder: half-written files, renames, duplicates, a disk that goes and comes back."""

from __future__ import annotations

import gzip
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cpcs_desktop.batch.arrivals import GIVE_UP_S, Arrivals
from cpcs_desktop.batch.folder_watch import FolderWatch
from cpcs_desktop.batch.wholeness import is_whole
from cpcs_desktop.cli.progress import ended_by_signals, uninterrupted
from tests.batch.conftest import Start


def arrive(arrivals: Arrivals, *paths: Path, now: float) -> list[str]:
    for path in paths:
        arrivals.heard_of(path, now)
    return [path.name for path in arrivals.at_rest(now)]


def test_a_growing_file_is_waited_for(tmp_path: Path, practice: Path) -> None:
    whole = (practice / "frames" / "practice-01-r.fits").read_bytes()
    file = tmp_path / "a.fits"
    arrivals = Arrivals(quiet_s=2.0)
    file.write_bytes(b"")
    assert arrive(arrivals, file, now=0.0) == []
    assert arrive(arrivals, now=10.0) == []  # empty files are not whole however quiet
    file.write_bytes(whole[: len(whole) // 2])
    assert arrive(arrivals, file, now=11.0) == []
    assert arrive(arrivals, now=30.0) == []  # quiet, but its header promises more
    file.write_bytes(whole)
    assert arrive(arrivals, now=31.0) == []
    assert arrive(arrivals, now=32.9) == []
    assert arrive(arrivals, now=33.1) == ["a.fits"]
    assert arrive(arrivals, file, now=60.0) == []


def test_a_file_that_stays_half_is_given_on_in_the_end(tmp_path: Path, practice: Path) -> None:
    whole = (practice / "frames" / "practice-01-r.fits").read_bytes()
    file = tmp_path / "a.fits"
    file.write_bytes(whole[:-3000])
    arrivals = Arrivals(quiet_s=2.0)
    assert arrive(arrivals, file, now=0.0) == []
    assert arrive(arrivals, now=GIVE_UP_S - 1) == []
    assert arrive(arrivals, now=GIVE_UP_S + 1) == ["a.fits"]


def test_names_and_contents(tmp_path: Path, practice: Path) -> None:
    source = practice / "lists" / "practice-01-r.cat"
    arrivals = Arrivals(quiet_s=1.0)
    part = tmp_path / "a.cat.part"
    shutil.copy(source, part)
    shutil.copy(source, tmp_path / ".hidden.cat")
    assert arrive(arrivals, part, tmp_path / ".hidden.cat", now=0.0) == []
    assert arrive(arrivals, now=5.0) == []
    done = part.rename(tmp_path / "a.cat")
    assert arrive(arrivals, done, now=6.0) == []
    assert arrive(arrivals, now=7.5) == ["a.cat"]
    copy = shutil.copy(source, tmp_path / "b.cat")
    assert arrive(arrivals, Path(copy), now=8.0) == []
    assert arrive(arrivals, now=10.0) == []  # the same content
    done.write_text(done.read_text() + "# better\n")
    assert arrive(arrivals, done, now=11.0) == []
    assert arrive(arrivals, now=13.0) == ["a.cat"]  # other content under a known name


def test_wholeness(tmp_path: Path, practice: Path) -> None:
    frame = (practice / "frames" / "practice-01-r.fits").read_bytes()
    text = (practice / "lists" / "practice-01-r.cat").read_bytes()
    packed = gzip.compress(frame, 1)
    file = tmp_path / "x"
    for content, end, expected in (
        (frame, len(frame), True),
        (frame, len(frame) - 5000, False),
        (frame, 100, False),
        (packed, len(packed), True),
        (packed, len(packed) - 20, False),
        (text, len(text), True),
        (text, len(text) - 7, False),
        (gzip.compress(text), 10**9, True),
    ):
        file.write_bytes(content[:end])
        assert is_whole(file) is expected, (content[:10], end)


def test_thousands_of_old_files_come_once_each_and_quickly(tmp_path: Path) -> None:
    for n in range(3000):
        (tmp_path / f"{n:04}.cat").write_text(f"# {n}\n")
    arrivals = Arrivals(quiet_s=0.1)
    start = time.process_time()
    with FolderWatch(tmp_path, arrivals, every_s=0.05) as watch:
        found: list[Path] = []
        deadline = time.monotonic() + 60
        while len(found) < 3000 and time.monotonic() < deadline:
            found += watch.take(timeout=0.5)
    assert len(found) == len(set(found)) == 3000
    assert time.process_time() - start < 15


def test_old_files_may_be_left_alone(tmp_path: Path) -> None:
    (tmp_path / "old.cat").write_text("# old\n")
    with FolderWatch(tmp_path, Arrivals(0.05), every_s=0.05, old=False) as watch:
        (tmp_path / "new.cat").write_text("# new\n")
        assert [p.name for p in watch.take(timeout=20)] == ["new.cat"]
        assert watch.take(timeout=0.5) == []


@pytest.mark.parametrize("poll", [False, True])
def test_a_disk_that_disappears_and_comes_back(tmp_path: Path, poll: bool) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    (disk / "sub").mkdir(parents=True)
    states: queue.SimpleQueue[str] = queue.SimpleQueue()
    watch = FolderWatch(disk, Arrivals(0.05), every_s=0.05, poll=poll, told=states.put)
    with watch:
        assert states.get(timeout=20) == "present"
        (disk / "sub" / "1.cat").write_text("# 1\n")
        assert [p.name for p in watch.take(timeout=20)] == ["1.cat"]
        disk.rename(away)
        assert states.get(timeout=20) == "gone"
        (away / "2.cat").write_text("# 2\n")
        away.rename(disk)
        assert states.get(timeout=20) == "present"
        assert [p.name for p in watch.take(timeout=20)] == ["2.cat"]
        (disk / "sub" / "3.cat").write_text("# 3\n")
        assert [p.name for p in watch.take(timeout=20)] == ["3.cat"]
    assert not [t for t in threading.enumerate() if t.name == "folder-watch"]


def test_a_watch_does_not_go_blind_in_silence(tmp_path: Path) -> None:
    def broken(path: Path, size: int, mtime_ns: int) -> bool:
        raise LookupError(path.name)

    (tmp_path / "a.cat").write_text("# a\n")
    with FolderWatch(tmp_path, Arrivals(0.05, broken), every_s=0.05) as watch:
        time.sleep(2.0)
        with pytest.raises(LookupError, match=r"a\.cat"):
            watch.take()


class Watcher:
    """``cpcs watch`` as an observer leaves it running; its lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.chatter: list[str] = []
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._hear)]
        for thread in self.threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def _hear(self) -> None:
        assert self.process.stderr is not None
        self.chatter += self.process.stderr

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        for thread in self.threads:
            thread.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return status


@pytest.fixture
def camera(tmp_path: Path, practice: Path) -> Path:
    folder = tmp_path / "camera"
    folder.mkdir()
    shutil.copy(practice / "lists" / "practice-01-r.cat", folder / "old.cat")
    return folder


@pytest.fixture
def watchers() -> Iterator[list[Watcher]]:
    started: list[Watcher] = []
    yield started
    for watcher in started:
        if watcher.process.poll() is None:
            watcher.end()


def test_watch_calibrates_what_arrives_and_ends_cleanly(
    start: Start, camera: Path, practice: Path, words: list[str], watchers: list[Watcher]
) -> None:
    line = ["watch", camera, *words, "--json", "--quiet", "0.3"]
    watcher = Watcher(start(*line))
    watchers.append(watcher)
    first = watcher.lines.get(timeout=60)
    assert (first["path"], first["status"]) == (f"{camera}/old.cat", "ok")
    whole = (practice / "frames" / "practice-02-r.fits").read_bytes()
    part = camera / "frame.fits.part"
    with part.open("wb") as file:  # as cameras write: in pieces, renamed at the end
        for n in range(0, len(whole), 500_000):
            file.write(whole[n : n + 500_000])
            file.flush()
            time.sleep(0.1)
    part.rename(camera / "frame.fits")
    (camera / "frame-copy.fits").write_bytes(whole)
    second = watcher.lines.get(timeout=60)
    assert second["status"] == "ok"
    (camera / "letter.fits").write_text("no frame\n")
    third = watcher.lines.get(timeout=60)
    assert third["error"]["code"] == "not_fits"
    assert watcher.lines.empty()  # the copy is the same frame
    assert watcher.end() == 1  # one input failed
    assert "No longer watching" in watcher.chatter[-1]
    assert "2 calibrated, 1 failed" in watcher.chatter[-1]
    assert not [c for c in watcher.chatter if "Traceback" in c]
    again = Watcher(start(*line))
    watchers.append(again)
    shutil.copy(practice / "lists" / "practice-02-r.cat", camera / "late.cat")
    assert again.lines.get(timeout=60)["path"].endswith("late.cat")  # and nothing before it
    assert again.end() == 0


def test_watch_submits_into_the_outbox(
    start: Start,
    camera: Path,
    practice: Path,
    practice_truth: dict[str, Any],
    words: list[str],
    watchers: list[Watcher],
    run: Callable[..., tuple[int, str, str]],
) -> None:
    event = "ivo://example/watch#1"
    place = ["--ra", str(practice_truth["ra"]), "--dec", str(practice_truth["dec"])]
    assert run("event", "add", event, *place)[0] == 0
    for name in list(camera.iterdir()):
        name.unlink()
    watcher = Watcher(start("watch", camera, "--event", "auto", *words[2:], "--json", "--submit"))
    watchers.append(watcher)
    os.link(practice / "frames" / "practice-02-r.fits", camera / "a.fits")
    line = watcher.lines.get(timeout=60)
    assert line["event"] == event
    assert line["submission"]["state"] == "WAITING"
    assert watcher.end() == 0
    _, out, _ = run("queue", "list", "--json")
    assert [json.loads(row)["point_id"] for row in out.splitlines()] == [
        line["submission"]["point_id"]
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_until_what_was_told_is_written_down(number: int) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), ended_by_signals(), uninterrupted():  # noqa: PT012
        os.kill(os.getpid(), number)
        time.sleep(0.05)
        done.append("written down")
    assert done == ["written down"]
