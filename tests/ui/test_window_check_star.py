"""The check star by key, in the strip under the board and on the board itself."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt

from cpcs_desktop.session.check_star import source_at
from cpcs_desktop.ui import board_model

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_choosing_lighting_and_undoing_a_check_star(loaded: Any) -> None:
    bridge, board = loaded.bridge, loaded.window.calibrate.board
    automatic = board.model.check_of(bridge.current)
    assert automatic is not None
    beside = bridge.frame.facts.stars[2][:2]
    star = source_at(bridge.calibration, bridge.shown_fit, beside)
    bridge.select([star])
    loaded.press(Qt.Key.Key_K, CONTROL)
    chosen = board.model.check_of(bridge.current)
    assert chosen.chosen
    bridge.select([])
    loaded.press(Qt.Key.Key_K, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert bridge.selection == {star}
    loaded.press(Qt.Key.Key_U)
    assert board.model.check_of(bridge.current) == automatic


def test_a_wrong_selection_is_explained(loaded: Any) -> None:
    said: list[str] = []
    loaded.bridge.said.connect(said.append)
    loaded.press(Qt.Key.Key_K, CONTROL)
    assert said == ["Select one star first: click it in the image or in a plot."]
    bridge = loaded.bridge
    kept = {
        source_at(bridge.calibration, bridge.shown_fit, s[:2]) for s in bridge.frame.facts.stars
    }
    far = next(int(r) for r in bridge.shown_fit.source_row if int(r) not in kept)
    bridge.select([far])
    loaded.press(Qt.Key.Key_K, CONTROL)
    assert "beside the target" in said[-1]


def test_the_strip_shows_every_row_and_a_click_looks_at_one(loaded: Any) -> None:
    bridge, board = loaded.bridge, loaded.window.calibrate.board
    strip = board.strip
    assert strip.isVisible()
    strip.repaint()
    dots = strip.dots
    assert set(dots) == {f.key for f in bridge.night.frames}
    other = next(key for key in dots if key != bridge.current)
    at = dots[other][0]
    loaded.qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(int(at.x()), int(at.y())))
    assert bridge.current == other
    assert "Check star: " in strip.accessibleDescription()


def test_the_board_shows_the_star_and_the_dates(loaded: Any) -> None:
    bridge, model = loaded.bridge, loaded.window.calibrate.board.model
    row = model.row_of(bridge.current)
    text = {n: model.index(row, n).data() for n in range(model.columnCount())}
    assert text[board_model.CHECK][0] in "+−"
    assert float(text[board_model.BJD]) > float(text[board_model.HJD]) > 2450000


def test_a_low_board_leaves_its_height_to_the_rows(loaded: Any) -> None:
    board = loaded.window.calibrate.board
    board.strip.give_room(3 * board.strip.sizeHint().height() - 1)
    assert board.strip.isHidden()
    board.strip.give_room(3 * board.strip.sizeHint().height())
    assert not board.strip.isHidden()
