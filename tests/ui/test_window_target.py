"""PSF photometry and the curve of growth in the result panel."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox


def test_psf_is_asked_for_and_undone(loaded: Any, practice_truth: dict[str, Any]) -> None:
    before = loaded.bridge.calibration
    box: QCheckBox = loaded.find(QCheckBox, "psf")
    assert box.isEnabled()
    assert not box.isChecked()
    loaded.press(Qt.Key.Key_Y)
    loaded.qtbot.waitUntil(
        lambda: loaded.bridge.calibration.exposure.psf is not None, timeout=30_000
    )
    loaded.settle()
    found = loaded.bridge.calibration
    assert found.exposure.psf.refused is None
    assert found.measurement.mag == pytest.approx(practice_truth["mag"], abs=0.1)
    assert found.measurement.mag != before.measurement.mag
    assert "target by PSF" in loaded.window.calibrate.result.place.text()
    loaded.bridge.undo()
    loaded.settle()
    assert loaded.bridge.calibration.exposure.psf is None
    assert loaded.bridge.calibration.measurement == before.measurement
    assert not box.isChecked()


def test_the_curve_of_growth_is_drawn_when_asked(loaded: Any) -> None:
    pictures = loaded.window.calibrate.result.pictures
    assert pictures.growth is None  # nothing is made for those who do not look
    loaded.press(Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    loaded.qtbot.waitUntil(lambda: pictures.growth.curve is not None, timeout=10_000)
    curve = pictures.growth.curve
    assert "aperture" in pictures.growth.words.text()
    x, y = pictures.growth.share.getData()
    assert x[0] == 0.0
    assert y[-1] == pytest.approx(1.0)
    assert curve.target is not None
    loaded.bridge.step(-1)
    loaded.settle()
    loaded.qtbot.waitUntil(lambda: pictures.growth.curve is not curve, timeout=10_000)
