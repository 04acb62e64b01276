"""However accepting, sending, killing, losing and doubling interleave: each point ends once."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cpcs_desktop.datamodel.submission import SubmissionState, Tombstone
from cpcs_desktop.sync import delivery
from cpcs_desktop.sync.delivery import Parcel
from cpcs_desktop.sync.outbox import Outbox
from tests.sending import EVENT, ServerState, point

MEMORY = Path("/dev/shm")  # no waiting for a disk
POINTS = st.integers(1, 2)
CONTENTS = st.sampled_from([15.0, 15.1])


class OutboxMachine(RuleBasedStateMachine):
    """Two pushers on one outbox, a network that may do anything, a server that keeps its rules."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.server = ServerState()
        self.server.events[EVENT] = {}
        self.flying: list[Parcel] = []
        self.answers: list[tuple[Parcel, int, dict[str, Any]]] = []
        self.accepted: dict[str, float | None] = {}
        self.clock = itertools.count(1000.0, 1000.0)

    @initialize()
    def open(self) -> None:
        self.outbox = Outbox(Path(self.folder.name) / "outbox.sqlite")

    def teardown(self) -> None:
        try:
            if hasattr(self, "outbox"):
                self.judge()
        finally:
            self.folder.cleanup()

    def judge(self) -> None:
        self.drain()
        for uuid, mag in self.accepted.items():
            if mag is None:
                assert uuid not in self.server.points or uuid in self.server.withdrawn
            else:
                assert self.server.current(uuid)["mag"] == mag
                assert uuid not in self.server.withdrawn
        for uuid, revisions in self.server.points.items():
            numbers = [r["revision"] for r in revisions]
            assert numbers == sorted(set(numbers)), "each revision once and in order"
            assert uuid in self.accepted
        self.outbox.close()

    @rule(n=POINTS, mag=CONTENTS)
    def accept(self, n: int, mag: float) -> None:
        row = self.outbox.add(point(n, mag=mag))
        self.accepted[row.point_id] = mag

    @rule(n=POINTS)
    def withdraw(self, n: int) -> None:
        uuid = point(n).id
        if uuid in self.accepted:
            self.outbox.withdraw(uuid, "cloud")
            self.accepted[uuid] = None

    @rule(force=st.booleans(), which=st.integers(0, 3))
    def take(self, force: bool, which: int) -> None:
        now = next(self.clock)
        due = delivery.due(self.outbox.database, now, force=force)
        if due:
            parcel = delivery.claim(self.outbox.database, due[which % len(due)][0], now)
            if parcel is not None:
                self.flying.append(parcel)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 5), again=st.booleans())
    def arrive(self, which: int, again: bool) -> None:
        """A request reaches the server, perhaps late, perhaps not for the last time."""
        parcel = self.flying[which % len(self.flying)]
        if not again:
            self.flying.remove(parcel)
        self.answers.append((parcel, *self.ask(parcel)))

    def ask(self, parcel: Parcel) -> tuple[int, dict[str, Any]]:
        if parcel.body is None:
            return self.server.delete(parcel.point_id, parcel.reason, parcel.revision)
        return self.server.put(parcel.point_id, parcel.body)

    @precondition(lambda self: self.answers)
    @rule(which=st.integers(0, 5), fate=st.sampled_from(["heard", "lost", "doubled"]))
    def answer(self, which: int, fate: str) -> None:
        parcel, status, body = self.answers.pop(which % len(self.answers))
        if fate == "lost":
            delivery.postponed(
                self.outbox.database, parcel, "unreachable", "lost", next(self.clock)
            )
            return
        for _ in range(2 if fate == "doubled" else 1):
            self.hear(parcel, status, body)

    def hear(self, parcel: Parcel, status: int, body: dict[str, Any]) -> None:
        database = self.outbox.database
        if status in {200, 201} and parcel.body is not None:
            delivery.stored(database, parcel, body["state"])
        elif status == 200:
            delivery.told(database, parcel, "withdrawn")
        elif status == 404:
            delivery.postponed(database, parcel, "404", "not there yet", next(self.clock))
        else:
            delivery.refused(database, parcel, str(status), body["message"], body.get("revision"))

    @rule()
    def kill(self) -> None:
        """The program dies; what is under way on the network still arrives."""
        self.outbox.close()
        self.outbox = Outbox(Path(self.folder.name) / "outbox.sqlite")
        self.answers.clear()

    @invariant()
    def one_row_a_point(self) -> None:
        if hasattr(self, "outbox"):
            rows = self.outbox.submissions()
            assert {row.point_id for row in rows} == set(self.accepted)
            assert len(rows) == len(self.accepted)

    def drain(self) -> None:
        """All late requests arrive, then the network is good."""
        for parcel in self.flying:
            self.ask(parcel)
        self.answers.clear()
        for _ in range(20):
            now = next(self.clock)
            due = delivery.due(self.outbox.database, now, force=True)
            if not due:
                break
            for uuid, _event in due:
                parcel = delivery.claim(self.outbox.database, uuid, now)
                if parcel is not None:
                    status, body = self.ask(parcel)
                    if status == 404:
                        delivery.told(self.outbox.database, parcel, "never there")
                    else:
                        self.hear(parcel, status, body)
        for row in self.outbox.submissions():
            assert row.state in {SubmissionState.STORED, SubmissionState.WITHDRAWN}, row
            assert row.tombstone in {Tombstone.NONE, Tombstone.DONE}, row


OutboxMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestOutbox = OutboxMachine.TestCase
