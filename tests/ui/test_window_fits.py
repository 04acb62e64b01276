"""Seeing and touching the fit: a click takes a star out and every fit follows."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPolygonF

from cpcs_desktop import pipeline
from cpcs_desktop.session.night_frame import FrameState
from cpcs_desktop.ui.fit_plot import AGAINST


def test_frames_are_calibrated_to_the_truth(driver, frames, practice_truth) -> None:
    place = (practice_truth["ra"], practice_truth["dec"])
    driver.bridge.use_for_new_rows(practice_truth["event"], place)
    driver.bridge.add(frames)
    driver.settle()
    limit, found = driver.bridge.night.frames
    assert [limit.state, found.state] == [FrameState.CALIBRATED] * 2
    assert limit.is_limit
    assert not found.is_limit
    assert found.facts.mag == pytest.approx(practice_truth["mag"], abs=0.05)
    assert found.thumbnail.startswith(b"\x89PNG")


def test_click_excludes_a_star_and_all_fits_follow(loaded) -> None:
    bridge, plot = loaded.bridge, loaded.window.calibrate.fits.plot
    before = bridge.calibration
    fit = bridge.shown_fit
    star = int(np.argmax(np.where(fit.membership > 0.9, fit.mag_inst, -99.0)))
    loaded.click_plot(plot.canvas, plot.main_box, fit.mag_inst[star], fit.mag_ref[star])
    row = int(fit.source_row[star])
    assert bridge.night.frame(bridge.current).decisions.excluded == {row}
    # at once: the warm fit is there before any background work could have answered
    warm = bridge.calibration
    assert warm.excluded == {row}
    touched = [f.band for f in warm.fits if row in f.source_row[f.excluded]]
    assert len(touched) > 3
    for band in touched:
        assert warm.fit_of(band).n_used != before.fit_of(band).n_used
    loaded.settle()
    cold = pipeline.refit(before, frozenset({row}))
    shown = bridge.calibration
    assert shown.chosen.zero_point == cold.chosen.zero_point
    assert bridge.frame.facts.zero_point == cold.chosen.zero_point


def test_a_second_click_restores(loaded) -> None:
    bridge, plot = loaded.bridge, loaded.window.calibrate.fits.plot
    fit = bridge.shown_fit
    zero_point = bridge.frame.facts.zero_point
    row = int(fit.source_row[3])
    for excluded in ({row}, set()):
        loaded.click_plot(plot.canvas, plot.low_box, fit.mag_ref[3], fit.residual[3])
        assert bridge.frame.decisions.excluded == excluded
        loaded.settle()
    assert bridge.frame.facts.zero_point == zero_point


def test_undo_and_redo_by_key(loaded) -> None:
    bridge = loaded.bridge
    row = int(bridge.shown_fit.source_row[5])
    bridge.exclude([row])
    loaded.press(Qt.Key.Key_U)
    assert bridge.frame.decisions.excluded == frozenset()
    loaded.press(Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert bridge.frame.decisions.excluded == {row}
    loaded.settle()


def test_lasso_takes_many_out(loaded) -> None:
    bridge, plot = loaded.bridge, loaded.window.calibrate.fits.plot
    fit = bridge.shown_fit
    bright = np.sort(fit.mag_inst)[6] + 1e-6
    inside = frozenset(fit.source_row[fit.mag_inst <= bright].tolist())
    corners = ((-99, -99), (bright, -99), (bright, 99), (-99, 99))
    plot.main_box.lassoed.emit(QPolygonF([QPointF(*c) for c in corners]))
    assert bridge.frame.decisions.excluded == inside
    loaded.settle()
    assert set(bridge.calibration.chosen.source_row[bridge.calibration.chosen.excluded]) == inside


def test_lasso_with_the_mouse(loaded) -> None:
    bridge, plot = loaded.bridge, loaded.window.calibrate.fits.plot
    canvas, box = plot.canvas, plot.main_box
    rect, everyone = box.viewRect(), frozenset(bridge.shown_fit.source_row.tolist())
    path = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.5)]
    spots = [
        canvas.mapFromScene(
            box.mapViewToScene(
                QPointF(rect.left() + fx * rect.width(), rect.top() + fy * rect.height())
            )
        )
        for fx, fy in path
    ]
    shift, left = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton
    view = canvas.viewport()
    loaded.qtbot.mousePress(view, left, shift, spots[0])
    for spot in spots[1:]:
        _drag(view, spot, shift)
    loaded.qtbot.mouseRelease(view, left, shift, spots[-1])
    assert bridge.frame.decisions.excluded == everyone
    loaded.press(Qt.Key.Key_U)
    loaded.settle()
    assert bridge.frame.decisions.excluded == frozenset()


def _drag(view, at, modifier) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    where = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, QPointF(view.mapToGlobal(at)), Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton, modifier,
    )  # fmt: skip
    QApplication.sendEvent(view, event)
    import time

    time.sleep(0.02)  # pyqtgraph drops moves that come faster than its frame rate


def test_every_residual_axis_draws(loaded) -> None:
    plot = loaded.window.calibrate.fits.plot
    for number, (name, _) in enumerate(AGAINST):
        plot.tabs.setCurrentIndex(number)
        drawn = len(plot.stars_below.data)
        assert (drawn == 0) == (name == "Histogram"), name
        assert plot.bars.isVisible() == (name == "Histogram")


def test_another_band_is_shown_and_asked_for(loaded) -> None:
    bridge, fits = loaded.bridge, loaded.window.calibrate.fits
    chosen = bridge.calibration.choice.band
    loaded.press(Qt.Key.Key_BracketRight)
    other = bridge.shown_fit.band
    assert other != chosen
    loaded.qtbot.waitUntil(lambda: other in fits.plot.title.text())
    loaded.press(Qt.Key.Key_F)
    loaded.settle()
    assert bridge.calibration.choice.band == other
    assert bridge.frame.facts.band == other
    loaded.press(Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    loaded.settle()
    assert bridge.calibration.choice.band == chosen


def test_excluded_star_is_drawn_as_a_cross(loaded) -> None:
    bridge, plot = loaded.bridge, loaded.window.calibrate.fits.plot
    star = int(bridge.shown_fit.source_row[0])
    bridge.exclude([star])
    loaded.qtbot.waitUntil(
        lambda: [spot.symbol() for spot in plot.stars_above.points()].count("x") == 1
    )
    loaded.settle()
