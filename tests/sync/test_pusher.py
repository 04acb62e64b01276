"""Pushing over a real HTTP server that misbehaves on demand."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState, Tombstone
from cpcs_desktop.sync import delivery
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import BackgroundPusher, push, wait_s
from cpcs_desktop.sync.set_aside import read_set_aside

MakePoint = Callable[..., PhotometricPoint]
Server = Any  # the contract server of conftest
NOW = 1_800_000_000.0


def fault(server: Server, **what: Any) -> None:
    answer_type = server.answer_type
    server.faults.append(answer_type(**what))


def test_points_arrive_once_and_in_order(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    rows = [outbox.add(make_point(n)) for n in (3, 1, 2)]
    pushed = push(outbox, client, now=NOW)
    assert [p.state for p in pushed] == [SubmissionState.STORED] * 3
    assert list(server.points) == [r.point_id for r in rows]
    assert push(outbox, client, now=NOW, force=True) == []
    assert delivery.last_contact(outbox.database, client.url).online


def test_answer_lost_after_commit_is_sent_again_and_stored_once(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    row = outbox.add(make_point())
    fault(server, commit=True, close=True)
    [tried] = push(outbox, client, now=NOW)
    assert (tried.state, tried.last_answer) == (SubmissionState.WAITING, "unreachable")
    assert tried.not_before is not None
    assert NOW + 5 <= tried.not_before <= NOW + 15
    assert push(outbox, client, now=NOW + 1) == []
    [tried] = push(outbox, client, now=NOW + 20)
    assert (tried.state, tried.last_answer) == (SubmissionState.STORED, "unchanged")
    assert len(server.points[row.point_id]) == 1


@pytest.mark.parametrize("status", [401, 403, 426, 429, 500, 502, 503, 404, 400, 302])
def test_only_three_answers_refuse(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint, status: int
) -> None:
    outbox.add(make_point())
    body = json.dumps({"code": "because", "message": "Because of this.", "reasons": []}).encode()
    fault(server, status=status, body=body)
    [tried] = push(outbox, client, now=NOW)
    assert tried.state is SubmissionState.WAITING
    assert tried.last_answer == str(status)
    if status != 302:
        assert "Because of this." in tried.message
    [tried] = push(outbox, client, now=NOW, force=True)
    assert tried.state is SubmissionState.STORED


@pytest.mark.parametrize("status", [409, 413, 422])
def test_a_refusal_shows_every_reason_and_does_not_hold_the_next(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint, status: int
) -> None:
    outbox.add(make_point(1))
    outbox.add(make_point(2))
    body = {"code": "rules", "message": "Not like this.", "reasons": ["too bright", "too late"]}
    fault(server, status=status, body=json.dumps(body).encode())
    first, second = push(outbox, client, now=NOW)
    assert first.state is SubmissionState.REFUSED
    assert first.message == "Not like this: too bright; too late"
    assert second.state is SubmissionState.STORED
    assert push(outbox, client, now=NOW + 1e6, force=True) == []
    outbox.add(make_point(1))  # the observer accepts it again
    assert push(outbox, client, now=NOW)[0].state is SubmissionState.STORED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome to the hotel</html>",
        b"{}",
        b"\xff\xfe",
        b'{"id": "other", "revision": 1, "state": "stored", "stored_at": "2026-01-01T00:00:00Z"}',
        b'{"id": "ID", "revision": 2, "state": "stored", "stored_at": "2026-01-01T00:00:00Z"}',
        b'{"id": "ID", "revision": 1, "state": "stored", "stored_at": "2026-01-01T0',
    ],
)
def test_a_bare_200_is_no_success(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint, body: bytes
) -> None:
    row = outbox.add(make_point())
    fault(server, status=200, body=body.replace(b"ID", row.point_id.encode()))
    [tried] = push(outbox, client, now=NOW)
    assert tried.state is SubmissionState.WAITING
    assert "not one of a CPCS server" in tried.message


def test_retry_after_is_honoured_for_all_rows(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    for n in range(3):
        outbox.add(make_point(n))
    fault(server, status=503, headers={"Retry-After": "3600"})
    push(outbox, client, now=NOW)
    assert len(server.log) == 1, "the others were not tried"
    for row in outbox.submissions():
        assert row.not_before is not None
        assert NOW + 3600 <= row.not_before <= NOW + 3960
        assert "503" in row.message
    assert push(outbox, client, now=NOW + 3599) == []
    assert len(push(outbox, client, now=NOW + 4000)) == 3


def test_a_slow_server_is_left_in_time(
    outbox: Outbox, server: Server, make_point: MakePoint
) -> None:
    outbox.add(make_point())
    fault(server, commit=True, sleep_s=1.0, status=200)
    with_little_patience = CpcsClient(server.url, "cpcs_testtest_secret", silence_s=0.2)
    started = time.monotonic()
    [tried] = push(outbox, with_little_patience, now=NOW)
    assert time.monotonic() - started < 0.9
    assert "time limit" in tried.message
    [tried] = push(outbox, with_little_patience, now=NOW, force=True)
    assert tried.last_answer == "unchanged"
    with_little_patience.close()


def test_without_a_server_nothing_has_left_and_a_withdrawal_is_complete(
    outbox: Outbox, make_point: MakePoint
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = CpcsClient(f"http://127.0.0.1:{taken.getsockname()[1]}", "cpcs_x_y")
        row = outbox.add(make_point())
        [tried] = push(outbox, nobody, now=NOW)
        assert (tried.state, tried.attempts) == (SubmissionState.WAITING, 1)
        assert outbox.withdraw(row.point_id, "cloud").tombstone is Tombstone.NONE
        assert not delivery.last_contact(outbox.database, nobody.url).online
        nobody.close()


def test_a_poisonous_first_point_does_not_block_the_others_for_ever(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    first = outbox.add(make_point(1))
    second = outbox.add(make_point(2))
    for n in range(6):
        fault(server, close=True)
        push(outbox, client, now=NOW + n * 1000)
    assert outbox.get(first.point_id).state is SubmissionState.WAITING
    assert outbox.get(second.point_id).state is SubmissionState.STORED


def test_withdrawn_after_storing_is_told_to_the_server(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    row = outbox.add(make_point())
    push(outbox, client, now=NOW)
    outbox.withdraw(row.point_id, "a trail & more")
    fault(server, commit=True, close=True)
    [tried] = push(outbox, client, now=NOW)
    assert tried.tombstone is Tombstone.PENDING
    [tried] = push(outbox, client, now=NOW + 60)
    assert (tried.state, tried.tombstone) == (SubmissionState.WITHDRAWN, Tombstone.DONE)
    assert server.withdrawn == {row.point_id: "a trail & more"}
    outbox.add(make_point())
    assert push(outbox, client, now=NOW)[0].revision == 2
    assert server.withdrawn == {}


def test_a_withdrawal_of_what_may_still_be_on_its_way_waits(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    row = outbox.add(make_point())
    fault(server, close=True)
    push(outbox, client, now=NOW)
    outbox.withdraw(row.point_id, "cloud")
    [tried] = push(outbox, client, now=NOW + 1, force=True)
    assert tried.tombstone is Tombstone.PENDING
    [tried] = push(outbox, client, now=NOW + 1000, force=True)
    assert tried.tombstone is Tombstone.DONE


def test_a_conflict_names_the_other_revision_and_is_decided_by_the_observer(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint, tmp_path: Any
) -> None:
    other = Outbox(tmp_path / "other.sqlite")
    other.add(make_point(mag=15.1))
    push(other, client, now=NOW)
    row = outbox.add(make_point(mag=15.2))
    [tried] = push(outbox, client, now=NOW)
    assert tried.in_conflict
    assert tried.server_revision == 1

    adopted = outbox.keep_theirs(client.get_point(row.point_id))
    assert (adopted.state, adopted.mag, adopted.revision) == (SubmissionState.STORED, 15.1, 1)
    [lost] = read_set_aside(outbox.database, row.point_id)
    assert lost.submission.point.mag == 15.2

    outbox.add(make_point(mag=15.3))
    other.add(make_point(mag=15.4))
    push(other, client, now=NOW)
    [tried] = push(outbox, client, now=NOW)
    assert tried.in_conflict
    assert outbox.keep_mine(row.point_id).revision == 3
    [tried] = push(outbox, client, now=NOW)
    assert tried.state is SubmissionState.STORED
    assert server.current(row.point_id)["mag"] == 15.3
    other.close()


def test_events_made_offline_go_before_their_points(
    outbox: Outbox, client: CpcsClient, server: Server, make_point: MakePoint
) -> None:
    events = EventList(outbox.database)
    events.add(Event("ivo://new/one two", 1.0, 2.0))
    mine = outbox.add(make_point(event="ivo://new/one two"))
    other = outbox.add(make_point(2))
    fault(server, status=500)
    push(outbox, client, now=NOW)
    assert outbox.get(mine.point_id).state is SubmissionState.WAITING
    assert "event" in outbox.get(mine.point_id).message
    assert outbox.get(other.point_id).state is SubmissionState.STORED
    push(outbox, client, now=NOW, force=True)
    assert outbox.get(mine.point_id).state is SubmissionState.STORED
    assert events.pending() == []


def test_waiting_times_grow_from_five_seconds_to_a_quarter_of_an_hour() -> None:
    draws = {n: [wait_s(n) for _ in range(200)] for n in (1, 4, 30)}
    assert min(draws[1]) >= 5.0
    assert max(draws[1]) <= 15.0
    assert min(draws[4]) > max(draws[1])
    assert max(draws[30]) == 900.0
    assert len(set(draws[4])) > 100, "jitter"
    assert all(7.0 <= wait_s(9, 7.0) <= 7.7 for _ in range(100))


def test_the_thread_sends_by_itself_and_stops_in_the_middle_of_a_silence(
    outbox: Outbox, server: Server, make_point: MakePoint
) -> None:
    told: list[Submission] = []
    seen = threading.Event()

    def changed(rows: list[Submission]) -> None:
        told.extend(rows)
        seen.set()

    before = threading.active_count()
    thread = BackgroundPusher(
        outbox.database.file,
        lambda: CpcsClient(server.url, "cpcs_testtest_secret"),
        changed,
        poll_s=0.05,
    )
    thread.start()
    row = outbox.add(make_point())
    assert seen.wait(5)
    assert told[0].state is SubmissionState.STORED
    fault(server, sleep_s=3.0, commit=True)
    asked = len(server.log)
    outbox.add(make_point(mag=16.0))
    while len(server.log) == asked:
        time.sleep(0.01)
    started = time.monotonic()
    assert thread.stop()
    assert time.monotonic() - started < 1.0
    assert threading.active_count() <= before + 2  # the server's own
    assert outbox.get(row.point_id).state is SubmissionState.WAITING


def test_a_thread_without_a_server_waits_quietly(outbox: Outbox, make_point: MakePoint) -> None:
    outbox.add(make_point())
    asked: list[int] = []
    thread = BackgroundPusher(
        outbox.database.file, lambda: asked.append(1), lambda rows: None, poll_s=0.02
    )
    thread.start()
    time.sleep(0.2)
    assert thread.stop()
    assert 2 <= len(asked) <= 12
