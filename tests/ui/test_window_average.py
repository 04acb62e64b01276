"""Several short exposures become one point: from the board to a real server and its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cpcs_desktop import pipeline
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import average_id
from cpcs_desktop.datamodel.settings import ExtractionSettings, settings_digest
from cpcs_desktop.datamodel.submission import SubmissionState
from cpcs_desktop.profile import ENV_ACCESS_KEY, Profile
from cpcs_desktop.session.exposure_store import ExposureStore
from cpcs_desktop.session.fitting import fit_frame
from cpcs_desktop.session.night import Night
from cpcs_desktop.session.night_frame import Decisions, RejectReason, Verdict
from cpcs_desktop.settings import AppSettings, save_settings
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.records import find_record
from cpcs_desktop.sync.rerun import rerun
from tests.serving import LiveServer, live_server, make_key


@pytest.fixture(scope="module")
def short_night(
    tmp_path_factory: pytest.TempPathFactory, practice: Path, practice_truth: dict[str, Any]
) -> tuple[Path, float]:
    """A profile of three exposures of one sky, and the mean of their target's magnitudes.

    The sources of one frame, with photon noise of their own for each exposure.
    """
    folder = tmp_path_factory.mktemp("short")
    made = Profile(folder / "profile", practice / "cache")
    night = Night(made)
    store = ExposureStore(made.exposure_folder, settings_digest(ExtractionSettings()))
    target = (practice_truth["ra"], practice_truth["dec"])
    decisions = Decisions(event=practice_truth["event"], target=target)
    measured = pipeline.load_exposure(sorted((practice / "frames").glob("*.fits"))[1])
    mags = []
    for n in range(3):
        rng = np.random.default_rng(n)
        catalogs = {}
        for kind, sources in measured.catalogs.items():
            moved = sources.mag_inst + rng.normal(0, np.nan_to_num(sources.mag_inst_err))
            catalogs[kind] = replace(sources, mag_inst=moved)
        frame = replace(
            measured.frame,
            sha256=f"{n + 1:064x}",
            path=f"/night/short-{n}.fits",
            mjd=measured.frame.mjd + n * 0.001,
        )
        exposure = replace(measured, frame=frame, catalogs=catalogs)
        store.put(exposure)
        key = min(night.add([frame.path], decisions).frames)
        night.extracted(key, exposure)
        fitted = fit_frame(exposure, decisions, made.survey_cache)
        night.calibrated(key, fitted)
        mags.append(fitted.measurement.mag)
    night.close()
    return folder / "profile", float(np.mean(mags))


@pytest.fixture
def shared(tmp_path: Path, practice_truth: dict[str, Any]) -> Iterator[LiveServer]:
    pytest.importorskip("fastapi", reason="the server extra is not installed")
    database = str(tmp_path / "server.sqlite")
    key = make_key(database, "Ostrowik")
    with live_server(database, tmp_path) as server:
        server.keys = {"mine": key}
        yield server


@pytest.fixture
def short(
    short_night: tuple[Path, float], profile: Profile, open_window: Callable[[Profile], Any]
) -> Any:
    """A window with the three exposures."""
    import shutil

    shutil.copytree(short_night[0], profile.folder, dirs_exist_ok=True)
    driver = open_window(profile)
    driver.qtbot.waitUntil(lambda: driver.bridge.calibration is not None, timeout=60_000)
    driver.settle()
    return driver


def average(driver: Any) -> None:
    board = driver.window.calibrate.board
    board.table.setFocus()
    board.table.selectAll()
    driver.press(Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    driver.qtbot.waitUntil(lambda: not driver.window.averaging.running, timeout=60_000)
    driver.settle()


def verdicts(driver: Any) -> list[Verdict]:
    return [f.decisions.verdict for f in driver.bridge.night.frames]


def test_one_command_one_point_and_all_the_way_back(
    short: Any, short_night: tuple[Path, float], profile: Profile
) -> None:
    bridge = short.bridge
    said: list[str] = []
    bridge.said.connect(said.append)
    average(short)
    (row,) = bridge.sending.submissions()
    event = bridge.frame.decisions.event
    assert row.point_id == average_id(event, [(f"{n + 1:064x}", 0) for n in range(3)])
    assert row.mag == pytest.approx(short_night[1], abs=0.002)
    assert any(s.startswith("Average of 3: ") for s in said)
    assert verdicts(short) == [Verdict.ACCEPTED] * 3
    model = short.window.calibrate.board.model
    assert [model.index(n, 0).data() for n in range(3)] == ["Σ"] * 3
    short.press(Qt.Key.Key_A)
    assert len(bridge.sending.submissions()) == 1, "a part of an average is no point of its own"
    short.press(Qt.Key.Key_U)
    assert verdicts(short) == [Verdict.UNDECIDED] * 3
    assert bridge.sending.submissions()[0].state is SubmissionState.WITHDRAWN
    short.press(Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert verdicts(short) == [Verdict.ACCEPTED] * 3
    assert bridge.sending.submissions()[0].state is SubmissionState.WAITING
    short.window.close()
    again = Night(profile)
    kept = [f.decisions for f in again.frames]
    assert {d.average for d in kept} == {row.point_id}
    again.close()


def test_rejecting_one_exposure_takes_the_average_back(short: Any) -> None:
    average(short)
    short.bridge.reject(RejectReason.CLOUD)
    assert sorted(verdicts(short)) == sorted(
        [Verdict.REJECTED, Verdict.UNDECIDED, Verdict.UNDECIDED]
    )
    assert short.bridge.sending.submissions()[0].state is SubmissionState.WITHDRAWN
    short.press(Qt.Key.Key_U)
    assert verdicts(short) == [Verdict.ACCEPTED] * 3
    assert short.bridge.sending.submissions()[0].state is SubmissionState.WAITING


def test_what_is_a_point_already_is_not_counted_twice(short: Any) -> None:
    short.press(Qt.Key.Key_A)
    short.qtbot.waitUntil(lambda: Verdict.ACCEPTED in verdicts(short), timeout=30_000)
    said: list[str] = []
    short.bridge.said.connect(said.append)
    average(short)
    assert any("count twice" in s for s in said)
    assert len(short.bridge.sending.submissions()) == 1


def test_the_average_reaches_server_and_record(
    short_night: tuple[Path, float],
    profile: Profile,
    shared: LiveServer,
    practice_truth: dict[str, Any],
    open_window: Callable[[Profile], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil

    shutil.copytree(short_night[0], profile.folder, dirs_exist_ok=True)
    monkeypatch.setenv(ENV_ACCESS_KEY, shared.keys["mine"])
    save_settings(profile, AppSettings(server_url=shared.url))
    outbox = Outbox(profile.outbox_file)
    EventList(outbox.database).add(
        Event(practice_truth["event"], practice_truth["ra"], practice_truth["dec"])
    )
    outbox.close()
    driver = open_window(profile)
    driver.qtbot.waitUntil(lambda: driver.bridge.calibration is not None, timeout=60_000)
    driver.settle()
    average(driver)
    driver.press(Qt.Key.Key_S)
    driver.qtbot.waitUntil(
        lambda: driver.bridge.sending.submissions()[0].state is SubmissionState.STORED,
        timeout=30_000,
    )
    (row,) = driver.bridge.sending.submissions()
    client = CpcsClient(shared.url, shared.keys["mine"])
    record = find_record(
        driver.bridge.sending.outbox, client, row.point_id, of_server=True
    ).submission
    [stored] = client.get_light_curve(practice_truth["event"], 0).rows
    client.close()
    assert (stored.id, stored.mag) == (row.point_id, row.mag)
    assert [f["file_name"] for f in record.point.provenance["frames"]] == [
        f"short-{n}.fits" for n in range(3)
    ]
    again = rerun(record)
    assert again.mag_now == pytest.approx(record.point.mag, abs=1e-6)
    driver.press(Qt.Key.Key_P)
    driver.settle()
