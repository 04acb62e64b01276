"""The column chooser: a list without names is asked about once, and its like never again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QLabel, QPushButton, QTableView

from cpcs_desktop.extract import extract_sources
from cpcs_desktop.io.reading import Reading
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.night_frame import FrameState
from cpcs_desktop.settings import load_settings
from cpcs_desktop.ui.column_chooser import ColumnChooser

CHOSEN = {"ra": "col2", "dec": "col3", "mag": "col4", "mag_err": "col5"}


@pytest.fixture
def nameless(practice: Path, tmp_path: Path) -> list[str]:
    """Two lists of the practice frames, columns of numbers and nothing else."""
    made = []
    for frame in sorted((practice / "frames").glob("*.fits")):
        stars = extract_sources(frame).sources()
        good = np.isfinite(stars.mag_inst)
        columns = [np.arange(len(stars)), stars.ra, stars.dec, stars.mag_inst, stars.mag_inst_err]
        path = tmp_path / f"57000.1234-{frame.stem}.txt"
        np.savetxt(path, np.c_[tuple(c[good] for c in columns)], fmt="%.6f")
        made.append(str(path))
    return made


def choose(dialog: ColumnChooser, driver: Any, quantity: str, name: str) -> None:
    """As from the keyboard: go to the box, type what it shows."""
    box = dialog.findChild(QComboBox, f"column-{quantity}")
    assert box is not None
    box.setFocus()
    driver.qtbot.keyClicks(box, name)


def test_a_nameless_list_is_asked_about_once(
    driver: Any,
    nameless: list[str],
    practice_truth: dict[str, Any],
    profile: Profile,
    open_window: Callable[[Profile], Any],
) -> None:
    bridge, window = driver.bridge, driver.window
    bridge.use_for_new_rows(practice_truth["event"], (practice_truth["ra"], practice_truth["dec"]))
    bridge.add(nameless[1:])
    driver.qtbot.waitUntil(lambda: bridge.frame.state is FrameState.FAILED, timeout=20_000)
    assert bridge.frame.error.code == "missing_column"
    button = driver.find(QPushButton, "chooseColumns")
    assert button.isVisible()
    driver.press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    driver.qtbot.waitUntil(lambda: window.findChild(ColumnChooser) is not None, timeout=10_000)
    dialog = window.findChild(ColumnChooser)
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    preview = dialog.findChild(QTableView, "columnPreview")
    assert preview.model().columnCount() == 5
    shown = float(preview.model().index(0, 1).data())
    assert shown == pytest.approx(practice_truth["ra"], abs=1)
    for quantity, name in CHOSEN.items():
        choose(dialog, driver, quantity, name)
    assert dialog.chosen == CHOSEN
    assert ok.isEnabled()
    driver.qtbot.keyClick(dialog.choices["dec"], Qt.Key.Key_Up)
    assert "twice" in dialog.findChild(QLabel, "columnComplaint").text()
    assert not ok.isEnabled()
    driver.qtbot.keyClick(dialog.choices["dec"], Qt.Key.Key_Down)
    driver.qtbot.keyClick(ok, Qt.Key.Key_Space)
    driver.qtbot.waitUntil(lambda: bridge.calibration is not None, timeout=30_000)
    driver.settle()
    assert not button.isVisible()
    assert bridge.calibration.measurement.mag == pytest.approx(practice_truth["mag"], abs=0.15)
    # the next list with the same columns asks for nothing, in a new window too
    driver.window.close()
    remembered = Reading.of(load_settings(profile))
    assert remembered.chosen(("col1", "col2", "col3", "col4", "col5")) == CHOSEN
    again = open_window(profile)
    again.bridge.use_for_new_rows(
        practice_truth["event"], (practice_truth["ra"], practice_truth["dec"])
    )
    again.bridge.add(nameless[:1])
    key = max(frame.key for frame in again.bridge.night.frames)
    again.settle()
    assert again.bridge.night.frame(key).state is FrameState.CALIBRATED


def test_a_choice_that_cannot_be_is_refused_in_the_dialog(
    driver: Any, nameless: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "same.txt"
    path.write_text("10.0 20.0 -9.0 0.01\n" * 5)
    driver.bridge.use_for_new_rows(None, (10.0, 20.0))
    driver.bridge.add([path])
    driver.qtbot.waitUntil(lambda: driver.bridge.frame.state is FrameState.FAILED, timeout=20_000)
    driver.find(QPushButton, "chooseColumns").click()
    driver.qtbot.waitUntil(lambda: driver.window.findChild(ColumnChooser) is not None)
    dialog = driver.window.findChild(ColumnChooser)
    for n, quantity in enumerate(CHOSEN, start=1):
        choose(dialog, driver, quantity, f"col{n}")
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    complaint = dialog.findChild(QLabel, "columnComplaint")
    driver.qtbot.waitUntil(lambda: "All positions" in complaint.text(), timeout=10_000)
    assert dialog.isVisible()
    dialog.reject()
