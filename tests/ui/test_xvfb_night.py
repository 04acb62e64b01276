"""A person's night: a real window under Xvfb, driven by mouse and keys from outside.

Three frames and a list are dropped, a star is taken out by a click in the plot, the band is
forced, the point accepted with the network gone; the program is killed and opened again; the
network comes back and the point is stored and in the light curve.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import AppSettings, ObservatorySettings, save_settings
from cpcs_desktop.sync.events import EventList
from tests.practice import free_port, new_key, running_server

__all__ = ["free_port", "new_key", "running_server"]

TOOLS = ("Xvfb", "xdotool")
pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS),
    reason="needs Xvfb and xdotool (Debian packages xvfb, xdotool)",
)
#: What the window is asked to tell of itself; see below.
PROBE = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QTimer, QPointF
from PySide6.QtWidgets import QApplication
from cpcs_desktop.ui import app as program

out = Path(sys.argv[1])
class Told(program.Desktop):
    def __init__(self, *words):
        super().__init__(*words)
        self.timer = QTimer()
        self.timer.timeout.connect(self.tell)
        self.timer.start(100)
    def tell(self):
        w = self.window
        b, plot = w.bridge, w.calibrate.fits.plot
        spots = []
        fit = b.shown_fit
        if fit is not None:
            box = plot.main_box
            for x, y, row in zip(fit.mag_inst, fit.mag_ref, fit.source_row):
                at = box.mapViewToScene(QPointF(x, y))
                p = plot.canvas.mapToGlobal(plot.canvas.mapFromScene(at))
                spots.append([p.x(), p.y(), int(row)])
        state = {
            "settled": w.settled,
            "rows": [[f.path, f.state.value, f.decisions.verdict.value] for f in b.night.frames],
            "current": None if b.frame is None else b.frame.path,
            "excluded": [] if b.frame is None else sorted(b.frame.decisions.excluded),
            "band": None if b.frame is None else b.frame.facts.band,
            "request": None if b.frame is None else b.frame.decisions.request,
            "shown": None if fit is None else fit.band,
            "outbox": [s.state.value for s in b.sending.submissions()],
            "curve": [] if b.frame is None or b.frame.decisions.event is None else
                     [p.id for p in b.sending.light_curve(b.frame.decisions.event).points],
            "spots": spots, "title": w.windowTitle(),
            "active": w.isActiveWindow(),
        }
        part = out.with_suffix(".part"); part.write_text(json.dumps(state)); part.replace(out)
program.Desktop = Told
raise SystemExit(program.main(sys.argv[2:]))
"""


