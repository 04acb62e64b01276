"""Fields prepared in the window, from a real TAP service: progress, cancel, and what is covered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from mocpy import MOC
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import AppSettings, save_settings
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.ui.fields_model import field_rows
from tests.surveys.tap_server import TapServer, serving

EVENTS = (
    Event("ivo://covered", 150.0, 2.0),
    Event("ivo://lacking", 153.0, 2.0),
    Event("ivo://elsewhere", 20.0, 60.0),
    Event("ivo://nowhere", None, None),
)


@pytest.fixture
def server() -> Iterator[TapServer]:
    rng = np.random.default_rng(3)
    n = 6000
    stars = Table(
        {
            "recno": np.arange(n),
            "RAJ2000": rng.uniform(147, 156, n),
            "DEJ2000": rng.uniform(0, 4, n),
            "Vmag": rng.uniform(10, 16, n),
            "e_Vmag": np.full(n, 0.03),
        }
    )
    with serving("II/336/apass9", stars, ra="RAJ2000", dec="DEJ2000") as running:
        yield running


@pytest.fixture
def profile(tmp_path: Path, server: TapServer) -> Profile:
    """A profile with four events, one of them covered, and a service on this machine."""
    profile = Profile(tmp_path / "profile", tmp_path / "cache")
    services = {"APASS": server.url, "2MASS": "http://127.0.0.1:9/tap"}
    save_settings(profile, AppSettings(tap_urls=services))
    events = EventList(profile.outbox_file)
    events.learn(list(EVENTS))
    events.database.close()
    SurveyCache(profile.survey_cache).fetch(
        "APASS", [(150.0, 2.0, 0.3)], url=server.url, patience=Patience(pause_s=0.0)
    )
    return profile


@pytest.fixture
def panel(driver: Any) -> Any:
    """The panel, with the table filled."""
    driver.window.show_tab("surveys")
    view = driver.window.surveys
    driver.qtbot.waitUntil(lambda: view.ready and len(view.fields.model.rows) == 3, timeout=30_000)
    view.fields.patience = Patience(pause_s=0.0, timeout_s=2.0, tries=2, backoff_s=0.05)
    return view.fields


def shown(panel: Any, key: str) -> dict[str, str]:
    table = panel.table
    titles = [
        table.model().headerData(c, Qt.Orientation.Horizontal)
        for c in range(table.model().columnCount())
    ]
    column = titles.index(key)
    assert not table.isColumnHidden(column)
    rows = range(table.model().rowCount())
    cell = table.model().index
    return {cell(r, 0).data(): cell(r, column).data() for r in rows}


def choose(panel: Any, *names: str) -> None:
    panel._choose({f"ivo://{name}" for name in names})
    assert {row.name for row in panel.chosen()} == {f"ivo://{name}" for name in names}


def test_what_is_lacking_is_fetched_with_progress(
    panel: Any, driver: Any, profile: Profile
) -> None:
    assert shown(panel, "APASS")["ivo://covered"] == "●"
    assert shown(panel, "APASS")["ivo://lacking"] == "■"
    assert not panel.go.isEnabled()  # nothing is chosen
    choose(panel, "covered", "lacking")
    panel.want({"APASS"})
    told: list[str] = []
    panel._run.found.connect(lambda _piece: told.append(panel.words.text()))
    driver.qtbot.mouseClick(panel.go, Qt.MouseButton.LeftButton)
    assert panel.stop.isEnabled()
    driver.qtbot.waitUntil(lambda: "ready for the night" in panel.words.text(), timeout=60_000)
    assert any("APASS, survey 1 of 1: pixel 1 of" in words for words in told)
    driver.qtbot.waitUntil(lambda: shown(panel, "APASS")["ivo://lacking"] == "●", timeout=30_000)
    cache = SurveyCache(profile.survey_cache)
    assert cache.covered_fraction("APASS", 153.0, 2.0, panel.radius.value()) == 1.0
    assert shown(panel, "APASS")["ivo://elsewhere"] == "■"
    assert panel.go.isEnabled()
    assert not panel.stop.isEnabled()


def test_cancel_stops_within_a_second_and_keeps_what_came(
    panel: Any, driver: Any, profile: Profile, server: TapServer
) -> None:
    choose(panel, "lacking", "elsewhere")
    panel.want({"APASS"})
    asked = len(server.queries)
    server.faults.extend(["", "", "hang"])  # columns, a pixel, then silence
    panel.patience = Patience(pause_s=0.0, timeout_s=60.0)
    before = SurveyCache(profile.survey_cache).coverage("APASS").pixels
    panel.start()
    driver.qtbot.waitUntil(lambda: len(server.queries) == asked + 3, timeout=60_000)
    pressed = time.monotonic()
    driver.qtbot.mouseClick(panel.stop, Qt.MouseButton.LeftButton)
    driver.qtbot.waitUntil(lambda: not panel._run.running, timeout=5_000)
    assert time.monotonic() - pressed < 1.0
    driver.qtbot.waitUntil(lambda: "Stopped." in panel.words.text())
    cache = SurveyCache(profile.survey_cache)
    assert cache.coverage("APASS").pixels == before + 1
    assert cache.verify("APASS") == []
    panel.start()
    driver.qtbot.waitUntil(lambda: "ready for the night" in panel.words.text(), timeout=60_000)
    assert cache.covered_fraction("APASS", 20.0, 60.0, panel.radius.value()) == 1.0


def test_a_service_that_is_away_is_one_sentence_and_the_others_go_on(
    panel: Any, driver: Any, profile: Profile
) -> None:
    choose(panel, "lacking")
    panel.want({"2MASS", "APASS", "OGLE3"})
    assert panel.wanted() == ["APASS", "2MASS"]  # OGLE3 has no service
    panel.start()
    driver.qtbot.waitUntil(lambda: "gave no good answer" in panel.words.text(), timeout=60_000)
    assert "stars" in panel.words.text()
    cache = SurveyCache(profile.survey_cache)
    assert cache.covered_fraction("APASS", 153.0, 2.0, panel.radius.value()) == 1.0
    assert cache.keys() == ["APASS"]
    driver.qtbot.waitUntil(lambda: panel.ready, timeout=30_000)
    assert panel.wanted() == ["APASS", "2MASS"]  # still wanted, though nothing came of it


def test_a_moc_is_saved(panel: Any, driver: Any, profile: Profile, tmp_path: Path) -> None:
    view = driver.window.surveys
    view.save_moc("APASS", tmp_path / "apass.fits")
    driver.qtbot.waitUntil(lambda: view.ready)
    saved = MOC.load(tmp_path / "apass.fits", format="fits")
    text = SurveyCache(profile.survey_cache).coverage("APASS").coverage.as_moc_text()
    assert saved == MOC.from_string(text)


def test_removing_asks_first(panel: Any, driver: Any, profile: Profile) -> None:
    view = driver.window.surveys
    rows = [view.model.rows[r].key for r in range(len(view.model.rows))]
    source = view.model.index(rows.index("APASS"), 0)
    view.table.setCurrentIndex(view.table.sorted.mapFromSource(source))
    for answer, left in (("Cancel", ["APASS"]), ("Remove", [])):
        driver.qtbot.mouseClick(view.drop, Qt.MouseButton.LeftButton)
        box = view.findChild(QMessageBox, "removeQuestion")
        assert "APASS" in box.text()
        button = next(b for b in box.buttons() if answer in b.text())
        driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        driver.qtbot.waitUntil(lambda: view.findChild(QMessageBox, "removeQuestion") is None)
        driver.qtbot.waitUntil(lambda: view.ready, timeout=30_000)
        assert SurveyCache(profile.survey_cache).keys() == left


def test_the_rows_agree_with_the_cache(profile: Profile) -> None:
    target = Event("this frame", 150.1, 2.0)
    rows = field_rows(profile.survey_cache, EVENTS, target, 0.2)
    assert [row.name for row in rows] == ["this frame", *(e.ivorn for e in EVENTS[:3])]
    cache = SurveyCache(profile.survey_cache)
    for row in rows:
        assert row.covered == {"APASS": cache.covered_fraction("APASS", row.ra, row.dec, 0.2)}
