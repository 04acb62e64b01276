"""Files with several images, and frames that do not tell their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from cpcs_desktop.session.night_frame import FrameState, Verdict
from cpcs_desktop.ui.image_chooser import ImageChooser
from cpcs_desktop.ui.list_form import ListForm

MJD = 60950.82


def test_other_images_of_a_file_become_rows(
    driver: Any, frames: list[str], practice_truth: dict[str, Any], tmp_path: Path
) -> None:
    bridge, window = driver.bridge, driver.window
    images = [fits.PrimaryHDU()]
    for name, frame in zip(("SCI", "SCI2"), frames, strict=True):
        pixels, header = fits.getdata(frame, header=True)
        images.append(fits.ImageHDU(pixels, header, name=name))
    images.append(fits.ImageHDU(images[1].data * 0 + 1, name="MASK"))
    path = tmp_path / "mef.fits"
    fits.HDUList(images).writeto(path)
    bridge.use_for_new_rows(practice_truth["event"], (practice_truth["ra"], practice_truth["dec"]))
    bridge.add([path])
    driver.settle()
    driver.press(Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    driver.qtbot.waitUntil(lambda: window.findChild(ImageChooser) is not None, timeout=10_000)
    dialog = window.findChild(ImageChooser)
    assert {n: box.isChecked() for n, box in dialog.boxes.items()} == {1: True, 2: True, 3: False}
    dialog.boxes[1].click()
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    driver.settle()
    rows = bridge.night.frames
    assert [row.path for row in rows] == [str(path), f"{path}[2]"]
    assert [row.state for row in rows] == [FrameState.CALIBRATED] * 2
    assert rows[1].facts.hdu == 2
    assert rows[1].facts.mag == pytest.approx(practice_truth["mag"], abs=0.1)


def test_a_frame_without_date_exposure_and_filter_asks_when_it_is_accepted(
    driver: Any, frames: list[str], practice_truth: dict[str, Any], tmp_path: Path
) -> None:
    bridge, window = driver.bridge, driver.window
    pixels, header = fits.getdata(frames[1], header=True)
    for name in list(header):
        if name.startswith(("DATE", "MJD", "EXP", "FILTER", "TIME", "JD")):
            header.remove(name, ignore_missing=True)
    path = tmp_path / "untold.fits"
    fits.PrimaryHDU(pixels, header).writeto(path)
    bridge.use_for_new_rows(practice_truth["event"], (practice_truth["ra"], practice_truth["dec"]))
    bridge.add([path])
    driver.settle()
    assert bridge.frame.state is FrameState.CALIBRATED
    known = bridge.calibration.exposure.frame
    assert (known.mjd, known.exposure_s, known.filter_header) == (None, None, None)
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(lambda: window.findChild(ListForm) is not None)
    form = window.findChild(ListForm)
    form.mjd.setFocus()
    driver.qtbot.keyClicks(form.mjd, f"{MJD}")
    driver.qtbot.keyClicks(form.exposure, "120")
    form.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    driver.settle()
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(
        lambda: bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
    )
    (sent,) = bridge.sending.submissions()
    point = bridge.sending.accepted_point(sent)
    assert (point.mjd, point.exposure_s) == (MJD, 120.0)
