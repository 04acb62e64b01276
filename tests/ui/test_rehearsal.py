"""Places are painted once before they are seen, and come to the screen in pieces."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from cpcs_desktop.ui.rehearsal import Rehearsal, unveil


class Counted(QWidget):
    """Counts how often it was painted."""

    painted = 0

    def paintEvent(self, _event: object) -> None:
        self.painted += 1


def test_hidden_places_are_painted_until_one_is_seen(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    hidden = [Counted(owner) for _ in range(2)]
    for widget in hidden:
        widget.hide()
    seen = Counted(owner)
    last = Counted(owner)
    rehearsal = Rehearsal([*hidden, seen, last], owner)
    owner.show()
    last.hide()
    rehearsal.start()
    qtbot.waitUntil(lambda: rehearsal.over, timeout=5000)
    assert [w.painted for w in hidden] == [1, 1]
    assert last.painted == 0


def test_every_place_is_painted_in_the_end(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    column = QVBoxLayout(owner)
    places = [Counted() for _ in range(3)]
    for place in places:
        column.addWidget(place)
    unveil(places, owner)
    owner.resize(200, 200)
    owner.show()
    assert not any(place.updatesEnabled() for place in places)
    qtbot.waitUntil(lambda: all(place.painted for place in places), timeout=5000)
