"""Two desktops with one key and a week of conflicting edits end with one light curve."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import push
from tests.sending import EVENT, Answer, ContractServer, point

MEMORY = Path("/dev/shm")  # no waiting for a disk
DESKS = st.sampled_from(["dome", "home"])
POINTS = st.integers(1, 2)
MAGS = st.sampled_from([15.0, 15.1, 15.2])


class TwoDesktops(RuleBasedStateMachine):
    """Real outboxes, real HTTP, one server."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.server = ContractServer()
        self.server.events[EVENT] = {"ivorn": EVENT, "ra": 10.0, "dec": 20.0}
        self.clock = itertools.count(1.8e9, 1000.0)
        self.client = CpcsClient(self.server.url, "cpcs_testtest_secret", silence_s=1.0)
        self.desks = {
            name: Outbox(Path(self.folder.name) / f"{name}.sqlite") for name in ("dome", "home")
        }

    def teardown(self) -> None:
        if not hasattr(self, "desks"):
            return
        try:
            self.settle()
        finally:
            for outbox in self.desks.values():
                outbox.close()
            self.client.close()
            self.server.stop()
            self.folder.cleanup()

    @rule(desk=DESKS, n=POINTS, mag=MAGS)
    def accept(self, desk: str, n: int, mag: float) -> None:
        self.desks[desk].add(point(n, mag=mag))

    @rule(desk=DESKS, n=POINTS)
    def withdraw(self, desk: str, n: int) -> None:
        outbox = self.desks[desk]
        if any(row.point_id == point(n).id for row in outbox.submissions()):
            outbox.withdraw(point(n).id, "cloud")

    @rule(desk=DESKS, trouble=st.sampled_from(["none", "none", "lost", "503"]))
    def push(self, desk: str, trouble: str) -> None:
        if trouble == "lost":
            self.server.faults.append(Answer(commit=True, close=True))
        elif trouble == "503":
            self.server.faults.append(Answer(status=503))
        push(self.desks[desk], self.client, now=next(self.clock), force=True)
        self.server.faults.clear()

    @rule(desk=DESKS, mine=st.booleans())
    def decide(self, desk: str, mine: bool) -> None:
        """The observer decides what is in conflict."""
        outbox = self.desks[desk]
        for row in outbox.submissions():
            if row.in_conflict and mine:
                outbox.keep_mine(row.point_id)
            elif row.in_conflict:
                outbox.keep_theirs(self.client.get_point(row.point_id))

    @rule(desk=DESKS)
    def read(self, desk: str) -> None:
        cache = LightCurveCache(self.desks[desk].database, self.server.url)
        refresh_light_curve(cache, self.client, EVENT)

    def settle(self) -> None:
        """Everybody pushes and decides until nothing is left; then all see the same."""
        self.server.faults.clear()
        for _ in range(6):
            for outbox in self.desks.values():
                push(outbox, self.client, now=next(self.clock), force=True)
                for row in outbox.submissions():
                    if row.in_conflict:
                        outbox.keep_mine(row.point_id)
        curves = []
        for outbox in self.desks.values():
            assert not any(row.unfinished for row in outbox.submissions())
            assert not any(row.in_conflict for row in outbox.submissions())
            cache = LightCurveCache(outbox.database, self.server.url)
            curves.append(refresh_light_curve(cache, self.client, EVENT))
        assert curves[0] == curves[1]
        truth = self.server.light_curve(EVENT, 0)["rows"]
        assert sorted((r["id"], r["revision"], r["mag"]) for r in truth) == sorted(
            (p.id, p.revision, p.mag) for p in curves[0].points
        )
        for revisions in self.server.points.values():
            numbers = [r["revision"] for r in revisions]
            assert numbers == sorted(set(numbers))
        # Who won holds what the server shows.
        for p in curves[0].points:
            holders = [
                row
                for outbox in self.desks.values()
                for row in outbox.submissions()
                if (row.point_id, row.revision, row.mag) == (p.id, p.revision, p.mag)
            ]
            assert holders


TwoDesktops.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestTwoDesktops = TwoDesktops.TestCase
