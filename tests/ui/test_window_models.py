"""Every model keeps Qt's rules, empty and full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import board_model
from cpcs_desktop.ui.stars_model import StarColumns, StarsModel
from tests.known_night import known_calibration, known_exposure

MODELS: dict[str, Callable[[Any], Any]] = {
    "board": lambda w: w.calibrate.board.model,
    "board sorted": lambda w: w.calibrate.board.sorted,
    "fits": lambda w: w.calibrate.fits.model,
    "stars": lambda w: w.calibrate.stars.model,
    "checks": lambda w: w.calibrate.result.checks_model,
    "events": lambda w: w.events.model,
    "outbox": lambda w: w.outbox.model,
    "surveys": lambda w: w.surveys.model,
}


def test_models_of_an_empty_night(driver, qtmodeltester: ModelTester) -> None:
    for get in MODELS.values():
        qtmodeltester.check(get(driver.window), force_py=True)


def test_models_of_a_worked_night(loaded, qtmodeltester: ModelTester) -> None:
    loaded.bridge.sending.add_event(Event("one", 10.0, 20.0))
    loaded.bridge.sending.add_event(Event("two", None, None))
    loaded.window.show_tab("surveys")
    loaded.press(Qt.Key.Key_A)
    loaded.qtbot.waitUntil(lambda: len(loaded.window.outbox.model.rows) == 1, timeout=30_000)
    loaded.qtbot.waitUntil(lambda: len(loaded.window.events.model.rows) == 2, timeout=30_000)
    loaded.qtbot.waitUntil(lambda: loaded.window.surveys.ready, timeout=30_000)
    for name, get in MODELS.items():
        model = get(loaded.window)
        assert model.rowCount() > 0, name
        qtmodeltester.check(model, force_py=True)


def test_the_board_follows_the_night(loaded) -> None:
    model, bridge = loaded.window.calibrate.board.model, loaded.bridge
    frame = bridge.frame
    row = model.row_of(frame.key)
    shown = {
        column: model.index(row, column).data()
        for column in (board_model.NAME, board_model.BAND, board_model.STATUS, board_model.STATE)
    }
    assert shown[board_model.NAME] == "practice-02-r"
    assert shown[board_model.BAND].startswith(frame.facts.band)
    assert shown[board_model.STATE] == "○"
    from cpcs_desktop.session.night_frame import RejectReason

    bridge.reject(RejectReason.CLOUD)
    assert model.index(row, board_model.STATE).data() == "✘"
    tip = model.index(row, board_model.STATE).data(Qt.ItemDataRole.ToolTipRole)
    assert "rejected: cloud" in tip


def test_rows_sort_by_number_and_filter_by_word(loaded) -> None:
    board = loaded.window.calibrate.board
    board.table.sortByColumn(board_model.MAG, Qt.SortOrder.AscendingOrder)
    mags = [board.sorted.index(n, board_model.MAG).data() for n in range(2)]
    assert mags[1].startswith(">")
    board.filter.setText("-02-")
    assert board.sorted.rowCount() == 1


@pytest.mark.parametrize("column", range(12))
def test_stars_sort_by_every_column(column: int) -> None:
    calibration = known_calibration(known_exposure(), excluded=frozenset({7}))
    model = StarsModel()
    model.show(StarColumns.of(calibration, calibration.chosen))
    model.sort(column, Qt.SortOrder.DescendingOrder)
    sources = [model.source_row(n) for n in range(model.rowCount())]
    assert sorted(sources) == list(range(1, 120))
    values = model._stars.values[model._order, column]
    if column < 11:
        known = values[~(values != values)]
        assert (known[:-1] >= known[1:]).all()


def test_stars_say_why_not() -> None:
    calibration = known_calibration(known_exposure(), excluded=frozenset({7}))
    stars = StarColumns.of(calibration, calibration.chosen)
    why = dict(zip(stars.source_row.tolist(), stars.why, strict=True))
    assert why[7] == "excluded by you"
    assert why[5] == "an outlier by the model"
    assert why[1] == "not in this band"
    assert why[119] == "two reference stars in reach"
    assert why[50] == ""


def test_a_gone_row_leaves_the_board(loaded) -> None:
    bridge = loaded.bridge
    first, second = bridge.night.frames
    bridge.look_at(second.key)
    loaded.press(Qt.Key.Key_Delete)
    assert [f.key for f in bridge.night.frames] == [first.key]
    assert bridge.current == first.key
    loaded.press(Qt.Key.Key_U)
    assert len(bridge.night.frames) == 2
    bridge.changed.emit(Changes(board=True))
    loaded.settle()
