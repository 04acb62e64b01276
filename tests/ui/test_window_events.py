"""Search, cone, filter and order of the events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.cone_line import apart_deg

_EVENTS = (
    Event("ivo://x/far", 40.0, 20.0, n_followup=3),
    Event("ivo://x/near", 359.9, 10.0, n_followup=1),
    Event("ivo://x/nearer", 0.05, 10.02, n_followup=7),
    Event("ivo://x/unplaced", None, None, n_followup=9),
)


def shown(view: Any) -> list[str]:
    model = view.table.sorted
    return [model.index(row, 0).data() for row in range(model.rowCount())]


@pytest.fixture
def view(driver: Any) -> Any:
    driver.bridge.sending.events = _EVENTS
    driver.bridge.changed.emit(Changes(events=True))
    driver.window.show_tab("events")
    return driver.window.events


def test_a_cone_keeps_what_lies_in_it_the_nearest_first(driver: Any, view: Any) -> None:
    driver.qtbot.keyClicks(view.cone.place, "00:00:00 +10:00:00")
    assert shown(view) == ["ivo://x/nearer", "ivo://x/near"]
    view.cone.radius.setValue(0.07)
    assert shown(view) == ["ivo://x/nearer"]
    distance = view.table.sorted.index(0, 2).data()
    assert distance == f"{apart_deg((0.05, 10.02), (0.0, 10.0)):.3f}"
    driver.qtbot.keyClicks(view.search, "far")
    assert shown(view) == []
    view.search.clear()
    view.cone.place.clear()
    assert len(shown(view)) == 4


def test_another_middle_gives_other_distances(driver: Any, view: Any) -> None:
    view.cone.place.setText("0 10")
    first = view.table.sorted.index(0, 2).data()
    view.cone.place.setText("0 9.9")
    assert view.table.sorted.index(0, 2).data() != first


def test_events_are_sorted_by_their_points_with_a_cone_too(view: Any) -> None:
    view.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert shown(view)[0] == "ivo://x/unplaced"
    view.cone.place.setText("0 10")
    view.cone.radius.setValue(60.0)
    view.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert shown(view) == ["ivo://x/nearer", "ivo://x/far", "ivo://x/near"]


def test_a_place_nobody_can_read_is_explained(driver: Any, view: Any) -> None:
    said: list[str] = []
    driver.bridge.said.connect(said.append)
    view.cone.place.setFocus()
    driver.qtbot.keyClicks(view.cone.place, "near M31")
    driver.qtbot.keyClick(view.cone.place, Qt.Key.Key_Return)
    assert len(said) == 1
    assert "no position" in said[0]
    assert len(shown(view)) == 4


@given(
    st.tuples(st.floats(0, 360), st.floats(-90, 90)),
    st.tuples(st.floats(0, 360), st.floats(-90, 90)),
)
def test_distances_are_those_of_unit_vectors(a: Any, b: Any) -> None:
    def vector(place: tuple[float, float]) -> Any:
        ra, dec = np.radians(place)
        return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])

    chord = float(np.linalg.norm(vector(a) - vector(b)))
    expected = np.degrees(2 * np.arcsin(min(1.0, chord / 2)))
    assert apart_deg(a, b) == pytest.approx(expected, abs=2e-6)
