"""Opening, dropping, watching, dialogs, keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.session.night_frame import FrameState, Verdict
from cpcs_desktop.ui.gestures import GESTURES


def dialog(driver) -> QDialog:
    found = [d for d in driver.window.findChildren(QDialog) if d.isVisible()]
    assert len(found) == 1
    return found[0]


def test_first_start_has_three_doors_and_asks_for_nothing(driver) -> None:
    assert driver.window.calibrate.doors.isVisible()
    assert not driver.window.calibrate.places.isVisible()
    assert not [d for d in driver.window.findChildren(QDialog) if d.isVisible()]
    driver.find(QPushButton, "door_settings").click()
    assert dialog(driver).objectName() == "settingsDialog"
    dialog(driver).reject()


def test_dropping_a_folder_and_a_list(driver, practice: Path, practice_truth) -> None:
    driver.bridge.sending.add_event(
        Event(practice_truth["event"], practice_truth["ra"], practice_truth["dec"])
    )
    mime = QMimeData()
    one = practice / "lists" / "practice-02-r.cat"
    mime.setUrls([QUrl.fromLocalFile(str(practice / "frames")), QUrl.fromLocalFile(str(one))])
    drop = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    driver.window.dropEvent(drop)
    assert len(driver.bridge.night.frames) == 3
    assert not driver.window.calibrate.doors.isVisible()
    driver.settle()
    states = {f.path: f.state for f in driver.bridge.night.frames}
    assert set(states.values()) == {FrameState.CALIBRATED}
    # the event was found by position, for frames and for the list
    assert {f.decisions.event for f in driver.bridge.night.frames} == {practice_truth["event"]}


def test_bad_input_is_a_sentence_and_the_rest_goes_on(
    driver, tmp_path, frames, practice_truth
) -> None:
    empty, text = tmp_path / "empty.fits", tmp_path / "text.fits"
    empty.touch()
    text.write_text("this is no frame")
    driver.bridge.use_for_new_rows(
        practice_truth["event"], (practice_truth["ra"], practice_truth["dec"])
    )
    driver.bridge.add([str(empty), str(text), str(tmp_path / "absent.fits"), frames[1]])
    driver.settle()
    rows = driver.bridge.night.frames
    assert [f.state for f in rows] == [FrameState.FAILED] * 3 + [FrameState.CALIBRATED]
    for frame in rows[:3]:
        assert frame.error.message.endswith(".")
    driver.bridge.look_at(rows[0].key)
    assert rows[0].error.message in driver.window.calibrate.result.choice.text()


def test_a_row_without_an_event_asks_for_one(driver, frames, practice_truth) -> None:
    driver.bridge.add([frames[1]])
    driver.settle()
    (row,) = driver.bridge.night.frames
    assert row.error.code == "no_event"
    line = driver.window.calibrate.target_bar.event_box.lineEdit()
    driver.press(Qt.Key.Key_E)
    assert line.hasFocus()
    line.setText(f"{practice_truth['ra']} {practice_truth['dec']}")
    driver.qtbot.keyClick(line, Qt.Key.Key_Return)
    driver.settle()
    assert driver.bridge.frame.state is FrameState.CALIBRATED
    assert driver.bridge.frame.facts.mag == pytest.approx(practice_truth["mag"], abs=0.05)


def test_keyboard_alone_from_opening_to_submission(driver, frames, practice_truth) -> None:
    """Open (a path, as the file dialog gives it), name the event, look, exclude, accept, send."""
    bridge, window = driver.bridge, driver.window
    driver.press(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    form = dialog(driver)
    for name, text in (
        ("eventName", practice_truth["event"]),
        ("eventPosition", f"{practice_truth['ra']} {practice_truth['dec']}"),
    ):
        line = form.findChild(QLineEdit, name)
        line.setFocus()
        driver.qtbot.keyClicks(line, text)
    driver.qtbot.keyClick(form, Qt.Key.Key_Return)
    driver.qtbot.waitUntil(lambda: len(bridge.sending.events) == 1)
    driver.qtbot.waitUntil(lambda: not isinstance(QApplication.focusWidget(), QLineEdit))
    bridge.add([frames[1]])
    driver.settle()
    driver.press(Qt.Key.Key_BracketRight)
    driver.press(Qt.Key.Key_BracketLeft)
    table = window.calibrate.stars.table
    window.calibrate.docks["Stars"].raise_()
    table.setFocus()
    table.selectRow(0)
    driver.press(Qt.Key.Key_X)
    assert len(bridge.frame.decisions.excluded) == 1
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(lambda: bridge.frame.decisions.verdict is Verdict.ACCEPTED)
    said = []
    bridge.said.connect(said.append)
    driver.press(Qt.Key.Key_S)
    assert said == ["No server is set: open Settings (Ctrl+,) and name one."]
    driver.settle()


def test_letters_reach_the_commands_from_every_table(loaded) -> None:
    places = loaded.window.calibrate
    for table in (places.board.table, places.stars.table, places.fits.list):
        table.setFocus()
        before = places.image.overlays
        loaded.qtbot.keyClick(table, Qt.Key.Key_I)
        assert places.image.invert.isChecked()
        loaded.qtbot.keyClick(table, Qt.Key.Key_I)
        assert places.image.overlays == before


def test_letters_typed_into_a_line_stay_there(loaded) -> None:
    line = loaded.window.calibrate.result.comment
    loaded.press(Qt.Key.Key_C)
    loaded.qtbot.keyClicks(line, "a clear night, a good star")
    loaded.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert loaded.bridge.frame.decisions.comment == "a clear night, a good star"
    assert loaded.bridge.sending.submissions() == []


def test_every_gesture_has_an_action_a_key_and_a_place_in_the_menu(driver) -> None:
    actions = driver.window.actions_by_name
    assert set(actions) == {g.name for g in GESTURES}
    keys = [k.toString() for a in actions.values() for k in a.shortcuts()]
    assert len(keys) == len(set(keys)), "two commands on one key"
    assert all(a.shortcuts() for a in actions.values())


def test_a_watched_folder_adds_whole_files_only(driver, tmp_path, frames) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    watching = driver.window.watching
    watching.watch(folder)
    half = Path(frames[1]).read_bytes()
    new = folder / "new.fits"
    new.write_bytes(half[: len(half) // 2])
    (folder / "notes.txt").write_text("cloudy\n")
    driver.qtbot.wait(4000)  # quiet for longer than a camera pauses, but half
    assert driver.bridge.night.frames == ()
    new.write_bytes(half)
    driver.qtbot.waitUntil(lambda: len(driver.bridge.night.frames) == 1, timeout=20_000)
    assert [f.path for f in driver.bridge.night.frames] == [str(new)]
    (folder / "copy.fits").write_bytes(half)
    driver.qtbot.wait(4000)
    assert len(driver.bridge.night.frames) == 1
    watching.stop()
    driver.settle()


def test_a_list_without_a_time_gets_one(driver, practice, practice_truth) -> None:
    source = (practice / "lists" / "practice-02-r.cat").read_text()
    bare = practice.parent / "bare_list.cat"
    bare.write_text(source)
    driver.bridge.use_for_new_rows(
        practice_truth["event"], (practice_truth["ra"], practice_truth["dec"])
    )
    driver.bridge.add([str(bare)])
    driver.settle()
    said = []
    driver.bridge.said.connect(said.append)
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(lambda: bool(said))
    assert said[0].startswith("A point needs its time")
    form = dialog(driver)  # asked for, not only spoken of
    driver.qtbot.keyClick(form, Qt.Key.Key_Escape)
    driver.press(Qt.Key.Key_T)
    form = dialog(driver)
    form.mjd.setText("57612.91234")
    form.exposure.setText("120")
    driver.qtbot.keyClick(form, Qt.Key.Key_Return)
    driver.settle()
    assert driver.bridge.frame.facts.mjd == 57612.91234
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(lambda: driver.bridge.frame.decisions.verdict is Verdict.ACCEPTED)
    assert driver.bridge.sending.submissions()[0].mjd == 57612.91234


def test_magnitudes_and_radius_follow(loaded) -> None:
    bar, bridge = loaded.window.calibrate.target_bar, loaded.bridge
    before = bridge.frame.facts.zero_point
    bar.kinds["APER"].click()
    loaded.settle()
    assert bridge.calibration.magnitude_kind == "APER"
    assert bridge.frame.facts.zero_point != before
    bar.radius_box.lineEdit().setText("4")
    loaded.qtbot.keyClick(bar.radius_box.lineEdit(), Qt.Key.Key_Return)
    loaded.settle()
    assert bridge.calibration.settings.match_radius_arcsec == 4.0
    bar.radius_box.lineEdit().setText("900")
    loaded.qtbot.keyClick(bar.radius_box.lineEdit(), Qt.Key.Key_Return)
    assert bar.radius_box.currentText() == "4″"


def test_settings_are_kept(loaded, profile) -> None:
    from cpcs_desktop.settings import load_settings

    loaded.window.show_settings()
    form = dialog(loaded)
    form.observatory.setText("Dome")
    form.longitude.setText("14.78")
    form.latitude.setText("49,91")
    form.camera_lines["gain"].setText("2.5")
    form.aliases.setPlainText("Sloan red = SDSS/r")
    name = form.camera.currentText()
    form._save()
    kept = load_settings(profile)
    assert (kept.observatory.name, kept.observatory.latitude) == ("Dome", 49.91)
    assert kept.cameras[name].gain == 2.5
    assert kept.cameras[name].filter_aliases == {"Sloan red": "SDSS/r"}
    assert loaded.bridge.settings == kept


def test_wrong_settings_are_explained(driver) -> None:
    driver.window.show_settings()
    form = dialog(driver)
    form.latitude.setText("123")
    form._save()
    assert "latitude" in form.complaint.text()
    form.latitude.setText("")
    form.server.setText("no address")
    form._save()
    assert "no address" in form.complaint.text()
    form.reject()


def test_header_is_searched_and_guesses_look_different(loaded) -> None:
    loaded.window.show_header()
    form = dialog(loaded)
    form.search.setText("FILTER")
    assert 0 < form.table.sorted.rowCount() < form.model.rowCount()
    form.reject()
    from dataclasses import replace

    from cpcs_desktop.ui.header_dialog import understood
    from cpcs_desktop.ui.theme import DARK

    frame = replace(loaded.bridge.exposure.frame, guessed=frozenset({"gain"}), read_noise=None)
    words = understood(frame, DARK)
    assert "(guessed)" in words
    assert "missing" in words


def test_finder_chart_is_saved(loaded, tmp_path: Path) -> None:
    from cpcs_desktop.ui.finder import save_chart

    loaded.window.show_finder()
    form = dialog(loaded)
    for name, start in (("chart.png", b"\x89PNG"), ("chart.pdf", b"%PDF")):
        save_chart(form.chart, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    red = form.chart.convertToFormat(QImage.Format.Format_RGB32)
    seen = np.frombuffer(red.constBits(), np.uint8).reshape(red.height(), -1, 4)
    assert ((seen[:, :, 2] > 150) & (seen[:, :, 1] < 60)).any(), "the target is marked in red"
    form.reject()


@pytest.mark.parametrize(
    ("ending", "kind", "start"),
    [
        ("csv", "csv", b""),
        ("json", "cpcs", b'{"alert_name"'),
        ("txt", "aavso", b"#TYPE=EXTENDED"),
        ("vot", "votable", b"<?xml"),
        ("ecsv", "ecsv", b"# %ECSV"),
        ("png", "picture", b"\x89PNG"),
        ("svg", "drawing", b"<?xml"),
        ("pdf", "pdf", b"%PDF"),
    ],
)
def test_light_curve_exports(loaded, tmp_path: Path, ending: str, kind: str, start: bytes) -> None:
    from cpcs_desktop.ui.export_dialog import write_export

    loaded.press(Qt.Key.Key_A)
    loaded.qtbot.waitUntil(lambda: loaded.bridge.frame.decisions.verdict is Verdict.ACCEPTED)
    loaded.window.show_tab("lightcurve")
    file = tmp_path / f"curve.{ending}"
    write_export(loaded.window, file, kind)
    assert file.read_bytes().startswith(start)
    assert file.stat().st_size > 100


def test_practice_night_opens_in_its_own_profile(driver, profile, monkeypatch) -> None:
    from cpcs_desktop.ui import practice as made

    monkeypatch.setattr(made.make_practice_night, "__kwdefaults__", {"size": (256, 256)})
    ready = []
    driver.window.practice_ready.connect(ready.append)
    driver.press(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    driver.qtbot.waitUntil(lambda: bool(ready), timeout=60_000)
    assert all("practice-night" in f for f in ready[0])
    assert made.practice_profile(profile).survey_cache != profile.survey_cache
    assert shutil.disk_usage(profile.folder).free > 0


def test_frames_of_another_time_zone_are_noticed(driver, tmp_path, frames) -> None:
    """A camera that writes local time: the file is written now, its header says in two hours."""
    from datetime import UTC, datetime, timedelta

    from astropy.io import fits

    folder = tmp_path / "camera"
    folder.mkdir()
    driver.window.watching.watch(folder)
    with fits.open(frames[1]) as opened:
        header, pixels = opened[0].header.copy(), opened[0].data.copy()
    start = datetime.now(UTC) + timedelta(hours=2, seconds=-float(header["EXPTIME"]))
    header["DATE-OBS"] = start.replace(tzinfo=None).isoformat(timespec="seconds")
    fits.writeto(folder / "live.fits", pixels, header)
    clock = driver.window.status.clock
    driver.qtbot.waitUntil(lambda: "clock?" in clock.text(), timeout=60_000)
    assert "2 h ahead" in clock.toolTip()
    driver.window.watching.stop()
    driver.settle()
