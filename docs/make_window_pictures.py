# ruff: noqa: INP001 - a program, not a package
"""Make the manual's pictures of the window by running the program on the practice night.

    python docs/make_window_pictures.py [FOLDER OF A REAL PAIR]

Works without a display. With the folder of a real pair (a list, its reference stars and
``check.json``) one more picture shows the fits of real stars, and nothing else of them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import AppSettings, ObservatorySettings, load_settings, save_settings
from cpcs_desktop.sync.light_curves import LightCurveCache
from cpcs_desktop.ui.main_window import MainWindow
from cpcs_desktop.ui.practice import make_practice_night, practice_profile
from cpcs_desktop.ui.recalibration_view import RecalibrationView
from cpcs_desktop.ui.theme import THEMES, apply_theme
from cpcs_desktop.wire import LightCurveAnswer, LightCurveRow

HERE = Path(__file__).parent / "pictures"
SERVER = "https://cpcs.example"
SIZE = (1400, 860)
VIEWS = ("board", "image", "fits", "stars", "result", "lightcurve", "events", "surveys", "outbox")


def wait(app: QApplication, done: Callable[[], bool], seconds: float = 90.0) -> None:
    """Run the program until something is done."""
    end = time.monotonic() + seconds
    quiet = 0
    while quiet < 5:
        app.processEvents()
        time.sleep(0.02)
        quiet = quiet + 1 if done() else 0
        if time.monotonic() > end:
            raise TimeoutError("the window did not settle")


def save(widget: QWidget, name: str) -> None:
    """Write one picture, packed as tightly as PNG can."""
    file = HERE / f"window-{name}.png"
    widget.grab().save(str(file), "PNG", 0)
    sys.stderr.write(f"{file.name} {file.stat().st_size // 1000} kB\n")


def others(profile: Profile, truth: dict[str, dict[str, float]]) -> None:
    """Put points of two other observatories into the cached light curve."""
    told = next(iter(truth.values()))
    rows = []
    for number, (name, fact) in enumerate(sorted(truth.items())):
        if not name.startswith("frames/") or fact["mag"] > 20:
            continue
        for place, shift in (("Ondřejov 0.65 m", 0.007), ("Suhora 0.6 m", -0.009)):
            rows.append(
                LightCurveRow(
                    id=f"00000000-0000-5000-8000-0000000{number:02d}{len(rows):03d}",
                    revision=1, kind="DETECTION", mjd=fact["mjd"] + shift,
                    mag=fact["mag"] + 0.02 * (-1) ** len(rows), mag_err=0.01, mag_err_total=0.025,
                    calib_err=0.02, band=str(fact["band"]), observatory=place,
                )
            )  # fmt: skip
    cache = LightCurveCache(profile.outbox_file, SERVER)
    cache.merge(LightCurveAnswer(event=str(told["event"]), cursor=1, rows=tuple(rows)), 0)
    cache.database.close()


def open_window(app: QApplication, profile: Profile, theme: str) -> MainWindow:
    """Open the window on a profile in a theme."""
    apply_theme(app, THEMES[theme])  # type: ignore[index]
    settings = load_settings(profile).model_copy(update={"theme": theme})
    window = MainWindow(profile, keep_places=False, settings=settings)
    window.resize(*SIZE)
    window.show()
    window.start()
    return window


def close(app: QApplication, window: MainWindow) -> None:
    """Close a window and let Qt clean up."""
    window.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    app.processEvents()


def dialogs(app: QApplication, window: MainWindow, theme: str) -> None:
    """Take pictures of the dialogs."""
    for name, show in (
        ("keys", window.show_keys),
        ("settings", window.show_settings),
        ("header", window.show_header),
        ("finder", window.show_finder),
    ):
        show()
        app.processEvents()
        dialog = next(d for d in window.findChildren(QDialog) if d.isVisible())
        app.processEvents()
        save(dialog, f"{theme}-{name}")
        dialog.close()
        app.processEvents()


def growth(app: QApplication, window: MainWindow, theme: str) -> None:
    """Take the result with the curve of growth, the target measured by PSF."""
    result = window.calibrate.result
    result.psf.click()
    wait(app, lambda: "by PSF" in result.place.text() and window.settled)
    result.pictures.turn()
    wait(
        app, lambda: result.pictures.growth is not None and result.pictures.growth.curve is not None
    )
    save(result, f"{theme}-growth")
    result.pictures.turn()
    result.psf.click()
    wait(app, lambda: "by PSF" not in result.place.text() and window.settled)


def point_views(app: QApplication, window: MainWindow, theme: str) -> None:
    """Take the views of an accepted point: its record, everything again, a light curve's nights."""
    view, desk, before = window.light_curve, window.desk, window.bridge.current
    window.show_tab("lightcurve")
    wait(app, lambda: window.settled)
    view.pick(next(mark for mark in view.marks if mark.how == "waiting"))
    desk.open_record(str(view.meant and view.meant.id))
    wait(app, lambda: desk.record is not None and window.settled)
    assert desk.record is not None
    desk.record.run_again()
    wait(app, lambda: desk.record is not None and "again" in desk.record.answer.text())
    save(desk.record, f"{theme}-record")
    desk.record.close()
    desk.recalibrate()
    again = window.findChild(RecalibrationView)
    again.start()
    wait(app, again.go.isEnabled)
    save(again, f"{theme}-recalibration")
    again.close()
    window.bridge.look_at(before)
    window.show_tab("calibrate")
    wait(app, lambda: window.settled)


