"""Two machines with one key: conflicts are shown and decided by the observer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import BackgroundPusher, push

EVENT = "ivo://Test/ev #1+a"
MakePoint = Callable[..., PhotometricPoint]


@pytest.fixture
def client_of_key(real_server: Any) -> Any:
    key = real_server.new_key("Twins")["key"]
    made = CpcsClient(real_server.url, key)
    yield made, key
    made.close()


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_conflict_is_shown_and_decided(
    client_of_key: Any, real_server: Any, run: Any, make_point: MakePoint, tmp_path: Path
) -> None:
    client, key = client_of_key
    for profile in ("dome", "home"):
        run("login", real_server.url, "--keep-in-file", text=key + "\n", profile=profile)
    dome = Outbox(tmp_path / "dome" / "outbox.sqlite")
    home = Outbox(tmp_path / "home" / "outbox.sqlite")
    EventList(dome.database).add(Event(EVENT, 10.0, 20.0))
    dome.add(make_point(1, mag=15.1))
    assert push(dome, client, force=True)[0].state is SubmissionState.STORED

    home.add(make_point(1, mag=15.2))
    pushed = run("queue", "push", "--json", profile="home")
    [line] = lines(pushed)
    assert (line["state"], line["server_revision"]) == ("REFUSED", 1)
    assert "other content" in line["message"]

    mine = run("queue", "resolve", line["point_id"], "--keep", "mine", "--json", profile="home")
    assert lines(mine)[0]["revision"] == 2
    assert run("queue", "push", profile="home").exit_code == 0
    shown = json.loads(run("lightcurve", EVENT, profile="dome").stdout)
    assert shown["mag"] == [15.2]

    dome.add(make_point(1, mag=15.3))  # the dome does not know of revision 2
    [line] = lines(run("queue", "push", "--json", profile="dome"))
    assert line["server_revision"] == 2
    run("queue", "resolve", line["point_id"], "--keep", "theirs", profile="dome")
    adopted = dome.get(line["point_id"])
    assert (adopted.state, adopted.revision, adopted.mag) == (SubmissionState.STORED, 2, 15.2)

    dome.withdraw(line["point_id"], "a trail")
    assert run("queue", "push", profile="dome").exit_code == 0
    assert json.loads(run("lightcurve", EVENT, profile="home").stdout)["mag"] == []
    dome.close()
    home.close()


def test_another_observatory_cannot_take_a_point(
    client_of_key: Any, real_server: Any, make_point: MakePoint, outbox: Outbox, tmp_path: Path
) -> None:
    client, _ = client_of_key
    EventList(outbox.database).add(Event(EVENT, 10.0, 20.0))
    outbox.add(make_point(1))
    push(outbox, client, force=True)
    stranger = CpcsClient(real_server.url, real_server.new_key("Stranger")["key"])
    theirs = Outbox(tmp_path / "theirs.sqlite")
    theirs.add(make_point(1))
    [row] = push(theirs, stranger, force=True)
    assert row.state is SubmissionState.REFUSED
    assert "Twins" in row.message
    theirs.close()
    stranger.close()


def test_the_thread_sends_when_the_server_comes_back(
    client_of_key: Any, real_server: Any, make_point: MakePoint, outbox: Outbox
) -> None:
    client, key = client_of_key
    real_server.stop()
    stored = threading.Event()
    failed_once = threading.Event()

    def changed(rows: list[Submission]) -> None:
        failed_once.set()
        if all(row.state is SubmissionState.STORED for row in outbox.submissions()):
            stored.set()

    EventList(outbox.database).add(Event(EVENT, 10.0, 20.0))
    for n in range(5):
        outbox.add(make_point(n))
    thread = BackgroundPusher(
        outbox.database.file, lambda: CpcsClient(real_server.url, key), changed, poll_s=0.1
    )
    thread.start()
    assert not stored.wait(1.0)
    real_server.start()
    thread.wake(force=True)
    assert stored.wait(20)
    assert thread.stop()
    cache = LightCurveCache(outbox.database, client.url)
    curve = refresh_light_curve(cache, client, EVENT)
    assert [p.mjd for p in curve.points] == [57600.0 + n for n in range(5)]
