"""The night keeps every decision, gives it back, and takes it back."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from known_night import EVENT, TARGET, known_calibration, known_exposure

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.profile import Profile, open_profile
from cpcs_desktop.session.night import Night
from cpcs_desktop.session.night_frame import Decisions, FrameState, RejectReason, Verdict

HERE = Decisions(event=EVENT, target=TARGET)


def worked(night: Night, path: str = "a.fits") -> int:
    """Add one row and work through it."""
    key = min(night.add([path], HERE).frames)
    night.extracting(key)
    night.extracted(key, known_exposure())
    night.calibrated(key, known_calibration())
    return key


def test_a_row_tells_what_was_found(night: Night) -> None:
    key = worked(night)
    frame = night.frame(key)
    assert frame.state is FrameState.CALIBRATED
    assert frame.facts.n_sources == 120
    assert frame.facts.fwhm_pix == pytest.approx(3.2)
    assert frame.facts.band == "SDSS/r"
    assert frame.facts.zero_point == pytest.approx(25.0, abs=0.01)
    assert frame.facts.worst_check == "amber"


def test_adding_the_same_path_twice_is_one_row(night: Night) -> None:
    night.add(["a.fits", "b.fits"], HERE)
    assert not night.add(["b.fits"], HERE)
    assert len(night.frames) == 2


def test_reopening_shows_the_same_night(profile: Profile) -> None:
    night = Night(profile)
    key = worked(night)
    night.add(["b.fits"], HERE)
    night.exclude(key, [5, 7])
    night.request_band([key], BandRequest.parse("any/r"))
    night.reject(key, RejectReason.TRAIL)
    night.pictured(key, b"\x89PNG")
    night.look_at(key)
    before, label = night.frames, night.undo_label
    night.close()
    again = Night(profile)
    assert again.frames == before
    assert again.undo_label == label
    assert again.last_looked_at == key
    assert again.frame(key).decisions.excluded == {5, 7}
    again.undo()
    assert again.frame(key).decisions.verdict is Verdict.UNDECIDED
    again.close()


def test_work_cut_by_a_crash_is_queued_again(profile: Profile) -> None:
    night = Night(profile)
    key = min(night.add(["a.fits"], HERE).frames)
    night.extracting(key)
    night.close()
    again = Night(profile)
    assert again.frame(key).state is FrameState.QUEUED
    again.close()


def test_a_failure_keeps_its_sentence(profile: Profile) -> None:
    night = Night(profile)
    key = min(night.add(["a.fits"], HERE).frames)
    night.failed(key, CpcsError("no_wcs", "No WCS.", "Solve it.", {"n_sources": 4}))
    night.close()
    again = Night(profile)
    error = again.frame(key).error
    assert error is not None
    assert (error.code, error.message, error.hint, error.found) == (
        "no_wcs",
        "No WCS.",
        "Solve it.",
        {"n_sources": 4},
    )
    again.close()


def test_excluding_twice_restores(night: Night) -> None:
    key = worked(night)
    assert night.exclude(key, [3]).fits == {key}
    night.exclude(key, [3, 4])
    assert night.frame(key).decisions.excluded == {4}


def test_undo_and_redo_walk_the_same_way(night: Night) -> None:
    key = worked(night)
    night.exclude(key, [3])
    night.use_match_radius([key], None)
    night.use_magnitudes([key], "APER")
    assert night.undo_label == "use APER magnitudes"
    night.undo()
    night.undo()
    assert night.frame(key).decisions == replace(HERE, excluded=frozenset({3}))
    assert night.redo().fits == {key}
    assert night.frame(key).decisions.match_radius_arcsec is None
    night.exclude(key, [4])
    assert night.redo_label is None


def test_undo_of_adding_takes_rows_off_the_board(night: Night) -> None:
    night.add(["a.fits", "b.fits"], HERE)
    assert night.undo().board
    assert night.frames == ()
    night.redo()
    assert [f.path for f in night.frames] == ["a.fits", "b.fits"]


def test_several_events_on_one_frame_get_a_row_each(night: Night) -> None:
    key = min(night.add(["a.fits"]).frames)
    events = [Event("e1", 10.0, 5.0), Event("e2", 10.1, 5.0), Event("unplaced", None, None)]
    assert night.found_events(key, events).board
    assert [(f.path, f.decisions.event) for f in night.frames] == [
        ("a.fits", "e1"),
        ("a.fits", "e2"),
    ]


def test_a_full_disk_changes_nothing(night: Night) -> None:
    key = worked(night)
    before = night.frame(key)
    night._store._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(CpcsError) as caught:
        night.set_comment(key, "x" * 100_000)
    assert caught.value.code == "disk_full"
    assert night.frame(key) == before


def test_a_file_of_a_newer_program_is_refused(profile: Profile) -> None:
    Night(profile).close()
    with sqlite3.connect(profile.session_file) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(CpcsError) as caught:
        Night(profile)
    assert caught.value.code == "newer_session"


def test_a_damaged_file_is_a_sentence(profile: Profile) -> None:
    profile.folder.mkdir()
    profile.session_file.write_bytes(b"this is no database" * 100)
    with pytest.raises(CpcsError) as caught:
        Night(profile)
    assert caught.value.code == "unreadable"


_COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("exclude"), st.frozensets(st.integers(0, 9), min_size=1, max_size=3)),
        st.tuples(st.just("request"), st.sampled_from(["no", "any/r", "SDSS/r"])),
        st.tuples(st.just("radius"), st.sampled_from([None, 1.0, 2.0, 4.0])),
        st.tuples(st.just("reject"), st.sampled_from(list(RejectReason))),
        st.tuples(st.just("clear"), st.none()),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("redo"), st.none()),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(commands=_COMMANDS)
def test_any_walk_can_be_undone_to_the_start(
    commands: list, tmp_path_factory: pytest.TempPathFactory
) -> None:
    profile = open_profile(tmp_path_factory.mktemp("walk"))
    night = Night(profile)
    key = worked(night)
    start = night.frame(key).decisions
    for verb, what in commands:
        match verb:
            case "exclude":
                night.exclude(key, what)
            case "request":
                night.request_band([key], BandRequest.parse(what))
            case "radius":
                night.use_match_radius([key], what)
            case "reject":
                night.reject(key, what)
            case "clear":
                night.clear_verdict(key)
            case "remove":
                night.remove([key])
            case "undo" if night.undo_label != "add 1 row":
                night.undo()
            case "redo":
                night.redo()
            case "reopen":
                night.close()
                night = Night(profile)
    end = night.frame(key).decisions
    steps = 0
    while night.undo_label != "add 1 row":
        night.undo()
        steps += 1
    assert night.frame(key).decisions == start
    for _ in range(steps):
        night.redo()
    assert night.frame(key).decisions == end
    night.close()