def night(app: QApplication, folder: Path) -> None:
    """Take every view of the practice night in every theme."""
    frames = make_practice_night(Profile(folder, folder / "surveys"))
    profile = practice_profile(Profile(folder, folder / "surveys"))
    place = ObservatorySettings(name="Practice", longitude=14.8, latitude=49.9, altitude_m=530)
    save_settings(
        profile, AppSettings(server_url=SERVER, observatory=place, observers=("A. Observer",))
    )
    others(profile, json.loads((profile.folder / "truth.json").read_text()))
    window = open_window(app, profile, "dark")
    window.bridge.add(frames)
    wait(app, lambda: window.settled)
    for key in [frame.key for frame in window.bridge.night.frames][1:4]:
        window.bridge.look_at(key)
        wait(app, lambda: window.settled)
        window.bridge.accepting.accept()
        wait(app, lambda: window.settled)
    window.bridge.look_at(window.bridge.night.frames[4].key)
    wait(app, lambda: window.settled)
    fit = window.bridge.shown_fit
    assert fit is not None
    worst = fit.source_row[fit.membership.argsort()[:3]].tolist()
    window.bridge.exclude(worst[:2])
    wait(app, lambda: window.settled)
    window.bridge.select([int(fit.source_row[fit.mag_inst.argsort()[4]])])
    close(app, window)
    for theme in ("dark", "light", "night"):
        window = open_window(app, profile, theme)
        wait(app, lambda w=window: w.settled and w.bridge.calibration is not None)
        window.bridge.select(worst[2:])
        save(window, theme)
        for view in VIEWS:
            widget = window.view(view)
            wait(app, lambda w=window: w.settled and (w.surveys.ready or not w.surveys.isVisible()))
            save(widget, f"{theme}-{view}")
            window.show_tab("calibrate")
            window.calibrate.docks["Fits"].raise_()
        point_views(app, window, theme)
        if theme == "dark":
            growth(app, window, theme)
            dialogs(app, window, theme)
        close(app, window)


def first_start(app: QApplication, folder: Path) -> None:
    """Take the empty night and the large text."""
    window = open_window(app, Profile(folder, folder / "surveys"), "dark")
    wait(app, lambda: window.settled)
    save(window, "first-start")
    close(app, window)


def large_text(app: QApplication, folder: Path) -> None:
    """Take the practice night at 200 % text."""
    window = open_window(app, practice_profile(Profile(folder, folder / "surveys")), "light")
    window.bridge.settings = window.bridge.settings.model_copy(update={"text_percent": 200})
    window.use_looks()
    wait(app, lambda: window.settled and window.bridge.calibration is not None)
    save(window, "large-text")
    close(app, window)


def real_pair(app: QApplication, folder: Path, pair: Path) -> None:
    """Take the fits of a real list, and nothing else of it."""
    from cpcs_desktop.surveys.cache import SurveyCache

    check = json.loads((pair / "check.json").read_text())
    profile = Profile(folder, folder / "surveys")
    cache = SurveyCache(profile.survey_cache)
    for key, (name, columns) in check["surveys"].items():
        read = None if columns is None else json.loads((pair / columns).read_text())
        cache.import_files(key, [pair / name], read)
    window = open_window(app, profile, "dark")
    window.bridge.use_for_new_rows(None, tuple(check["target"]))
    window.bridge.add([pair / check["input"]])
    key = window.bridge.night.frames[0].key
    window.bridge.set_times(key, check["mjd"], check["exposure_s"])
    wait(app, lambda: window.settled and bool(window.bridge.night.frames))
    save(window.view("fits"), "real-fits")
    close(app, window)


def main() -> None:
    """Make all pictures."""
    app = QApplication([])
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        first_start(app, Path(folder) / "first")
        night(app, Path(folder) / "night")
        large_text(app, Path(folder) / "night")
        if len(sys.argv) > 1:
            real_pair(app, Path(folder) / "real", Path(sys.argv[1]))


if __name__ == "__main__":
    main()
