"""Sending what waits: one pass by hand, or a thread that does it by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission
from cpcs_desktop.sync import delivery
from cpcs_desktop.sync.answers import BadAnswerError, RefusalError, UnreachableError
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.delivery import Parcel
from cpcs_desktop.sync.events import EventList
from cpcs_desktop.sync.outbox import Outbox

SHORTEST_WAIT_S = 5.0
LONGEST_WAIT_S = 900.0
#: A server that asks for more patience than this is not believed.
LONGEST_RETRY_AFTER_S = 86400.0
#: Answers that say something of the server as a whole, not of one point.
_WHOLE_SERVER = frozenset({401, 403, 426, 429, 502, 503, 504})
#: After so many failures of its own a row lets the rows behind it pass.
_PATIENCE_WITH_FIRST = 3
Trouble = UnreachableError | BadAnswerError | RefusalError


def wait_s(failures: int, retry_after_s: float | None = None) -> float:
    """Return how long to wait after the n-th failure in a row, s.

    Doubling from 5 s to 15 min with jitter, so that observers do not come back all at once; a
    server's Retry-After is honoured, and only spread upwards.
    """
    spread = random.random()  # noqa: S311 - not a secret
    if retry_after_s is not None:
        return min(max(retry_after_s, 1.0), LONGEST_RETRY_AFTER_S) * (1.0 + 0.1 * spread)
    middle = SHORTEST_WAIT_S * 2.0 ** min(failures, 12)
    return min(max(middle * (0.5 + spread), SHORTEST_WAIT_S), LONGEST_WAIT_S)


def push(
    outbox: Outbox,
    client: CpcsClient,
    *,
    now: float | None = None,
    force: bool = False,
    stop: threading.Event | None = None,
) -> list[Submission]:
    """Send everything that is due, in the order of acceptance; never raises for the network.

    Parameters
    ----------
    now : float, optional
        Unix time, s; default the computer's clock.
    force : bool
        Try all that is waiting, waiting times notwithstanding.
    stop : threading.Event, optional
        Set to end after the point under way.

    Returns
    -------
    list of Submission
        The rows that were tried, as they stand now.
    """
    return _Pass(outbox, client, time.time() if now is None else now, stop).run(force)


class _Pass:
    """One pass over the outbox."""

    def __init__(
        self, outbox: Outbox, client: CpcsClient, now: float, stop: threading.Event | None
    ) -> None:
        self._outbox = outbox
        self._database = outbox.database
        self._client = client
        self._now = now
        self._stop = stop or threading.Event()
        self._tried: list[str] = []
        self._failures_in_a_row = 0

    def run(self, force: bool) -> list[Submission]:
        held = self._create_events() if self._anything(force) else set()
        while held is not None and not self._stop.is_set():
            waiting = [
                (point, event)
                for point, event in delivery.due(self._database, self._now, force=force)
                if point not in self._tried and event not in held
            ]
            if not waiting:
                break
            parcel = delivery.claim(self._database, waiting[0][0], self._now)
            self._tried.append(waiting[0][0])
            if parcel is not None and not self._send(parcel):
                break
        return [self._outbox.get(point) for point in self._tried]

    def _anything(self, force: bool) -> bool:
        if delivery.due(self._database, self._now, force=force):
            return True
        return force or delivery.events_due(self._database, self._now)

    def _create_events(self) -> set[str] | None:
        """Create events before points of theirs; None when the server is out of reach."""
        events = EventList(self._database)
        held: set[str] = set()
        for event in events.pending():
            try:
                created = self._client.post_event(event)
            except RefusalError as trouble:
                if trouble.final:
                    # The server will not have it; its points will say so themselves.
                    events.refused(event.ivorn, trouble.sentence)
                    continue
                if trouble.status in _WHOLE_SERVER:
                    self._whole_server(trouble)
                    return None
                held.add(event.ivorn)
            except (UnreachableError, BadAnswerError) as trouble:
                self._whole_server(trouble)
                return None
            else:
                events.confirmed(created, event.ivorn)
                self._contact()
        if held:
            delivery.hold_all(
                self._database,
                "event",
                "the event could not be created on the server yet",
                self._now + wait_s(1),
                events=held,
            )
        return held

    def _send(self, parcel: Parcel) -> bool:
        """Send one row; return whether the pass may go on."""
        try:
            if parcel.body is None:
                self._client.withdraw_point(parcel.point_id, parcel.reason, parcel.revision)
                delivery.told(self._database, parcel, "withdrawn")
            else:
                receipt = self._client.put_point(parcel.body)
                delivery.stored(self._database, parcel, receipt.state)
        except RefusalError as trouble:
            return self._refused(parcel, trouble)
        except (UnreachableError, BadAnswerError) as trouble:
            return self._postpone(parcel, trouble)
        self._contact()
        self._failures_in_a_row = 0
        return True

    def _refused(self, parcel: Parcel, trouble: RefusalError) -> bool:
        if parcel.body is None and trouble.status == 404 and not trouble.code.startswith("http_"):
            late = parcel.last_put_at is not None and (
                self._now - parcel.last_put_at < delivery.LATE_ARRIVAL_S
            )
            if not late:
                delivery.told(self._database, parcel, "never there")
                return True
        elif trouble.final:
            conflict = trouble.server_revision if trouble.status == 409 else None
            delivery.refused(
                self._database, parcel, str(trouble.status), trouble.sentence, conflict
            )
            self._contact()
            return True
        return self._postpone(parcel, trouble)

    def _postpone(self, parcel: Parcel, trouble: Trouble) -> bool:
        own = isinstance(trouble, RefusalError) and (
            trouble.status not in _WHOLE_SERVER or (parcel.body is None and trouble.status == 403)
        )
        never_left = isinstance(trouble, UnreachableError) and trouble.never_left
        not_before = self._now + wait_s(parcel.attempts, _retry_after(trouble))
        delivery.postponed(
            self._database,
            parcel,
            _short(trouble),
            _sentence(trouble),
            not_before,
            never_left=never_left,
        )
        if own:
            return True
        self._failures_in_a_row += 1
        vague = not isinstance(trouble, RefusalError) and not never_left
        if vague and parcel.attempts > _PATIENCE_WITH_FIRST and self._failures_in_a_row < 2:
            return True
        self._whole_server(trouble)
        return False

    def _whole_server(self, trouble: Trouble) -> None:
        failures = delivery.no_contact(self._database, self._client.url, _sentence(trouble))
        delivery.hold_all(
            self._database,
            _short(trouble),
            _sentence(trouble),
            self._now + wait_s(failures, _retry_after(trouble)),
        )

    def _contact(self) -> None:
        delivery.contact(self._database, self._client.url, self._now, self._client.clock_offset_s)


def _retry_after(trouble: Trouble) -> float | None:
    return trouble.retry_after_s if isinstance(trouble, RefusalError) else None


def _short(trouble: Trouble) -> str:
    if isinstance(trouble, UnreachableError):
        return "unreachable"
    return str(trouble.status)


def _sentence(trouble: Trouble) -> str:
    return trouble.sentence if isinstance(trouble, RefusalError) else trouble.message


class BackgroundPusher:
    """A thread that sends by itself whenever something is due.

    Parameters
    ----------
    file : Path
        The outbox; the thread opens its own.
    connect : callable
        Returns a fresh client, or None while no server is configured. Called in the thread.
    changed : callable
        Called in the thread with the rows of a pass that tried something.
    failed : callable
        Called in the thread with a known error (disk full, damaged outbox ...).
    poll_s : float
        How often to look for rows that other programs added.
    """

    def __init__(
        self,
        file: Path,
        connect: Callable[[], CpcsClient | None],
        changed: Callable[[list[Submission]], None],
        failed: Callable[[CpcsError], None] | None = None,
        *,
        poll_s: float = 5.0,
    ) -> None:
        self._file = file
        self._connect = connect
        self._changed = changed
        self._failed = failed
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._force = threading.Event()
        self._client: CpcsClient | None = None
        self._client_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="cpcs-pusher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self, *, force: bool = False) -> None:
        """Look now; with ``force`` waiting times do not count."""
        if force:
            self._force.set()
        self._wake.set()

    def stop(self, patience_s: float = 10.0) -> bool:
        """End the thread, cutting a request under way; return whether it has ended.

        What was cut is sent again at the next start.
        """
        self._stop.set()
        self._wake.set()
        with self._client_lock:
            if self._client is not None:
                self._client.abort()
        if self._thread.ident is not None:
            self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        outbox = Outbox(self._file)
        self._force.set()  # rows left in SENDING by a killed program are nobody's now
        said = ""
        try:
            while not self._stop.is_set():
                force = self._force.is_set()
                self._force.clear()
                self._wake.clear()
                pause = self._poll_s
                try:
                    if self._once(outbox, force):
                        pause = self._pause(outbox)
                    said = ""
                except CpcsError as error:
                    if self._failed is not None and error.message != said:
                        self._failed(error)
                    said = error.message
                self._wake.wait(pause)
        finally:
            outbox.close()

    def _once(self, outbox: Outbox, force: bool) -> bool:
        """Make one pass; return whether there is a server at all."""
        now = time.time()
        if not (
            delivery.due(outbox.database, now, force=force)
            or delivery.events_due(outbox.database, now)
        ):
            return True
        client = self._connect()
        if client is None:
            return False
        with self._client_lock:
            self._client = client
            if self._stop.is_set():
                client.abort()
        try:
            tried = push(outbox, client, force=force, stop=self._stop)
        finally:
            with self._client_lock:
                self._client = None
            client.close()
        if tried:
            self._changed(tried)
        return True

    def _pause(self, outbox: Outbox) -> float:
        """Return how long until something is due, s; other programs' rows are looked for too."""
        when = delivery.next_due(outbox.database)
        if when is None:
            return self._poll_s
        return min(max(when - time.time(), 0.2), self._poll_s)
