"""Everything again, in the window: nothing moves without a cause, nothing is applied unasked."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from cpcs_desktop.profile import Profile
from cpcs_desktop.session.night_frame import Verdict
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.ui.recalibration_view import RecalibrationView


@pytest.fixture
def profile(tmp_path: Path, practice: Path) -> Profile:
    """A profile with a survey cache of its own: a test changes it."""
    shutil.copytree(practice / "cache", tmp_path / "cache")
    return Profile(tmp_path / "profile", tmp_path / "cache")


def shift(profile: Profile, practice: Path, folder: Path, key: str, letter: str) -> None:
    """Plant an error of 0.2 mag into one band of a survey."""
    with (practice / "surveys" / f"{key}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    name = f"{letter}_mag"
    for row in rows:
        row[name] = str(float(row[name]) + 0.2) if row[name] else ""
    with (folder / f"{key}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    cache = SurveyCache(profile.survey_cache)
    cache.remove(key)
    cache.import_files(key, [folder / f"{key}.csv"], None)


def run(driver: Any, view: RecalibrationView) -> None:
    driver.qtbot.waitUntil(view.isActiveWindow)
    view.words.setText("")
    driver.qtbot.keyClick(view, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)
    driver.qtbot.waitUntil(lambda: "calibrated again" in view.words.text(), timeout=60_000)
    assert view.go.isEnabled()


def test_old_against_new_and_only_what_is_chosen_is_applied(
    loaded: Any, profile: Profile, practice: Path, tmp_path: Path
) -> None:
    bridge = loaded.bridge
    fits = {fit.band for fit in bridge.calibration.fits if fit.status == "ok"}
    assert {"SDSS/r", "PS1/r"} <= fits
    from cpcs_desktop.datamodel.band import BandRequest

    for key, band in zip((f.key for f in bridge.night.frames), ("PS1/r", "SDSS/r"), strict=True):
        bridge.look_at(key)
        loaded.settle()
        bridge.request_band(BandRequest.parse(band))
        loaded.settle()
        loaded.press(Qt.Key.Key_A)
        loaded.qtbot.waitUntil(
            lambda: bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
        )
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    loaded.press(Qt.Key.Key_R, modifiers)
    view = loaded.window.findChild(RecalibrationView)
    run(loaded, view)
    assert [m.status for m in view.model.rows] == ["same", "same"]
    assert [m.new.mag for m in view.model.rows] == [m.old.mag for m in view.model.rows]
    assert not view.apply_all.isEnabled()

    shift(profile, practice, tmp_path, "SDSS", "r")
    run(loaded, view)
    moves = {m.old.band: m for m in view.model.rows}
    assert moves["PS1/r"].status == "same", "another survey's point is left alone"
    moved = moves["SDSS/r"]
    assert moved.moves
    assert moved.delta_mag == pytest.approx(0.2, abs=0.02)
    assert [r.revision for r in bridge.sending.submissions()] == [1, 1], "nothing applied unasked"
    first = view.table.sorted.index(0, 0)
    assert first.data() == "▲ moves", "what moves stands first"
    assert first.siblingAtColumn(8).data().startswith("▲ ")
    view.moving.setChecked(True)
    assert view.table.sorted.rowCount() == 1
    view.table.sortByColumn(8, Qt.SortOrder.DescendingOrder)
    view.table.selectRow(0)
    assert view.chosen() == [moved]
    view.apply_chosen.click()
    loaded.qtbot.waitUntil(
        lambda: sorted(r.revision for r in bridge.sending.submissions()) == [1, 2], timeout=30_000
    )
    row = next(r for r in bridge.sending.submissions() if r.revision == 2)
    kept = bridge.sending.outbox.revisions(row.point_id)
    assert [k.point.mag for k in kept] == [moved.old.mag, moved.new.mag], "the old one stays"
    assert kept[1].submission.evidence.source_list == kept[0].submission.evidence.source_list
    loaded.qtbot.waitUntil(lambda: "1 applied" in view.words.text())
    run(loaded, view)
    view.moving.setChecked(False)
    assert {m.status for m in view.model.rows} == {"same"}


def test_cancel_keeps_what_was_found_and_applies_nothing(loaded: Any) -> None:
    bridge = loaded.bridge
    loaded.press(Qt.Key.Key_A)
    loaded.qtbot.waitUntil(
        lambda: bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
    )
    loaded.window.desk.recalibrate()
    view = loaded.window.findChild(RecalibrationView)
    view.since.setText("tomorrow")
    view.start()
    assert "no time" in view.words.text()
    view.since.setText("")
    view.start()
    assert view.stop.isEnabled()
    view.stop.click()
    loaded.qtbot.waitUntil(view.go.isEnabled, timeout=60_000)
    assert bridge.sending.submissions()[0].revision == 1
    view.start()
    view.close()  # closing cancels, too
    loaded.settle()
