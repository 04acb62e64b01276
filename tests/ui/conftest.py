"""A real window on a real profile; nothing may outlive a test."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import load_settings
from cpcs_desktop.ui.main_window import MainWindow
from cpcs_desktop.ui.theme import THEMES, apply_theme
from tests.practice import practice, practice_truth

__all__ = ["practice", "practice_truth"]


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread, timer or top-level widget of ours may be left behind."""
    before = set(threading.enumerate())
    yield
    app = QApplication.instance()
    if app is None:
        return
    app.sendPostedEvents(None, 52)  # DeferredDelete
    app.processEvents()
    left = [
        t.name
        for t in threading.enumerate()
        if t not in before and t.name.startswith("cpcs-") and t.is_alive()
    ]
    assert not left, f"threads left behind: {left}"
    if any(isinstance(w, MainWindow) for w in QApplication.topLevelWidgets()):
        gc.collect()
    widgets = [
        w.objectName() or type(w).__name__
        for w in QApplication.topLevelWidgets()
        if w.isVisible() or isinstance(w, MainWindow)
    ]
    assert not widgets, f"widgets left behind: {widgets}"


@pytest.fixture
def profile(tmp_path: Path, practice: Path) -> Profile:
    """An empty profile beside the survey cache of the practice night."""
    return Profile(tmp_path / "profile", practice / "cache")


class Driver:
    """Does with the window what a person would do."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot = qtbot
        self.window = window

    @property
    def bridge(self) -> Any:
        return self.window.bridge

    def settle(self, timeout: int = 60_000) -> None:
        """Wait until all work is done and drawn."""
        quiet = 0

        def still() -> bool:
            nonlocal quiet
            quiet = quiet + 1 if self.window.settled else 0
            return quiet > 3

        self.qtbot.waitUntil(still, timeout=timeout)

    def press(self, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is."""
        self.qtbot.keyClick(QApplication.focusWidget() or self.window, key, modifier)

    def click_plot(
        self, canvas: Any, box: pg.ViewBox, x: float, y: float, modifier: Any = None
    ) -> None:
        """Click a place of a plot, in its own units, with the real mouse events."""
        at = canvas.mapFromScene(box.mapViewToScene(QPointF(x, y)))
        self.qtbot.mouseMove(canvas.viewport(), at)
        self.qtbot.mouseClick(
            canvas.viewport(),
            Qt.MouseButton.LeftButton,
            modifier or Qt.KeyboardModifier.NoModifier,
            at,
        )
        QApplication.processEvents()

    def find(self, kind: type[QWidget], name: str) -> Any:
        """Return a widget by its object name."""
        found = self.window.findChild(kind, name)
        assert found is not None, name
        return found


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Callable[[Profile], Driver]]:
    """Return a function that opens a window on a profile; all are closed at the end."""
    opened: list[MainWindow] = []

    def make(profile: Profile) -> Driver:
        settings = load_settings(profile)
        app = QApplication.instance()
        looks = (settings.theme, settings.text_percent)
        if app.property("looks") != looks:
            apply_theme(app, THEMES[settings.theme], settings.text_percent)
            app.setProperty("looks", looks)
        window = MainWindow(profile, keep_places=False)
        window.resize(1500, 920)
        window.bridge.changed.connect(lambda c: c.settings and app.setProperty("looks", None))
        window.show()
        window.start()
        qtbot.waitExposed(window)
        opened.append(window)
        return Driver(qtbot, window)

    yield make
    for window in opened:
        try:
            window.close()
        except RuntimeError:
            continue  # closed by the test itself


@pytest.fixture
def driver(open_window: Callable[[Profile], Driver], profile: Profile) -> Driver:
    """An empty night in a window."""
    return open_window(profile)


@pytest.fixture
def frames(practice: Path) -> list[str]:
    """The two frames of the practice night: a limit, then the outburst."""
    return [str(p) for p in sorted((practice / "frames").glob("*.fits"))]


@pytest.fixture(scope="session")
def worked_profile(
    tmp_path_factory: pytest.TempPathFactory, practice: Path, practice_truth: dict[str, Any]
) -> Path:
    """A profile whose night holds both frames, measured and calibrated by the pipeline."""
    from cpcs_desktop import pipeline
    from cpcs_desktop.datamodel.settings import ExtractionSettings, settings_digest
    from cpcs_desktop.session.exposure_store import ExposureStore
    from cpcs_desktop.session.fitting import fit_frame
    from cpcs_desktop.session.night import Night
    from cpcs_desktop.session.night_frame import Decisions

    folder = tmp_path_factory.mktemp("worked")
    made = Profile(folder, practice / "cache")
    night = Night(made)
    store = ExposureStore(made.exposure_folder, settings_digest(ExtractionSettings()))
    place = (practice_truth["ra"], practice_truth["dec"])
    decisions = Decisions(event=practice_truth["event"], target=place)
    paths = [str(p) for p in sorted((practice / "frames").glob("*.fits"))]
    night.add(paths, decisions)
    for frame in night.frames:
        exposure = pipeline.load_exposure(frame.path)
        store.put(exposure)
        night.extracted(frame.key, exposure)
        night.calibrated(frame.key, fit_frame(exposure, decisions, made.survey_cache))
        night.look_at(frame.key)
    night.close()
    return folder


@pytest.fixture
def loaded(
    profile: Profile, worked_profile: Path, open_window: Callable[[Profile], Driver]
) -> Driver:
    """A window with both frames calibrated, the second one looked at."""
    shutil.copytree(worked_profile, profile.folder)
    driver = open_window(profile)
    driver.qtbot.waitUntil(lambda: driver.bridge.calibration is not None, timeout=60_000)
    driver.settle()
    return driver
