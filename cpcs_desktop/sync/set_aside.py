"""What lost a conflict: kept on this machine, though it counts no more."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from cpcs_desktop.sync.accepted import AcceptedRevision, unpack

if TYPE_CHECKING:
    from cpcs_desktop.sync.database import Database


def set_aside(connection: sqlite3.Connection, point_id: str, revision: int, now: float) -> None:
    """Move this and all later accepted revisions of a point out of the way.

    Parameters
    ----------
    connection : sqlite3.Connection
        Inside a transaction.
    point_id : str
    revision : int
        The first to go.
    now : float
        Unix time, s.
    """
    connection.execute(
        """INSERT INTO set_aside (point_id, revision, accepted_at, set_aside_at, payload)
           SELECT point_id, revision, accepted_at, ?, payload FROM accepted
           WHERE point_id = ? AND revision >= ? ORDER BY revision""",
        (now, point_id, revision),
    )
    connection.execute(
        "DELETE FROM accepted WHERE point_id = ? AND revision >= ?", (point_id, revision)
    )


def read_set_aside(database: Database, point_id: str) -> list[AcceptedRevision]:
    """Return what was set aside of a point, the latest decision last."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT payload, accepted_at FROM set_aside WHERE point_id = ? ORDER BY id",
            (point_id,),
        ).fetchall()
    return [AcceptedRevision(unpack(row["payload"]), row["accepted_at"]) for row in rows]