class Person:
    """Mouse, keys and eyes on one X display."""

    def __init__(self, display: str, folder: Path, profile: Path) -> None:
        self.env = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self.env.pop("CPCS_PROFILE", None)
        self.folder = folder
        self.profile = profile
        self.told = folder / "told.json"
        self.program: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Open the window."""
        self.told.unlink(missing_ok=True)
        command = [sys.executable, "-c", PROBE, str(self.told), "--profile", str(self.profile)]
        self.program = subprocess.Popen([*command, *words], env=self.env)
        self.until(lambda s: s["title"] != "", 60)
        self.tool("search", "--sync", "--onlyvisible", "--name", "CPCS Desktop", "windowfocus")

    def tool(self, *words: str) -> None:
        """Run xdotool."""
        subprocess.run(["xdotool", *words], env=self.env, check=True, capture_output=True)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.tool("key", key)
            time.sleep(0.15)

    def click(self, x: int, y: int) -> None:
        """Click a place of the screen."""
        self.tool("mousemove", str(x), str(y))
        time.sleep(0.1)
        self.tool("click", "1")

    def until(self, good: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """Wait until the window shows something; return what it tells of itself."""
        end = time.monotonic() + seconds
        state: dict[str, Any] = {}
        while time.monotonic() < end:
            assert self.program is None or self.program.poll() is None, "the program has ended"
            if self.told.exists():
                state = json.loads(self.told.read_text())
                if good(state):
                    return state
            time.sleep(0.1)
        state.pop("spots", None)
        raise AssertionError(f"not seen within {seconds:g} s: {state}")

    def kill(self) -> None:
        """End the program without a word."""
        assert self.program is not None
        self.program.send_signal(signal.SIGKILL)
        self.program.wait()


@pytest.fixture
def display() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1500x950x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    number = os.read(read, 20).decode().strip()
    yield f":{number}"
    server.terminate()
    server.wait()
    os.close(read)  # not before: it writes there more than once


def stored(profile: Path) -> list[str]:
    """States in the outbox, read from the file itself."""
    with sqlite3.connect(profile / "outbox.sqlite") as db:
        return [row[0] for row in db.execute("SELECT state FROM submissions")]


@pytest.mark.timeout(400)
def test_a_night_at_the_telescope(
    display: str,
    tmp_path: Path,
    practice: Path,
    practice_truth: dict[str, Any],
    free_port: int,
    new_key: Callable[[Path], str],
    running_server: Callable[[Path, int], AbstractContextManager[str]],
) -> None:
    home = tmp_path / "profile"
    profile = Profile(home, practice / "cache")
    key = new_key(tmp_path / "server")
    url = f"http://127.0.0.1:{free_port}"
    save_settings(
        profile, AppSettings(server_url=url, observatory=ObservatorySettings(name="Test Dome"))
    )
    (home / "access-key").touch(mode=0o600)
    events = EventList(profile.outbox_file)
    events.add(Event(practice_truth["event"], practice_truth["ra"], practice_truth["dec"]))
    events.database.close()
    third = tmp_path / "third.fits"
    shutil.copy(practice / "frames" / "practice-02-r.fits", third)
    with third.open("ab") as file:
        file.write(b"\0" * 2880)  # another file by content, the same sky
    inputs = [
        str(practice / "frames" / "practice-01-r.fits"),
        str(practice / "frames" / "practice-02-r.fits"),
        str(third),
        str(practice / "lists" / "practice-02-r.cat"),
    ]
    person = Person(display, tmp_path, home)
    person.env["CPCS_ACCESS_KEY"] = key
    words = ["--cache", str(practice / "cache")]
    try:
        person.start(*words, *inputs)
        state = person.until(
            lambda s: len(s["rows"]) == 4 and all(r[1] == "calibrated" for r in s["rows"][:3]), 120
        )
        person.press("j")
        state = person.until(lambda s: s["current"] == inputs[1] and s["spots"] and s["settled"])
        x, y, _ = state["spots"][len(state["spots"]) // 2]
        person.click(x, y)
        state = person.until(lambda s: len(s["excluded"]) == 1)
        person.press("u")
        person.until(lambda s: s["excluded"] == [])
        person.press("shift+u")
        excluded = person.until(lambda s: len(s["excluded"]) == 1)["excluded"]
        person.press("bracketright")
        other = person.until(lambda s: s["shown"] != state["band"])["shown"]
        person.press("f")
        person.until(lambda s: s["request"] == other and s["band"] == other and s["settled"])
        person.press("a")
        person.until(lambda s: s["rows"][1][2] == "accepted")
        person.press("s")  # nobody listens yet
        person.kill()
        assert stored(home) in (["WAITING"], ["SENDING"])

        person.start(*words)
        state = person.until(lambda s: len(s["rows"]) == 4 and s["settled"], 90)
        assert state["current"] == inputs[1]
        assert state["excluded"] == excluded
        assert state["request"] == other
        assert state["rows"][1][2] == "accepted"
        with running_server(tmp_path / "server", free_port):
            person.press("s")
            state = person.until(lambda s: s["outbox"] == ["STORED"] and s["curve"], 90)
            assert len(state["curve"]) == 1
            person.press("ctrl+2")
            person.press("ctrl+q")
            assert person.program is not None
            assert person.program.wait(20) == 0
    finally:
        if person.program is not None and person.program.poll() is None:
            person.kill()
