"""The list of events on this machine: synchronised from the server, usable and growable offline."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.database import Database

#: Footprint of a list of sources without a frame: its sources' hull grows by this margin, degrees.
LIST_MARGIN_DEG = 0.003
#: Changes of so many seconds before the last synchronisation are asked for again.
OVERLAP_S = 600.0


class EventList:
    """Events in the profile's SQLite file.

    Parameters
    ----------
    file : Path or Database
    """

    def __init__(self, file: Path | Database) -> None:
        self.database = file if isinstance(file, Database) else Database(file)

    def all(self) -> list[Event]:
        """Return every event, by name."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT * FROM events ORDER BY ivorn").fetchall()
        return [_event(row) for row in rows]

    def get(self, ivorn: str) -> Event | None:
        """Return the event of this name, None when it is not in the list."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT * FROM events WHERE ivorn = ?", (ivorn,)).fetchone()
        return None if row is None else _event(row)

    def add(self, event: Event) -> bool:
        """Add an event at once, offline too; it is created on the server at the next push.

        Returns
        -------
        bool
            Whether it is new. The same event again is not an error.

        Raises
        ------
        CpcsError
            ``bad_event`` for an impossible name or position, ``other_position`` when an event of
            this name lies elsewhere.
        """
        _check(event)
        with self.database.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM events WHERE ivorn = ?", (event.ivorn,)
            ).fetchone()
            if row is not None and row["ra"] is not None and event.ra is not None:
                there = _event(row)
                apart = separation_deg(there, float(event.ra), float(event.dec or 0.0))
                if apart > 1.0 / 3600.0:
                    raise CpcsError(
                        "other_position",
                        f"{event.ivorn} is in the list already, {apart * 3600:.1f}″ from there.",
                        "Check the position, or choose another name.",
                    )
                return False
            _write(connection, event, pending=True)
        return True

    def pending(self) -> list[Event]:
        """Return the events that the server does not know of yet."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM events WHERE pending = 1 ORDER BY rowid"
            ).fetchall()
        return [_event(row) for row in rows]

    def confirmed(self, event: Event, ivorn: str | None = None) -> None:
        """Take over an event as the server has it; ``ivorn`` is the name it was created by."""
        with self.database.transaction() as connection:
            _write(connection, event, pending=False)
            connection.execute("UPDATE events SET pending = 0 WHERE ivorn = ?", (ivorn,))

    def refused(self, ivorn: str, message: str) -> None:
        """Write down why the server will never have an event."""
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE events SET pending = 0, message = ? WHERE ivorn = ?", (message, ivorn)
            )

    def since(self, server: str) -> str | None:
        """Return the moment of the last synchronisation with a server, None for never."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT events_since FROM contacts WHERE server = ?", (server,)
            ).fetchone()
        return None if row is None else row["events_since"]

    def merge(self, events: list[Event], server: str, since: str) -> int:
        """Take over a synchronisation with the server; return how many were new or changed.

        Parameters
        ----------
        since : str
            What to ask the server with next time.
        """
        with self.database.transaction() as connection:
            changed = _learn(connection, events)
            connection.execute(
                """INSERT INTO contacts (server, events_since) VALUES (?, ?)
                   ON CONFLICT (server) DO UPDATE SET events_since = excluded.events_since""",
                (server, since),
            )
        return changed

    def learn(self, events: list[Event]) -> int:
        """Take over some events from the server; return how many were new or changed."""
        with self.database.transaction() as connection:
            return _learn(connection, events)

    def within(self, ra: float, dec: float, radius_deg: float) -> list[Event]:
        """Return the events inside a cone, nearest first."""
        return _within(self.all(), ra, dec, radius_deg)

    def in_footprint(self, frame: Frame, corners: list[tuple[float, float]]) -> list[Event]:
        """Return the events that lie on a frame; see :func:`events_on`."""
        return events_on(self.all(), frame, corners)


def events_on(
    events: Iterable[Event], frame: Frame, corners: list[tuple[float, float]]
) -> list[Event]:
    """Return those of some events that lie on a frame, nearest to its centre first.

    Parameters
    ----------
    events : iterable of Event
    frame : Frame
        With a WCS and shape the pixel decides; without, the polygon does.
    corners : list of (ra, dec)
        Polygon on the sky for lists (their outermost sources), degrees.
    """
    if not corners:
        return []
    centre, radius = _circle(corners)
    near = _within(events, centre[0], centre[1], radius + LIST_MARGIN_DEG)
    if frame.wcs is None or frame.shape is None:
        return [e for e in near if _inside(e, corners, centre)]
    rows, columns = frame.shape
    found = []
    for event in near:
        x, y = frame.wcs.world_to_pixel_values(event.ra, event.dec)
        if -0.5 <= float(x) <= columns - 0.5 and -0.5 <= float(y) <= rows - 0.5:
            found.append(event)
    return found


def _within(events: Iterable[Event], ra: float, dec: float, radius_deg: float) -> list[Event]:
    near = [(separation_deg(e, ra, dec), e) for e in events if e.ra is not None]
    return [e for apart, e in sorted(near, key=lambda pair: pair[0]) if apart <= radius_deg]


def sync_events(events: EventList, client: CpcsClient) -> int:
    """Create what is pending and fetch what the server has; return how many changed here.

    Raises
    ------
    UnreachableError, BadAnswerError, RefusalError
    """
    for event in events.pending():
        events.confirmed(client.post_event(event), event.ivorn)
    # Asked for again are the last minutes, too: a change may have been committed later than its
    # time of day says.
    since = events.since(client.url)
    found = client.get_events(updated_since=since)
    server_now = time.time() + (client.clock_offset_s or 0.0) - OVERLAP_S
    moment = datetime.fromtimestamp(server_now, UTC).isoformat("T", "seconds")
    return events.merge(found, client.url, moment)


def separation_deg(event: Event, ra: float, dec: float) -> float:
    """Return the angle between an event and a position, degrees (haversine, Sinnott 1984)."""
    if event.ra is None or event.dec is None:
        return math.inf
    d1, d2 = math.radians(event.dec), math.radians(dec)
    h = (
        math.sin((d2 - d1) / 2) ** 2
        + math.cos(d1) * math.cos(d2) * math.sin(math.radians(ra - event.ra) / 2) ** 2
    )
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, h))))


def _check(event: Event) -> None:
    position = (event.ra, event.dec)
    if not event.ivorn.strip() or len(event.ivorn) > 200:
        raise CpcsError("bad_event", "An event needs a name of 1 to 200 characters.")
    if (event.ra is None) != (event.dec is None) or not all(
        p is None or math.isfinite(p) for p in position
    ):
        raise CpcsError("bad_event", "An event's position needs both RA and Dec, in degrees.")
    if event.ra is None or event.dec is None:
        return
    if not (0 <= event.ra < 360 and -90 <= event.dec <= 90):
        raise CpcsError(
            "bad_event", f"RA {event.ra:g}, Dec {event.dec:g} is no position on the sky."
        )


def _learn(connection: sqlite3.Connection, events: list[Event]) -> int:
    changed = 0
    for event in events:
        row = connection.execute("SELECT * FROM events WHERE ivorn = ?", (event.ivorn,)).fetchone()
        if row is None or _event(row) != event or row["pending"]:
            _write(connection, event, pending=False)
            changed += 1
    return changed


def _write(connection: sqlite3.Connection, event: Event, *, pending: bool) -> None:
    connection.execute(
        """INSERT INTO events (ivorn, ra, dec, published, url, priority, wanted_bands,
                               n_followup, pending)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (ivorn) DO UPDATE SET ra = excluded.ra, dec = excluded.dec,
               published = excluded.published, url = excluded.url, priority = excluded.priority,
               wanted_bands = excluded.wanted_bands, n_followup = excluded.n_followup,
               pending = excluded.pending, message = ''""",
        (
            event.ivorn,
            event.ra,
            event.dec,
            event.published,
            event.url,
            event.priority,
            json.dumps(event.wanted_bands),
            event.n_followup,
            pending,
        ),
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(
        ivorn=row["ivorn"],
        ra=row["ra"],
        dec=row["dec"],
        published=row["published"],
        url=row["url"],
        priority=row["priority"],
        wanted_bands=tuple(json.loads(row["wanted_bands"])),
        n_followup=row["n_followup"],
    )


def _vector(ra: float, dec: float) -> tuple[float, float, float]:
    a, d = math.radians(ra), math.radians(dec)
    return math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)


def _circle(corners: list[tuple[float, float]]) -> tuple[tuple[float, float], float]:
    """Return centre and radius of a circle around the corners, degrees."""
    x, y, z = (sum(v) for v in zip(*(_vector(ra, dec) for ra, dec in corners), strict=True))
    centre = (
        math.degrees(math.atan2(y, x)) % 360.0,
        math.degrees(math.atan2(z, math.hypot(x, y))),
    )
    here = Event("centre", *centre)
    return centre, max(separation_deg(here, ra, dec) for ra, dec in corners)


def _inside(event: Event, corners: list[tuple[float, float]], centre: tuple[float, float]) -> bool:
    """Say whether an event lies in the hull of the corners, in the plane tangent at the centre."""
    points = [_tangent(ra, dec, centre) for ra, dec in corners]
    x, y = _tangent(float(event.ra or 0.0), float(event.dec or 0.0), centre)
    hull = _hull(points)
    if len(hull) < 3:
        return False
    for (x1, y1), (x2, y2) in zip(hull, hull[1:] + hull[:1], strict=True):
        length = math.hypot(x2 - x1, y2 - y1)
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if side < -LIST_MARGIN_DEG * length:
            return False
    return True


def _tangent(ra: float, dec: float, centre: tuple[float, float]) -> tuple[float, float]:
    """Gnomonic projection around the centre, degrees."""
    d, d0, da = math.radians(dec), math.radians(centre[1]), math.radians(ra - centre[0])
    cosine = math.sin(d0) * math.sin(d) + math.cos(d0) * math.cos(d) * math.cos(da)
    x = math.cos(d) * math.sin(da) / cosine
    y = (math.cos(d0) * math.sin(d) - math.sin(d0) * math.cos(d) * math.cos(da)) / cosine
    return math.degrees(x), math.degrees(y)


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the convex hull, anticlockwise (Andrew 1979, monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered

    def half(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in sequence:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(ordered) + half(ordered[::-1])


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
