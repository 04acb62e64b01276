"""Fits follow while a control moves; what was not decided is as if it had never been."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from cpcs_desktop import pipeline
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.session.night_frame import Verdict


def drag_to(driver: Any, radius: float) -> None:
    slider = driver.window.calibrate.target_bar.radius_slider
    slider.setSliderDown(True)
    slider.setSliderPosition(round(radius * 10))


def n_matched(driver: Any) -> int:
    return int(max(len(m) for m in driver.bridge.calibration.matches.values()))


def test_dragging_the_radius_redraws_before_anything_is_decided(loaded: Any) -> None:
    bridge = loaded.bridge
    before, undo = bridge.calibration, bridge.night.undo_label
    drag_to(loaded, 0.5)
    loaded.qtbot.waitUntil(
        lambda: bridge.calibration.settings.match_radius_arcsec == 0.5, timeout=20_000
    )
    narrow = n_matched(loaded)
    assert bridge.frame.decisions.match_radius_arcsec == 2.0
    assert bridge.night.undo_label == undo
    drag_to(loaded, 6.0)
    loaded.qtbot.waitUntil(
        lambda: bridge.calibration.settings.match_radius_arcsec == 6.0, timeout=20_000
    )
    assert n_matched(loaded) >= narrow
    assert bridge.calibration is not before
    assert loaded.window.calibrate.fits.model.index(0).isValid()
    slider = loaded.window.calibrate.target_bar.radius_slider
    slider.setSliderDown(False)
    assert bridge.frame.decisions.match_radius_arcsec == 6.0
    loaded.settle()
    cold = pipeline.calibrate(
        bridge.exposure,
        bridge.calibration.target,
        _cache(loaded),
        event=bridge.frame.decisions.event,
        settings=bridge.calibration.settings,
    )
    assert bridge.calibration.chosen.zero_point == cold.chosen.zero_point
    loaded.press(Qt.Key.Key_U)
    assert bridge.frame.decisions.match_radius_arcsec == 2.0
    loaded.settle()
    assert bridge.calibration.chosen.zero_point == before.chosen.zero_point


def _cache(driver: Any) -> Any:
    from cpcs_desktop.surveys.cache import SurveyCache

    return SurveyCache(driver.bridge.profile.survey_cache)


def test_a_preview_is_close_to_the_cold_fit_of_the_same_radius(loaded: Any) -> None:
    calibration: Calibration = loaded.bridge.calibration
    warm = pipeline.rematch(calibration, 4.0, "AUTO")
    cold = pipeline.refit(warm, frozenset())
    by_band = {fit.band: fit for fit in cold.fits}
    for fit in warm.fits:
        if fit.status == "ok":
            other = by_band[fit.band]
            assert fit.zero_point == pytest.approx(
                other.zero_point, abs=0.05 * other.zero_point_err
            )
            assert fit.n_matched == other.n_matched


@pytest.mark.qt_log_ignore("plugin does not support", extend=True)
def test_the_band_under_the_mouse_is_shown_and_forgotten(loaded: Any) -> None:
    bridge, bar = loaded.bridge, loaded.window.calibrate.target_bar
    before = bridge.calibration
    other = next(f.band for f in before.fits if f.rank and f.band != before.choice.band)
    bar.band_box.showPopup()
    bar.band_box.highlighted.emit(bar.band_box.findText(other))
    loaded.qtbot.waitUntil(lambda: bridge.calibration.choice.band == other, timeout=20_000)
    assert bridge.frame.decisions.request == "no"
    assert other in loaded.window.calibrate.result.headline.text()
    bar.band_box.hidePopup()
    loaded.qtbot.waitUntil(lambda: bridge.calibration is before)


def test_pressing_a_kind_shows_it_and_leaving_the_button_goes_back(loaded: Any) -> None:
    bridge, bar = loaded.bridge, loaded.window.calibrate.target_bar
    before = bridge.calibration
    button = bar.kinds["APER"]
    loaded.qtbot.mousePress(button, Qt.MouseButton.LeftButton)
    loaded.qtbot.waitUntil(lambda: bridge.calibration.magnitude_kind == "APER", timeout=20_000)
    loaded.qtbot.mouseMove(button, QPoint(-50, -50))
    loaded.qtbot.mouseRelease(button, Qt.MouseButton.LeftButton, pos=QPoint(-50, -50))
    loaded.qtbot.waitUntil(lambda: bridge.calibration is before)
    assert bridge.frame.decisions.magnitude_kind == "AUTO"


def test_accepting_right_after_a_change_sends_what_was_asked_for(loaded: Any) -> None:
    bridge = loaded.bridge
    other = next(
        f.band
        for f in bridge.calibration.fits
        if f.rank and f.band != bridge.calibration.choice.band
    )
    loaded.window.calibrate.target_bar.band_box.setEditText(other)
    loaded.window.calibrate.target_bar._on_band()
    loaded.press(Qt.Key.Key_A)
    loaded.qtbot.waitUntil(
        lambda: bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
    )
    (kept,) = bridge.sending.submissions()
    assert kept.band == other
    QApplication.processEvents()
    loaded.settle()


def test_keys_on_the_slider_are_one_decision(loaded: Any) -> None:
    bridge, slider = loaded.bridge, loaded.window.calibrate.target_bar.radius_slider
    slider.setFocus()
    for _ in range(3):
        loaded.qtbot.keyClick(slider, Qt.Key.Key_Right)
    loaded.qtbot.waitUntil(
        lambda: bridge.frame.decisions.match_radius_arcsec == 2.3, timeout=10_000
    )
    assert "match radius 2.3" in bridge.night.undo_label
    loaded.settle()
