"""The window's side of the network: outbox, events and light curves, never waited for.

Everything that needs the network library is imported in threads, behind the window.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import LightCurve, LightCurvePoint, PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.settings import AppSettings
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.ui.task import Tasks

if TYPE_CHECKING:
    from cpcs_desktop.sync.client import CpcsClient
    from cpcs_desktop.sync.pusher import BackgroundPusher

_log = logging.getLogger(__name__)
#: Light curves are kept per server; without one there is a place for none.
_NO_SERVER = ""


class Sending(QObject):
    """Outbox, events and light curves as the window sees them.

    Signals
    -------
    changed(Changes)
    said(str)
    _pushed(object), _push_failed(object)
        From the pusher's thread.
    """

    changed = Signal(object)
    said = Signal(str)
    _pushed = Signal(object)
    _push_failed = Signal(object)

    def __init__(self, profile: Profile, settings: AppSettings, parent: QObject) -> None:
        super().__init__(parent)
        self._profile = profile
        self._settings = settings
        self.outbox = Outbox(profile.outbox_file)
        self.events: tuple[Event, ...] = ()
        self._light_curves: dict[str, LightCurve] = {}
        self._older: dict[str, tuple[LightCurvePoint, ...]] = {}
        self._points: dict[tuple[str, int], PhotometricPoint] = {}
        self._threads = ThreadPoolExecutor(1, "cpcs-network")
        self._tasks = Tasks(self)
        self._pusher: BackgroundPusher | None = None
        self.online: bool | None = None
        self.network_sentence = ""
        #: When the server was heard of last, Unix time, s; None for never.
        self.last_contact: float | None = None
        self._pushed.connect(self._on_pushed)
        self._push_failed.connect(self._on_push_failed)

    @property
    def server(self) -> str:
        """Address of the server, empty for none."""
        return self._settings.server_url or _NO_SERVER

    def start(self) -> None:
        """Send what waits, read the known events and fetch new ones."""
        self._read_events()
        self._read_contact()
        self._tasks.start("pusher", self._threads.submit(_pusher_class), self._start_pusher)
        self.fetch_events()

    def _start_pusher(self, pusher: type[BackgroundPusher]) -> None:
        self._pusher = pusher(
            self._profile.outbox_file, self.new_client, self._pushed.emit, self._push_failed.emit
        )
        self._pusher.start()

    def close(self) -> None:
        """Stop; what was under way is sent again at the next start."""
        self._tasks.cancel_all()
        if self._pusher is not None:
            self._pusher.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.outbox.close()

    def use_settings(self, settings: AppSettings) -> None:
        """Use another server."""
        moved = settings.server_url != self._settings.server_url
        self._settings = settings
        if moved:
            self.online = self.last_contact = None
            self._read_contact()
            self._light_curves.clear()
            self._older.clear()
            self.outbox.retry()
            self.fetch_events()
            self.wake(force=True)

    def new_client(self) -> CpcsClient | None:
        """Return a fresh client, None while no server is configured; called in threads."""
        from cpcs_desktop.sync.client import CpcsClient
        from cpcs_desktop.sync.credentials import read_key

        url = self._settings.server_url
        return CpcsClient(url, read_key(self._profile, url)) if url else None

    def wake(self, *, force: bool = False) -> None:
        """Look at the outbox now."""
        if self._pusher is not None:
            self._pusher.wake(force=force)

    def push_now(self) -> None:
        """Send everything that waits, whatever the waiting times."""
        waiting = [s for s in self.submissions() if s.unfinished]
        if not self.server:
            self.said.emit("No server is set: open Settings (Ctrl+,) and name one.")
        elif not waiting:
            self.said.emit("Nothing waits in the outbox.")
        else:
            self.said.emit(f"Sending {len(waiting)} …")
            self.wake(force=True)

    def retry(self, point_id: str) -> None:
        """Queue a refused point again."""
        self.outbox.retry(point_id)
        self.changed.emit(Changes(queue=True))
        self.wake(force=True)

    def submissions(self) -> list[Submission]:
        """Return the rows of the outbox, oldest acceptance first."""
        return self.outbox.submissions()

    def accepted_point(self, submission: Submission) -> PhotometricPoint:
        """Return the point of a row of the outbox."""
        wanted = (submission.point_id, submission.revision)
        if wanted not in self._points:
            self.accepted_points(submission.point_id)
        return self._points[wanted]

    def accepted_points(self, point_id: str) -> list[PhotometricPoint]:
        """Return every revision of a point that was accepted here, oldest first."""
        kept = self.outbox.points(point_id)
        self._points |= {(point_id, point.revision): point for point in kept}
        return kept

    def forget_point(self, point_id: str) -> None:
        """Read a point anew: a decided conflict may have put other content under its revision."""
        self._points = {k: point for k, point in self._points.items() if k[0] != point_id}

    def known_point(self, submission: Submission) -> PhotometricPoint | None:
        """Return the point of a row where it was read before; see :meth:`read_points`."""
        return self._points.get((submission.point_id, submission.revision))

    def read_points(self, rows: Sequence[Submission]) -> None:
        """Read the points of these rows in the thread; views are told when they are known."""

        def read() -> dict[tuple[str, int], PhotometricPoint]:
            found = (point for row in rows for point in self.outbox.points(row.point_id))
            return {(point.id, point.revision): point for point in found}

        def came(points: dict[tuple[str, int], PhotometricPoint]) -> None:
            self._points |= points
            self.changed.emit(Changes(light_curves=True))

        self._tasks.start("read points", self._threads.submit(read), came)

    # -- events and light curves -----------------------------------------------------------------

    def fetch_events(self) -> None:
        """Bring the list of events up to date."""
        if self.server:
            self._tasks.start(
                "events", self._threads.submit(self._sync_events), self._events_came, self._offline
            )

    def _sync_events(self) -> int:
        from cpcs_desktop.sync.events import EventList, sync_events

        client = self.new_client()
        if client is None:
            return 0
        try:
            return sync_events(EventList(self.outbox.database), client)
        finally:
            client.close()

    def _events_came(self, changed: int) -> None:
        self._contact(None)
        if changed:
            self._read_events()

    def _read_events(self) -> None:
        def read() -> tuple[Event, ...]:
            from cpcs_desktop.sync.events import EventList

            return tuple(EventList(self.outbox.database).all())

        self._tasks.start("read events", self._threads.submit(read), self._events_read)

    def _events_read(self, events: tuple[Event, ...]) -> None:
        if events != self.events:
            self.events = events
            self.changed.emit(Changes(events=True))

    def add_event(self, event: Event) -> None:
        """Add an event at once; the server hears of it when it can.

        Raises
        ------
        CpcsError
            For an impossible name or position.
        """
        from cpcs_desktop.sync.events import EventList

        EventList(self.outbox.database).add(event)
        self._read_events()
        self.fetch_events()

    def light_curve(self, ivorn: str) -> LightCurve:
        """Return what is known of a light curve; what is on disk arrives a moment later."""
        if ivorn not in self._light_curves:
            self._light_curves[ivorn] = LightCurve(ivorn, ())
            self._read_light_curve(ivorn)
        return self._light_curves[ivorn]

    def _read_light_curve(self, ivorn: str) -> None:
        def read() -> LightCurve:
            from cpcs_desktop.sync.light_curves import LightCurveCache

            return LightCurveCache(self.outbox.database, self.server).get(ivorn)

        future = self._threads.submit(read)
        self._tasks.start(("read light curve", ivorn), future, self._light_curve_read)

    def _light_curve_read(self, curve: LightCurve) -> None:
        if self._light_curves.get(curve.event) != curve:
            self._light_curves[curve.event] = curve
            self.changed.emit(Changes(light_curves=True))

    def fetch_light_curve(self, ivorn: str) -> None:
        """Bring a light curve up to date."""
        if self.server:
            self._tasks.start(
                ("light curve", ivorn),
                self._threads.submit(self._refresh, ivorn),
                self._light_curve_came,
                self._offline,
            )

    def _refresh(self, ivorn: str) -> LightCurve | None:
        from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve

        client = self.new_client()
        if client is None:
            return None
        try:
            cache = LightCurveCache(self.outbox.database, client.url)
            return refresh_light_curve(cache, client, ivorn)
        finally:
            client.close()

    def _light_curve_came(self, curve: LightCurve | None) -> None:
        self._contact(None)
        if curve is not None:
            self._light_curve_read(curve)

    def older(self, ivorn: str) -> tuple[LightCurvePoint, ...]:
        """Return all revisions the server told of when it was last asked, hidden ones too."""
        return self._older.get(ivorn, ())

    def fetch_older(self, ivorn: str) -> None:
        """Ask the server for superseded and withdrawn revisions of an event's points."""
        if self.server:
            self._tasks.start(
                ("older", ivorn),
                self._threads.submit(self._ask_older, ivorn),
                lambda points: self._older_came(ivorn, points),
                self._offline,
            )

    def _ask_older(self, ivorn: str) -> tuple[LightCurvePoint, ...]:
        from cpcs_desktop.sync.light_curves import older_points

        client = self.new_client()
        if client is None:
            return ()
        try:
            return older_points(client, ivorn)
        finally:
            client.close()

    def _older_came(self, ivorn: str, points: tuple[LightCurvePoint, ...]) -> None:
        self._contact(None)
        if self._older.get(ivorn) != points:
            self._older[ivorn] = points
            self.changed.emit(Changes(light_curves=True))

    # -- contact ---------------------------------------------------------------------------------

    def _read_contact(self) -> None:
        """Bring the time of the last contact from the outbox's file."""

        def read() -> float | None:
            from cpcs_desktop.sync.delivery import last_contact

            return last_contact(self.outbox.database, self.server).last_contact

        def came(when: float | None) -> None:
            if when is not None and self.last_contact is None:
                self.last_contact = when
                self.changed.emit(Changes(queue=True))

        self._tasks.start("contact", self._threads.submit(read), came)

    def _contact(self, error: CpcsError | None) -> None:
        online = error is None
        before, now = self.last_contact, time.time()
        if online:
            self.last_contact = now
        # The status bar shows minutes: a sooner contact is no news.
        news = online and (before is None or now // 60 != before // 60)
        sentence = "" if error is None else error.message
        if news or (online, sentence) != (self.online, self.network_sentence):
            self.online, self.network_sentence = online, sentence
            self.changed.emit(Changes(queue=True))

    def _offline(self, error: Exception) -> None:
        if not isinstance(error, CpcsError):
            raise error
        _log.info("network: %s", error.message)
        self._contact(error)

    def _on_pushed(self, rows: list[Submission]) -> None:
        stored = {row.event for row in rows if row.state is SubmissionState.STORED}
        if stored:
            self._contact(None)
        for event in stored:
            self.fetch_light_curve(event)
        self.changed.emit(Changes(queue=True))

    def _on_push_failed(self, error: CpcsError) -> None:
        self._contact(error)
        self.said.emit(f"{error.message} {error.hint}".strip())


def _pusher_class() -> type[BackgroundPusher]:
    """Import the network's library behind the window."""
    from cpcs_desktop.sync.pusher import BackgroundPusher

    return BackgroundPusher
