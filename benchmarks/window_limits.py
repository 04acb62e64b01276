"""The window against its limits, on a 4096 x 4096 frame and on a board of 500 rows.

    python benchmarks/window_limits.py [start] [stall] [pan] [board]

Limits (specification of the window): visible within 1.5 s of the start when warm, and no heavy
import before it; no block of the GUI thread above 50 ms while a frame is extracted and fitted; 60
frames a second or better while panning and zooming; 500 frames under 1 GiB, children counted. One
JSON line each. Works offscreen; what is drawn is drawn by the same raster engine as on X11.
Blocks are split by `stall_watch.py`; "ours" leaves out what other programs' load has caused.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

#: Between the window and the first frame dropped on it, s: nobody is quicker.
OBSERVER_S = 4.0
HEAVY = ("astropy", "scipy", "sep", "pyarrow", "requests", "pandas", "matplotlib", "keyring")
START = """
import sys, time
started = float(sys.argv[1])
from cpcs_desktop.garbage import collect_rarely
collect_rarely()
from PySide6.QtWidgets import QApplication
from PySide6.QtCore import QTimer
from cpcs_desktop.ui.app import Desktop, parser
app = QApplication([])
class Seen(Desktop):
    pass
desktop = Seen(app, parser().parse_args(["--profile", sys.argv[2]]))
heavy = [name for name in sys.argv[3:] if name in sys.modules]
app.processEvents()
print(time.time() - started, ",".join(heavy))
desktop.window.close()
"""


def tell(name: str, **numbers: Any) -> None:
    print(json.dumps({"benchmark": f"window_{name}"} | numbers), flush=True)


def start(folder: Path) -> None:
    """Time from the start of the interpreter to the first painted window."""
    times, heavy = [], ""
    for _ in range(6):
        # As installed programs do, with compiled modules; warm from the second start on.
        env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        words = [sys.executable, "-c", START, str(time.time()), str(folder / "start"), *HEAVY]
        answer = subprocess.run(
            words, env=env, capture_output=True, text=True, check=True
        ).stdout.split()
        times.append(float(answer[0]))
        heavy = answer[1] if len(answer) > 1 else ""
    warm = times[1:]
    tell("start", median_s=round(statistics.median(warm), 3), worst_s=round(max(warm), 3),
         limit_s=1.5, heavy_imports_before=heavy)  # fmt: skip


class Window:
    """A window on a profile, and a clock that notices when its thread was blocked."""

    def __init__(self, folder: Path, cache: Path) -> None:
        from PySide6.QtWidgets import QApplication

        from benchmarks.stall_watch import StallWatch
        from cpcs_desktop.profile import Profile
        from cpcs_desktop.ui.main_window import MainWindow
        from cpcs_desktop.ui.theme import THEMES, apply_theme

        self.app = QApplication.instance() or QApplication([])
        apply_theme(self.app, THEMES["dark"])
        self.window = MainWindow(Profile(folder, cache), keep_places=False)
        self.window.resize(1600, 1000)
        self.window.show()
        self.window.start()
        self.watch = StallWatch()

    def run(self, done: Callable[[], bool], seconds: float = 300.0) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        # Owned by the watch and deleted below: a running timer that the garbage collector meets in
        # another thread ends the program.
        loop = QEventLoop()
        poll = QTimer(self.watch)
        quiet = 0
        end = time.monotonic() + seconds

        def look() -> None:
            nonlocal quiet
            quiet = quiet + 1 if done() else 0
            if quiet > 3 or time.monotonic() > end:
                loop.quit()

        poll.timeout.connect(look)
        poll.start(50)
        loop.exec()
        poll.stop()
        poll.deleteLater()
        if time.monotonic() > end:
            raise TimeoutError("the window did not settle")

    def close(self) -> None:
        self.watch.stop()
        self.window.close()
        self.app.processEvents()


def large_night(folder: Path) -> tuple[Path, dict[str, Any]]:
    from cpcs_desktop.simulate.night import write_practice_night

    night = folder / "large"
    if not night.exists():
        write_practice_night(
            night, band="SDSS/r", stars=4000, size=(4096, 4096), n_frames=2, seed=3
        )
    truth = json.loads((night / "truth.json").read_text())
    return night, truth["frames/practice-02-r.fits"]


def stall(folder: Path) -> None:
    """Longest block of the GUI thread while two 4096 x 4096 frames are extracted and fitted."""
    night, told = large_night(folder)
    one = Window(folder / "stall", night / "cache")
    window = one.window
    window.bridge.use_for_new_rows(told["event"], (told["ra"], told["dec"]))
    opened = time.monotonic()
    one.run(lambda: time.monotonic() - opened > OBSERVER_S)
    idle = one.watch.numbers()
    one.watch.turns.clear()
    frames = sorted((night / "frames").glob("*.fits"))
    window.bridge.add([frames[0]])
    one.run(lambda: window.settled)
    first = one.watch.numbers()
    one.watch.turns.clear()
    begun = time.perf_counter()
    window.bridge.add([frames[1]])
    window.bridge.look_at(window.bridge.night.frames[1].key)
    one.run(lambda: window.settled)
    took = time.perf_counter() - begun
    second = one.watch.numbers()
    fit = window.bridge.shown_fit
    assert fit is not None
    clicks = []
    for n in range(20):
        begun = time.perf_counter()
        window.bridge.exclude([int(fit.source_row[n])])
        one.app.processEvents()
        clicks.append(time.perf_counter() - begun)
    bands = len(window.bridge.calibration.fits)
    one.run(lambda: window.settled)
    drags = [_drag(one, radius) for radius in (1.5, 2.5, 3.0, 4.0, 2.2)]
    window.bridge.work.end_preview()
    one.run(lambda: window.settled)
    tell("stall", **second, limit_ms=50, after_start_longest_ours_ms=idle["longest_ours_ms"],
         first_frame_longest_ms=first["longest_ms"],
         first_frame_longest_ours_ms=first["longest_ours_ms"], frame_to_result_s=round(took, 2),
         sources=window.bridge.frame.facts.n_sources, bands=bands,
         drag_to_redraw_median_s=round(statistics.median(drags), 2),
         click_median_ms=round(1e3 * statistics.median(clicks), 1),
         click_worst_ms=round(1e3 * max(clicks), 1))  # fmt: skip
    one.close()


def _drag(one: Window, radius: float) -> float:
    """Time until every fit has followed the match radius, s."""
    bridge = one.window.bridge
    begun = time.perf_counter()
    bridge.preview(match_radius_arcsec=radius)
    while bridge.calibration.settings.match_radius_arcsec != radius:
        one.app.processEvents()
    return time.perf_counter() - begun


def pan(folder: Path) -> None:
    """Frames a second while panning and zooming, every overlay on."""
    from PySide6.QtCore import QPointF

    night, _ = large_night(folder)
    one = Window(folder / "stall", night / "cache")
    window = one.window
    one.run(lambda: window.settled and window.bridge.calibration is not None)
    image = window.calibrate.image
    window.calibrate.docks["Result"].hide()
    window.calibrate.docks["Fits"].hide()
    window.calibrate.docks["Night"].hide()
    one.app.processEvents()
    answers: dict[str, Any] = {}
    for name, detections in (("usual", False), ("all_marks", True)):
        if detections:
            window.actions_by_name["detections"].trigger()
        for zoom, width in (("whole", 4096.0), ("quarter", 1024.0), ("near", 200.0)):
            times = []
            for n in range(60):
                begun = time.perf_counter()
                if n % 2:
                    image.box.translateBy(x=width / 200 * (1 if n % 4 == 1 else -1), y=width / 300)
                else:
                    image.box.scaleBy((0.98, 0.98) if n % 4 else (1 / 0.98, 1 / 0.98))
                image.canvas.viewport().repaint()
                times.append(time.perf_counter() - begun)
            middle = 1.0 / statistics.median(times)
            answers[f"{name}_{zoom}_fps"] = round(middle)
            image.box.setRange(xRange=(1500, 1500 + width), yRange=(1500, 1500 + width), padding=0)
        del zoom
        image.fit_view()
        image.box.centre_on(QPointF(2048, 2048))
    tell("pan", **answers, limit_fps=60, view=f"{image.canvas.width()}x{image.canvas.height()}")
    one.close()


def board(folder: Path) -> None:
    """Memory and step time with 500 rows on the board."""
    from astropy.io import fits

    from cpcs_desktop.simulate.night import write_practice_night

    night = folder / "many"
    if not night.exists():
        write_practice_night(night, band="SDSS/r", stars=300, size=(512, 512), n_frames=2, seed=4)
    told = json.loads((night / "truth.json").read_text())["frames/practice-02-r.fits"]
    copies = folder / "copies"
    copies.mkdir(exist_ok=True)
    with fits.open(night / "frames" / "practice-02-r.fits") as opened:
        header, pixels = opened[0].header.copy(), opened[0].data.copy()
    paths = []
    for n in range(500):
        path = copies / f"frame-{n:03d}.fits"
        if not path.exists():
            header["SERIAL"] = n  # another frame by content, of the same sky
            fits.writeto(path, pixels, header)
        paths.append(path)
    one = Window(folder / "board", night / "cache")
    window = one.window
    window.bridge.use_for_new_rows(told["event"], (told["ra"], told["dec"]))
    begun = time.perf_counter()
    window.bridge.add(paths)
    added = time.perf_counter() - begun
    memory: list[float] = []

    def look() -> bool:
        states = [f.state.value for f in window.bridge.night.frames]
        if "failed" in states:
            raise SystemExit(str(window.bridge.night.frames[states.index("failed")].error))
        done = states.count("calibrated")
        if done // 100 > len(memory):
            memory.append(_rss_mib() + sum(_children_mib()))
        return done == 500 and window.settled

    one.run(look, seconds=1800)
    steps = []
    for _ in range(40):
        begun = time.perf_counter()
        window.actions_by_name["next"].trigger()
        one.app.processEvents()
        steps.append(time.perf_counter() - begun)
    one.run(lambda: window.settled)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell("board", rows=500, rss_mib_every_100=[round(m) for m in memory], peak_mib=round(peak),
         children_mib=[round(m) for m in _children_mib()], limit_mib=1024, add_s=round(added, 2),
         step_median_ms=round(1e3 * statistics.median(steps), 1),
         longest_block_ms=one.watch.numbers()["longest_ms"])  # fmt: skip
    one.close()


def _rss_mib(process: int | str = "self") -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _children_mib() -> list[float]:
    """Memory of every child process that lives now."""
    tasks = Path("/proc/self/task").iterdir()
    children = [c for task in tasks for c in (task / "children").read_text().split()]
    return [_rss_mib(child) for child in children]


def main() -> None:
    # As installed programs do: modules compiled once, for this process and its children.
    if sys.dont_write_bytecode or sys.pycache_prefix is None:
        kept = str(Path(tempfile.gettempdir()) / "cpcs-window-limits")
        os.environ["PYTHONPYCACHEPREFIX"] = kept
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        raise SystemExit(subprocess.run([sys.executable, *sys.argv], check=False).returncode)
    wanted = sys.argv[1:] or ["start", "stall", "pan", "board"]
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            {"start": start, "stall": stall, "pan": pan, "board": board}[name](Path(folder))


if __name__ == "__main__":
    main()
