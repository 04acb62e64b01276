"""Events are found on the exposure they lie on, and on no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from known_night import TARGET, known_exposure

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.session.footprint import events_on
from cpcs_desktop.sync.events import EventList


def _events(file: Path) -> None:
    known = EventList(file)
    known.add(Event("inside", *TARGET))
    known.add(Event("corner", TARGET[0] + 0.03, TARGET[1] + 0.03))
    known.add(Event("outside", TARGET[0] + 0.05, TARGET[1]))
    known.database.close()


def test_on_a_frame(tmp_path: Path) -> None:
    _events(tmp_path / "o.sqlite")
    found = events_on(known_exposure(), tmp_path / "o.sqlite")
    assert [e.ivorn for e in found] == ["inside", "corner"]


def test_on_a_list(tmp_path: Path) -> None:
    _events(tmp_path / "o.sqlite")
    exposure = known_exposure()
    exposure = replace(exposure, frame=replace(exposure.frame, wcs=None, shape=None, kind="list"))
    found = events_on(exposure, tmp_path / "o.sqlite")
    assert [e.ivorn for e in found] == ["inside", "corner"]


def test_an_empty_list_has_no_events(tmp_path: Path) -> None:
    _events(tmp_path / "o.sqlite")
    exposure = known_exposure()
    empty = {
        "AUTO": replace(
            exposure.catalogs["AUTO"],
            **dict.fromkeys(("ra", "dec"), exposure.catalogs["AUTO"].x[:0]),
        )
    }
    exposure = replace(exposure, frame=replace(exposure.frame, wcs=None), catalogs=empty)
    assert events_on(exposure, tmp_path / "o.sqlite") == ()
