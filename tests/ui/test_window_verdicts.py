"""Accept, reject, undo: the outbox follows, and a reopened window shows the same."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from cpcs_desktop.datamodel.point import point_id
from cpcs_desktop.datamodel.submission import SubmissionState
from cpcs_desktop.session.night_frame import RejectReason, Verdict
from cpcs_desktop.sync.outbox import Outbox


def accept(driver) -> None:
    driver.press(Qt.Key.Key_A)
    driver.qtbot.waitUntil(
        lambda: driver.bridge.frame.decisions.verdict is Verdict.ACCEPTED, timeout=30_000
    )


def test_accepting_puts_the_cold_point_into_the_outbox(loaded, profile) -> None:
    bridge = loaded.bridge
    row = int(bridge.shown_fit.source_row[4])
    bridge.exclude([row])
    accept(loaded)
    (submission,) = bridge.sending.submissions()
    frame = bridge.frame
    sha256, _, hdu = frame.facts.frame_id.partition(":")
    assert submission.point_id == point_id(frame.decisions.event, sha256, int(hdu))
    assert submission.state is SubmissionState.WAITING
    loaded.settle()
    kept = Outbox(profile.outbox_file).revisions(submission.point_id)[0].submission
    stars = kept.evidence.stars
    assert [r for r, out in zip(stars["source_row"], stars["excluded"], strict=True) if out] == [
        row
    ]
    assert kept.point.mag == pytest.approx(bridge.frame.facts.mag, abs=1e-9)


def test_undo_of_accept_withdraws_and_redo_queues_again(loaded) -> None:
    accept(loaded)
    states = lambda: [s.state for s in loaded.bridge.sending.submissions()]  # noqa: E731
    loaded.press(Qt.Key.Key_U)
    assert states() == [SubmissionState.WITHDRAWN]
    assert loaded.bridge.frame.decisions.verdict is Verdict.UNDECIDED
    loaded.press(Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert states() == [SubmissionState.WAITING]
    assert loaded.bridge.frame.decisions.verdict is Verdict.ACCEPTED


def test_a_change_after_accepting_makes_the_row_undecided(loaded) -> None:
    accept(loaded)
    loaded.bridge.exclude([int(loaded.bridge.shown_fit.source_row[0])])
    assert loaded.bridge.frame.decisions.verdict is Verdict.UNDECIDED
    assert "changed since it was accepted" in loaded.window.calibrate.result.headline.text()
    loaded.settle()
    accept(loaded)
    (submission,) = loaded.bridge.sending.submissions()
    assert submission.revision == 2


def test_rejecting_an_accepted_row_withdraws_and_undo_gives_it_back(loaded) -> None:
    accept(loaded)
    loaded.bridge.reject(RejectReason.TRAIL)
    assert loaded.bridge.sending.submissions()[0].state is SubmissionState.WITHDRAWN
    loaded.press(Qt.Key.Key_U)
    assert loaded.bridge.frame.decisions.verdict is Verdict.ACCEPTED
    assert loaded.bridge.sending.submissions()[0].state is SubmissionState.WAITING


def test_reject_menu_names_every_reason(loaded) -> None:
    menu = loaded.window.calibrate.result.reject.menu()
    words = [a.text().replace("&", "").lower() for a in menu.actions()]
    assert words == [r.value for r in RejectReason]
    menu.actions()[1].trigger()
    assert loaded.bridge.frame.decisions.reject_reason is RejectReason.TRAIL


def test_dry_run_puts_nothing_into_the_outbox(loaded) -> None:
    said = []
    loaded.bridge.said.connect(said.append)
    loaded.press(Qt.Key.Key_D)
    loaded.press(Qt.Key.Key_A)
    assert loaded.bridge.sending.submissions() == []
    assert said[-1].startswith("Dry run")


def test_a_crash_loses_nothing(loaded, open_window, profile, monkeypatch) -> None:
    """The second window opens on the files of the first, which never said goodbye."""
    bridge = loaded.bridge
    row = int(bridge.shown_fit.source_row[4])
    bridge.exclude([row])
    accept(loaded)
    bridge.exclude([row + 1])
    before = [(f.path, f.decisions) for f in bridge.night.frames]
    again = open_window(profile)
    assert [(f.path, f.decisions) for f in again.bridge.night.frames] == before
    assert again.bridge.night.undo_label == bridge.night.undo_label
    again.settle()
    assert again.bridge.calibration.excluded == {row, row + 1}
    assert [s.state for s in again.bridge.sending.submissions()] == [SubmissionState.WAITING]


def test_a_point_in_the_outbox_wins_over_a_crash_between_two_files(loaded, profile) -> None:
    """The outbox is written first; a crash before the night knows is mended at the next start."""
    from cpcs_desktop.session.acceptance import accept_point
    from cpcs_desktop.session.night import Night

    bridge = loaded.bridge
    accept_point(profile.outbox_file, bridge.calibration, bridge.frame.decisions, bridge.settings)
    night = Night(profile)
    assert night.frame(bridge.current).decisions.verdict is Verdict.ACCEPTED
    night.close()


def test_withdrawing_in_the_outbox_makes_the_row_undecided(loaded) -> None:
    accept(loaded)
    (submission,) = loaded.bridge.sending.submissions()
    loaded.bridge.withdraw(submission.point_id, "moon in the field")
    assert loaded.bridge.frame.decisions.verdict is Verdict.UNDECIDED
    assert "moon in the field" in loaded.bridge.sending.submissions()[0].message


def test_the_draft_lies_in_the_light_curve_before_it_is_sent(loaded) -> None:
    loaded.window.show_tab("lightcurve")
    view = loaded.window.light_curve
    how = [d.how for d in view._drawn]
    assert sorted(how) == ["draft", "night"]
    draft = view._drawn[-1]
    assert draft.point.mag == loaded.bridge.calibration.measurement.mag
    assert view.record.text().startswith("Draft:")
    loaded.window.show_tab("calibrate")
    accept(loaded)
    loaded.window.show_tab("lightcurve")
    assert sorted(d.how for d in view._drawn) == ["night", "waiting"]
    night = next(d for d in view._drawn if d.how == "night")
    loaded.click_plot(view.canvas, view.box, night.point.mjd, night.point.mag)
    assert loaded.bridge.current == night.key
    assert "not decided" in view.record.text()
    loaded.settle()
