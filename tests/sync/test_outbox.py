"""The observer's side of the outbox."""

from __future__ import annotations

import math
import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.submission import SubmissionState, Tombstone
from cpcs_desktop.sync import delivery
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import Evidence

MakePoint = Callable[..., PhotometricPoint]


def test_an_accepted_point_is_waiting_and_survives_reopening(
    outbox: Outbox, make_point: MakePoint
) -> None:
    accepted = outbox.add(make_point())
    again = Outbox(outbox.database.file)
    assert again.submissions() == [accepted]
    assert accepted.state is SubmissionState.WAITING
    assert accepted.as_json()["state"] == "WAITING"
    assert again.revisions(accepted.point_id)[0].point == make_point()
    again.close()


def test_a_missing_profile_is_an_empty_one_and_stays_missing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "nowhere" / "outbox.sqlite")
    assert outbox.submissions() == []
    assert outbox.next_revision("x") == 1
    assert not (tmp_path / "nowhere").exists()


def test_same_content_is_nothing_new_other_content_is_the_next_revision(
    outbox: Outbox, make_point: MakePoint
) -> None:
    first = outbox.add(make_point())
    assert outbox.add(make_point(revision=7)) == first
    second = outbox.add(make_point(mag=15.6, band="PS1/g"))
    assert (second.revision, second.band, len(outbox.submissions())) == (2, "PS1/g", 1)
    assert [a.point.mag for a in outbox.revisions(first.point_id)] == [15.5, 15.6]
    assert outbox.next_revision(first.point_id) == 3


def test_a_point_that_breaks_the_rules_is_refused_at_once_with_every_reason(
    outbox: Outbox, make_point: MakePoint
) -> None:
    bad = outbox.add(make_point(mag=44.0, band="Nowhere/Q", mag_err=9.0))
    assert bad.state is SubmissionState.REFUSED
    for word in ("magnitude 44", "Nowhere/Q", "mag_err 9"):
        assert word in bad.message
    with pytest.raises(CpcsError, match="finite"):
        outbox.add(make_point(2, mag=math.nan))
    assert len(outbox.submissions()) == 1


def test_a_wrong_clock_on_this_machine_refuses_nothing(
    outbox: Outbox, make_point: MakePoint
) -> None:
    assert outbox.add(make_point(mjd=99000.0)).state is SubmissionState.WAITING


def test_withdrawn_before_sending_is_never_sent(outbox: Outbox, make_point: MakePoint) -> None:
    row = outbox.add(make_point())
    with pytest.raises(CpcsError, match="reason"):
        outbox.withdraw(row.point_id, "  ")
    gone = outbox.withdraw(row.point_id, "satellite trail")
    assert (gone.state, gone.tombstone) == (SubmissionState.WITHDRAWN, Tombstone.NONE)
    assert delivery.due(outbox.database, 1e12, force=True) == []
    assert outbox.withdraw(row.point_id, "again").message == gone.message


def test_withdrawn_while_being_sent_leaves_a_tombstone(
    outbox: Outbox, make_point: MakePoint
) -> None:
    row = outbox.add(make_point())
    parcel = delivery.claim(outbox.database, row.point_id, 0.0)
    assert parcel is not None
    gone = outbox.withdraw(row.point_id, "blend")
    delivery.stored(outbox.database, parcel, "stored")
    assert outbox.get(row.point_id) == gone
    assert gone.tombstone is Tombstone.PENDING
    # Accepting it again takes the withdrawal back with a higher revision.
    assert outbox.add(make_point()).revision == 2


def test_a_revision_accepted_during_sending_is_not_lost(
    outbox: Outbox, make_point: MakePoint
) -> None:
    row = outbox.add(make_point())
    parcel = delivery.claim(outbox.database, row.point_id, 0.0)
    assert parcel is not None
    outbox.add(make_point(mag=15.9))
    delivery.stored(outbox.database, parcel, "stored")
    now = outbox.get(row.point_id)
    assert (now.state, now.revision) == (SubmissionState.WAITING, 2)
    delivery.refused(outbox.database, parcel, "422", "late refusal of the old one", None)
    assert outbox.get(row.point_id).state is SubmissionState.WAITING


