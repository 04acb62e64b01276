"""The pusher's side of the outbox: claim a row, send it, write down what came of it.

Every step is a transaction of its own. A program killed between any two of them leaves a row in
``SENDING``; the same bytes are then sent again, which the server knows how to take.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass

from cpcs_desktop.datamodel.submission import Tombstone
from cpcs_desktop.sync.accepted import unpack
from cpcs_desktop.sync.database import Database
from cpcs_desktop.wire import PointSubmission

#: After so many seconds without an answer a row in ``SENDING`` belongs to nobody: longer than a
#: request may take (``client.DEADLINE_S``).
CLAIM_LASTS_S = 180.0
#: A ``DELETE`` answered "no such point" is believed only this long after the last ``PUT``, which
#: may still be on its way.
LATE_ARRIVAL_S = 180.0


@dataclass(frozen=True)
class Parcel:
    """One row claimed for sending.

    Parameters
    ----------
    body : PointSubmission or None
        What to ``PUT``; None when a withdrawal is to be told.
    reason : str
        Reason of the withdrawal.
    """

    point_id: str
    revision: int
    event: str
    attempts: int
    claim: str
    body: PointSubmission | None
    reason: str
    was_there: bool
    last_put_at: float | None


def due(database: Database, now: float, *, force: bool = False) -> list[tuple[str, str]]:
    """Return (point id, event) of the rows to try now, in the order of acceptance.

    ``force`` tries all, waiting times and claims of others notwithstanding. A clock that was set
    back does not hold rows: a time of the last attempt in the future is taken as long ago.
    """
    with database.reading() as connection:
        rows = connection.execute(
            """SELECT s.point_id, a.event FROM submissions s JOIN accepted a
                   ON a.point_id = s.point_id AND a.revision = s.revision
               WHERE (state = 'WAITING'
                      AND (:force OR not_before IS NULL OR not_before <= :now
                           OR attempted_at > :now))
                  OR (state = 'SENDING'
                      AND (:force OR attempted_at < :now - :lasts OR attempted_at > :now))
                  OR (state = 'WITHDRAWN' AND tombstone = 'PENDING'
                      AND (:force OR not_before IS NULL OR not_before <= :now
                           OR attempted_at > :now))
               ORDER BY sequence""",
            {"force": force, "now": now, "lasts": CLAIM_LASTS_S},
        ).fetchall()
    return [(row[0], row[1]) for row in rows]


def next_due(database: Database) -> float | None:
    """Return the earliest Unix time at which some row wants to be tried; None for none."""
    with database.reading() as connection:
        row = connection.execute(
            """SELECT min(CASE WHEN state = 'SENDING' THEN attempted_at + ?
                               ELSE coalesce(not_before, 0) END)
               FROM submissions WHERE state IN ('WAITING', 'SENDING')
                  OR (state = 'WITHDRAWN' AND tombstone = 'PENDING')""",
            (CLAIM_LASTS_S,),
        ).fetchone()
    return None if row[0] is None else float(row[0])


def claim(database: Database, point_id: str, now: float) -> Parcel | None:
    """Mark a row as being sent; None when there is nothing to send any more."""
    token = uuid.uuid4().hex
    with database.transaction() as connection:
        row = connection.execute(
            """SELECT s.*, a.payload, a.event FROM submissions s JOIN accepted a
               ON a.point_id = s.point_id AND a.revision = s.revision WHERE s.point_id = ?""",
            (point_id,),
        ).fetchone()
        if row is None:
            return None
        telling = row["state"] == "WITHDRAWN" and row["tombstone"] == Tombstone.PENDING
        if not telling and row["state"] not in {"WAITING", "SENDING"}:
            return None
        if telling:
            connection.execute(
                "UPDATE submissions SET attempts = attempts + 1, claim = ? WHERE point_id = ?",
                (token, point_id),
            )
        else:
            connection.execute(
                """UPDATE submissions SET state = 'SENDING', attempts = attempts + 1, claim = ?,
                   attempted_at = ?, maybe_there = 1, message = 'being sent' WHERE point_id = ?""",
                (token, now, point_id),
            )
        return Parcel(
            point_id=point_id,
            revision=row["revision"],
            event=row["event"],
            attempts=row["attempts"] + 1,
            claim=token,
            body=None if telling else unpack(row["payload"]),
            reason=row["withdraw_reason"] or "",
            was_there=bool(row["maybe_there"]),
            last_put_at=row["attempted_at"],
        )


def stored(database: Database, parcel: Parcel, answer: str) -> None:
    """Write down a receipt.

    A revision accepted while this one was on its way keeps waiting; a point withdrawn meanwhile
    gets its tombstone.
    """
    with database.transaction() as connection:
        connection.execute(
            """UPDATE submissions SET maybe_there = 1,
               stored_revision = max(coalesce(stored_revision, 0), ?) WHERE point_id = ?""",
            (parcel.revision, parcel.point_id),
        )
        connection.execute(
            """UPDATE submissions SET state = 'STORED', claim = NULL, not_before = NULL,
               last_answer = ?, server_revision = NULL, message = 'stored'
               WHERE point_id = ? AND revision = ? AND state != 'WITHDRAWN'""",
            (answer, parcel.point_id, parcel.revision),
        )
        connection.execute(
            """UPDATE submissions SET tombstone = 'PENDING', not_before = NULL
               WHERE point_id = ? AND state = 'WITHDRAWN' AND tombstone = 'NONE'""",
            (parcel.point_id,),
        )


def told(database: Database, parcel: Parcel, answer: str) -> None:
    """Write down that the server knows of the withdrawal."""
    with database.transaction() as connection:
        connection.execute(
            """UPDATE submissions SET tombstone = 'DONE', claim = NULL, not_before = NULL,
               last_answer = ?, message = 'withdrawn: ' || withdraw_reason
               WHERE point_id = ? AND state = 'WITHDRAWN' AND tombstone = 'PENDING'""",
            (answer, parcel.point_id),
        )


def refused(
    database: Database, parcel: Parcel, answer: str, message: str, server_revision: int | None
) -> None:
    """Write down a refusal, unless another attempt was received or a newer revision waits."""
    with database.transaction() as connection:
        if parcel.body is None:
            connection.execute(
                """UPDATE submissions SET tombstone = 'REFUSED', claim = NULL, last_answer = ?,
                   message = ? WHERE point_id = ? AND claim = ? AND tombstone = 'PENDING'""",
                (answer, message, parcel.point_id, parcel.claim),
            )
        else:
            connection.execute(
                """UPDATE submissions SET state = 'REFUSED', claim = NULL, not_before = NULL,
                   last_answer = ?, message = ?, server_revision = ?
                   WHERE point_id = ? AND revision = ? AND state IN ('WAITING', 'SENDING')""",
                (answer, message, server_revision, parcel.point_id, parcel.revision),
            )


def postponed(
    database: Database,
    parcel: Parcel,
    answer: str,
    message: str,
    not_before: float,
    *,
    never_left: bool = False,
) -> None:
    """Write down that there was no receipt; the row waits for its next turn.

    Parameters
    ----------
    never_left : bool
        Not one byte reached the server: the point is there no more surely than before.
    """
    with database.transaction() as connection:
        connection.execute(
            """UPDATE submissions SET claim = NULL, not_before = ?, last_answer = ?, message = ?,
               state = CASE WHEN state = 'SENDING' THEN 'WAITING' ELSE state END
               WHERE point_id = ? AND revision = ? AND claim = ?""",
            (not_before, answer, message, parcel.point_id, parcel.revision, parcel.claim),
        )
        if never_left and not parcel.was_there:
            _was_never_there(connection, parcel)


def _was_never_there(connection: sqlite3.Connection, parcel: Parcel) -> None:
    connection.execute(
        """UPDATE submissions SET maybe_there = 0 WHERE point_id = ? AND claim IS NULL
           AND stored_revision IS NULL AND attempts <= ?""",
        (parcel.point_id, parcel.attempts),
    )


def hold_all(
    database: Database, answer: str, message: str, not_before: float, events: set[str] | None = None
) -> None:
    """Let every waiting row wait (those of some events, or all): the trouble is not its own."""
    with database.transaction() as connection:
        if events is None:
            connection.execute(
                "UPDATE contacts SET not_before = ? WHERE failures > 0", (not_before,)
            )
        for row in connection.execute(
            """SELECT s.point_id, a.event FROM submissions s JOIN accepted a
               ON a.point_id = s.point_id AND a.revision = s.revision
               WHERE s.state = 'WAITING' OR (s.state = 'WITHDRAWN' AND s.tombstone = 'PENDING')"""
        ).fetchall():
            if events is None or row["event"] in events:
                connection.execute(
                    "UPDATE submissions SET not_before = ?, last_answer = ?, message = ? "
                    "WHERE point_id = ?",
                    (not_before, answer, message, row["point_id"]),
                )


def contact(database: Database, server: str, now: float, clock_offset_s: float | None) -> None:
    """Write down that the server answered with sense; after trouble no row has to wait longer."""
    with database.transaction() as connection:
        trouble = connection.execute(
            "SELECT failures FROM contacts WHERE server = ? AND failures > 0", (server,)
        ).fetchone()
        if trouble:
            connection.execute("UPDATE submissions SET not_before = NULL WHERE state = 'WAITING'")
        connection.execute(
            """INSERT INTO contacts (server, last_contact, clock_offset_s) VALUES (?, ?, ?)
               ON CONFLICT (server) DO UPDATE SET last_contact = excluded.last_contact,
               failures = 0, not_before = NULL, reason = '',
               clock_offset_s = excluded.clock_offset_s""",
            (server, now, clock_offset_s),
        )


def no_contact(database: Database, server: str, reason: str) -> int:
    """Count a failure that concerns the server as a whole; return how many in a row."""
    with database.transaction() as connection:
        row = connection.execute(
            """INSERT INTO contacts (server, failures, reason) VALUES (?, 1, ?)
               ON CONFLICT (server) DO UPDATE SET failures = failures + 1,
               reason = excluded.reason RETURNING failures""",
            (server, reason),
        ).fetchone()
    return int(row[0])


def events_due(database: Database, now: float) -> bool:
    """Say whether events wait to be created and no server has asked for patience."""
    with database.reading() as connection:
        row = connection.execute(
            """SELECT EXISTS (SELECT 1 FROM events WHERE pending = 1)
               AND NOT EXISTS (SELECT 1 FROM contacts WHERE not_before > ?)""",
            (now,),
        ).fetchone()
    return bool(row[0])


@dataclass(frozen=True)
class Contact:
    """What is known of the way to the server, for the status bar.

    Parameters
    ----------
    online : bool
        The last attempt succeeded.
    last_contact : float or None
        Unix time, s.
    reason : str
        Why there is no contact, a sentence.
    clock_offset_s : float or None
        Server's clock minus this machine's, s.
    """

    online: bool
    last_contact: float | None
    reason: str
    clock_offset_s: float | None


def last_contact(database: Database, server: str) -> Contact:
    """Return what is known of the way to a server."""
    with database.reading() as connection:
        row = connection.execute("SELECT * FROM contacts WHERE server = ?", (server,)).fetchone()
    if row is None:
        return Contact(online=False, last_contact=None, reason="", clock_offset_s=None)
    return Contact(
        online=row["failures"] == 0 and row["last_contact"] is not None,
        last_contact=row["last_contact"],
        reason=row["reason"],
        clock_offset_s=row["clock_offset_s"],
    )
