"""The shared light curves on this machine: kept right by the server's cursor, readable offline."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from cpcs_desktop.datamodel.point import LightCurve, LightCurvePoint
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.database import Database
from cpcs_desktop.wire import LightCurveAnswer, LightCurveRow


class LightCurveCache:
    """Light curves of one server in the profile's SQLite file.

    Parameters
    ----------
    file : Path or Database
    server : str
        Address; cursors of one server mean nothing to another.
    """

    def __init__(self, file: Path | Database, server: str) -> None:
        self.database = file if isinstance(file, Database) else Database(file)
        self._server = server

    def get(self, ivorn: str, *, withdrawn: bool = False) -> LightCurve:
        """Return what is known of a light curve, by MJD; empty when never fetched."""
        with self.database.reading() as connection:
            rows = connection.execute(
                """SELECT body FROM light_curve_rows WHERE server = ? AND event = ?
                   ORDER BY mjd, id""",
                (self._server, ivorn),
            ).fetchall()
        points = [_point(LightCurveRow.model_validate_json(row["body"])) for row in rows]
        return LightCurve(ivorn, tuple(p for p in points if withdrawn or not p.withdrawn))

    def fetched_at(self, ivorn: str) -> float | None:
        """Return when the light curve was last asked for, Unix time; None for never."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT fetched_at FROM light_curves WHERE server = ? AND event = ?",
                (self._server, ivorn),
            ).fetchone()
        return None if row is None else float(row[0])

    def cursor(self, ivorn: str) -> int:
        """Return the cursor to ask with; 0 for everything."""
        with self.database.reading() as connection:
            return _cursor(connection, self._server, ivorn)

    def merge(self, answer: LightCurveAnswer, since: int) -> bool:
        """Take over changes since a cursor; return False when they came out of turn.

        A complete answer replaces the cache: it is the first one, or the server was restored from
        a copy older than ``since``. An answer that was overtaken by a newer one, asked for by
        another program, is left aside.
        """
        with self.database.transaction() as connection:
            known = _cursor(connection, self._server, answer.event)
            if since > known or (since < known and answer.cursor < known):
                return False
            if answer.complete:
                _forget(connection, self._server, answer.event)
            for row in answer.rows:
                connection.execute(
                    """INSERT INTO light_curve_rows VALUES (?, ?, ?, ?, ?, ?)
                       ON CONFLICT (server, event, id) DO UPDATE SET
                           revision = excluded.revision, mjd = excluded.mjd, body = excluded.body
                       WHERE excluded.revision >= light_curve_rows.revision""",
                    (
                        self._server,
                        answer.event,
                        row.id,
                        row.revision,
                        row.mjd,
                        row.model_dump_json(),
                    ),
                )
            connection.execute(
                """INSERT INTO light_curves VALUES (?, ?, ?, ?)
                   ON CONFLICT (server, event) DO UPDATE SET
                       cursor = max(cursor, excluded.cursor), fetched_at = excluded.fetched_at""",
                (self._server, answer.event, answer.cursor, time.time()),
            )
        return True


def refresh_light_curve(cache: LightCurveCache, client: CpcsClient, ivorn: str) -> LightCurve:
    """Fetch what changed and return the whole light curve.

    Raises
    ------
    UnreachableError, BadAnswerError, RefusalError
    """
    since = cache.cursor(ivorn)
    cache.merge(client.get_light_curve(ivorn, since), since)
    return cache.get(ivorn)


def older_points(client: CpcsClient, ivorn: str) -> tuple[LightCurvePoint, ...]:
    """Return every revision of an event's points there ever was; kept nowhere.

    Raises
    ------
    UnreachableError, BadAnswerError, RefusalError
    """
    return tuple(_point(row) for row in client.get_older(ivorn).rows)


def _forget(connection: sqlite3.Connection, server: str, ivorn: str) -> None:
    connection.execute(
        "DELETE FROM light_curve_rows WHERE server = ? AND event = ?", (server, ivorn)
    )
    connection.execute("DELETE FROM light_curves WHERE server = ? AND event = ?", (server, ivorn))


def _cursor(connection: sqlite3.Connection, server: str, ivorn: str) -> int:
    row = connection.execute(
        "SELECT cursor FROM light_curves WHERE server = ? AND event = ?", (server, ivorn)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _point(row: LightCurveRow) -> LightCurvePoint:
    return LightCurvePoint(**{name: getattr(row, name) for name in LightCurveRow.model_fields})