def test_a_row_of_a_killed_program_is_tried_again(outbox: Outbox, make_point: MakePoint) -> None:
    row = outbox.add(make_point())
    delivery.claim(outbox.database, row.point_id, 1000.0)
    assert delivery.due(outbox.database, 1001.0) == []
    assert delivery.due(outbox.database, 1001.0, force=True)
    assert delivery.due(outbox.database, 1001.0 + delivery.CLAIM_LASTS_S)
    assert delivery.due(outbox.database, 500.0), "a clock set back holds no row"


def test_known_errors_have_a_sentence(tmp_path: Path, make_point: MakePoint) -> None:
    (tmp_path / "broken.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(CpcsError) as damaged:
        Outbox(tmp_path / "broken.sqlite").add(make_point())
    assert damaged.value.code == "outbox_damaged"

    newer = sqlite3.connect(tmp_path / "newer.sqlite")
    newer.execute("PRAGMA user_version=2000")
    newer.close()
    with pytest.raises(CpcsError) as too_new:
        Outbox(tmp_path / "newer.sqlite").submissions()
    assert too_new.value.code == "outbox_too_new"

    with pytest.raises(CpcsError) as missing:
        Outbox(tmp_path / "none.sqlite").get("x")
    assert missing.value.code == "no_such_point"


def test_a_full_disk_accepts_nothing_and_says_so(outbox: Outbox, make_point: MakePoint) -> None:
    outbox.add(make_point(1))
    with outbox.database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
    code, before = "", outbox.submissions()
    for n in range(2, 200):
        before = outbox.submissions()
        try:
            outbox.add(make_point(n, comment="x" * 2000))
        except CpcsError as error:
            code = error.code
            break
    assert code == "disk_full"
    assert outbox.submissions() == before


def test_a_busy_outbox_says_so(tmp_path: Path, make_point: MakePoint) -> None:
    from cpcs_desktop.sync.database import Database

    outbox = Outbox(Database(tmp_path / "o.sqlite", busy_timeout_s=0.05))
    outbox.add(make_point())
    other = sqlite3.connect(tmp_path / "o.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CpcsError) as busy:
        outbox.add(make_point(2))
    assert busy.value.code == "outbox_busy"
    other.execute("ROLLBACK")
    other.close()
    assert outbox.add(make_point(2)).state is SubmissionState.WAITING


def _add_many(file: Path, points: list[PhotometricPoint]) -> None:
    outbox = Outbox(file)
    for point in points:
        outbox.add(point)
    outbox.close()


def test_two_programs_at_once(tmp_path: Path, make_point: MakePoint) -> None:
    """Both create the file, write their own points and share five."""
    spawn = multiprocessing.get_context("spawn")
    file = tmp_path / "outbox.sqlite"
    lists = [[make_point(n) for n in range(start, start + 15)] for start in (0, 10)]
    programs = [spawn.Process(target=_add_many, args=(file, points)) for points in lists]
    for program in programs:
        program.start()
    for program in programs:
        program.join(60)
        assert program.exitcode == 0
    rows = Outbox(file).submissions()
    assert len(rows) == 25
    assert {row.revision for row in rows} == {1}


def test_points_alone_are_those_of_the_revisions(outbox: Outbox, make_point: MakePoint) -> None:
    """Read from the head of what is packed, however long the evidence behind it is."""
    long = Evidence(
        stars={}, fits=[], choice={}, checks=[], settings={},
        source_list="".join(chr(33 + n * n % 90) for n in range(1_000_000)),
    )  # fmt: skip
    for mag in (15.1, 15.2, 15.3):
        outbox.add(make_point(mag=mag, comment="ň☆" * 900), long)
    name = make_point().id
    assert outbox.points(name) == [kept.point for kept in outbox.revisions(name)]
    assert [p.mag for p in outbox.points(name)] == [15.1, 15.2, 15.3]
    assert outbox.points("nobody") == []
