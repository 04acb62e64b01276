"""The outbox: every accepted point, safe on disk before the observer is told so.

One row per point. The observer's side is here; the pusher's side is in ``sync.delivery``.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState, Tombstone
from cpcs_desktop.sync.accepted import HEAD, AcceptedRevision, unpack, unpack_point
from cpcs_desktop.sync.database import Database
from cpcs_desktop.sync.set_aside import set_aside
from cpcs_desktop.wire import (
    Evidence,
    PointBody,
    PointSubmission,
    content_digest,
    point_reasons,
    validation_reasons,
)

_SELECT = """
    SELECT s.*, a.accepted_at, a.event, a.band, a.mag, a.mjd, a.file_name
    FROM submissions s JOIN accepted a ON a.point_id = s.point_id AND a.revision = s.revision
"""
_NOW_WAITING = """
    UPDATE submissions SET state = 'WAITING', attempts = 0, not_before = NULL, claim = NULL,
        last_answer = NULL, server_revision = NULL,
        tombstone = 'NONE', withdraw_reason = NULL, message = ?
"""


class Outbox:
    """The observer's side of the submission queue; usable from several threads and programs.

    Parameters
    ----------
    file : Path or Database
        SQLite file; created by the first accepted point.
    clock : callable
        Unix time, s.
    """

    def __init__(self, file: Path | Database, clock: Callable[[], float] = time.time) -> None:
        self.database = file if isinstance(file, Database) else Database(file)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def add(self, point: PhotometricPoint, evidence: Evidence | None = None) -> Submission:
        """Accept a point; it is on disk when this returns.

        The same content again changes nothing (a refused or withdrawn point is queued anew);
        other content is the next revision. The revision of ``point`` itself is not used.
        A point that breaks the rules of the wire is kept as ``REFUSED`` with every reason.

        Raises
        ------
        CpcsError
            ``bad_point`` when a number is not finite; ``disk_full``, ``outbox_busy`` ... when
            nothing could be written.
        """
        try:
            body = PointBody.of(replace(point, revision=1))
        except ValidationError as error:
            raise CpcsError(
                "bad_point",
                f"The point cannot be sent: {'; '.join(validation_reasons(error))}.",
                "Calibrate the frame again.",
            ) from error
        digest = content_digest(body)
        submission = PointSubmission(point=body, evidence=evidence)
        with self.database.transaction() as connection:
            row = connection.execute(
                _SELECT.replace("a.file_name", "a.file_name, a.digest") + " WHERE s.point_id = ?",
                (body.id,),
            ).fetchone()
            if row is None:
                self._insert(connection, submission, digest)
            elif row["digest"] != digest:
                self._supersede(connection, submission, digest, row)
            elif row["state"] in {SubmissionState.REFUSED, SubmissionState.WITHDRAWN}:
                self._revive(connection, row)
            self._judge(connection, body)
            return _get(connection, body.id)

    def submissions(self) -> list[Submission]:
        """Return all rows, oldest acceptance first."""
        with self.database.reading() as connection:
            rows = connection.execute(_SELECT + " ORDER BY s.sequence").fetchall()
        return [_submission(row) for row in rows]

    def get(self, point_id: str) -> Submission:
        """Return one row.

        Raises
        ------
        CpcsError
            ``no_such_point``.
        """
        with self.database.reading() as connection:
            return _get(connection, point_id)

    def next_revision(self, point_id: str) -> int:
        """Return the revision that other content of this point would get."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT max(revision) FROM accepted WHERE point_id = ?", (point_id,)
            ).fetchone()
        return int(row[0] or 0) + 1

    def revisions(self, point_id: str) -> list[AcceptedRevision]:
        """Return everything that was accepted under this id, oldest revision first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT payload, accepted_at FROM accepted WHERE point_id = ? ORDER BY revision",
                (point_id,),
            ).fetchall()
        return [AcceptedRevision(unpack(row["payload"]), row["accepted_at"]) for row in rows]

    def points(self, point_id: str) -> list[PhotometricPoint]:
        """Return every accepted revision without its evidence, oldest first; quick."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT substr(payload, 1, ?) AS head FROM accepted WHERE point_id = ? "
                "ORDER BY revision",
                (HEAD, point_id),
            ).fetchall()
        return [unpack_point(row["head"]) for row in rows]

    def current(self, point_id: str) -> AcceptedRevision:
        """Return the revision that counts, with its evidence.

        Raises
        ------
        CpcsError
            ``no_such_point``.
        """
        revision = self.get(point_id).revision
        kept = self.revisions(point_id)
        return next(k for k in kept if k.submission.point.revision == revision)

    def withdraw(self, point_id: str, reason: str) -> Submission:
        """Take a point back: never sent if it was not sent yet, else the server will be told.

        Raises
        ------
        CpcsError
            ``no_such_point``, ``no_reason``.
        """
        if not reason.strip():
            raise CpcsError(
                "no_reason", "A withdrawal needs a reason.", "Say why in a few words (--reason)."
            )
        with self.database.transaction() as connection:
            row = _row(connection, point_id)
            if row["state"] != SubmissionState.WITHDRAWN:
                known = bool(row["maybe_there"]) or row["stored_revision"] is not None
                connection.execute(
                    """UPDATE submissions SET state = 'WITHDRAWN', tombstone = ?, claim = NULL,
                       withdraw_reason = ?, attempts = 0, not_before = NULL, message = ?
                       WHERE point_id = ?""",
                    (
                        Tombstone.PENDING if known else Tombstone.NONE,
                        reason.strip(),
                        f"withdrawn: {reason.strip()}",
                        point_id,
                    ),
                )
            return _get(connection, point_id)

    def retry(self, point_id: str | None = None) -> None:
        """Forget waiting times; a refused point named by id is queued anew.

        Called after a new key or address was set, and by the observer's own hand.
        """
        with self.database.transaction() as connection:
            if point_id is None:
                connection.execute("UPDATE submissions SET not_before = NULL")
                return
            row = _row(connection, point_id)
            if row["state"] == SubmissionState.REFUSED and row["tombstone"] == Tombstone.NONE:
                connection.execute(_NOW_WAITING + " WHERE point_id = ?", ("queued again", point_id))
            elif row["tombstone"] == Tombstone.REFUSED:
                connection.execute(
                    "UPDATE submissions SET tombstone = 'PENDING', not_before = NULL "
                    "WHERE point_id = ?",
                    (point_id,),
                )
            else:
                connection.execute(
                    "UPDATE submissions SET not_before = NULL WHERE point_id = ?", (point_id,)
                )

    def keep_mine(self, point_id: str) -> Submission:
        """Decide a conflict for this machine: the own content goes on top of the server's.

        Raises
        ------
        CpcsError
            ``no_conflict`` when the point is not in conflict.
        """
        with self.database.transaction() as connection:
            row = self._conflict(connection, point_id)
            body = unpack(row["payload"])
            revision = max(int(row["server_revision"]), int(row["revision"])) + 1
            self._keep(connection, body, row["digest"], revision)
            connection.execute(
                _NOW_WAITING + ", revision = ?, sequence = ? WHERE point_id = ?",
                ("kept in a conflict", revision, _next_sequence(connection), point_id),
            )
            return _get(connection, point_id)

    def keep_theirs(self, theirs: PointSubmission) -> Submission:
        """Decide a conflict for the other machine: what the server holds is adopted here.

        What was accepted here instead is set aside (``read_set_aside``).

        Parameters
        ----------
        theirs : PointSubmission
            As fetched from the server.
        """
        point_id = theirs.point.id
        with self.database.transaction() as connection:
            self._conflict(connection, point_id)
            # The server's revision may have been accepted here with other content: what lost makes
            # room, because the server's word is the record.
            revision = theirs.point.revision
            set_aside(connection, point_id, revision, self._clock())
            self._keep(connection, theirs, content_digest(theirs.point), revision)
            connection.execute(
                """UPDATE submissions SET state = 'STORED', revision = ?, stored_revision = ?,
                   server_revision = NULL, claim = NULL, not_before = NULL,
                   message = 'the other machine''s revision was kept' WHERE point_id = ?""",
                (revision, revision, point_id),
            )
            return _get(connection, point_id)

    @staticmethod
    def _conflict(connection: sqlite3.Connection, point_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute(
            """SELECT s.*, a.payload, a.digest FROM submissions s JOIN accepted a
               ON a.point_id = s.point_id AND a.revision = s.revision
               WHERE s.point_id = ? AND s.state = 'REFUSED' AND s.server_revision IS NOT NULL""",
            (point_id,),
        ).fetchone()
        if row is None:
            raise CpcsError("no_conflict", f"The point {point_id} is not in conflict.")
        return row

    def _insert(
        self,
        connection: sqlite3.Connection,
        submission: PointSubmission,
        digest: str,
    ) -> None:
        connection.execute(
            """INSERT INTO submissions (point_id, sequence, revision, state, message)
               VALUES (?, ?, 1, 'WAITING', 'waiting to be sent')""",
            (submission.point.id, _next_sequence(connection)),
        )
        self._keep(connection, submission, digest, 1)

    def _supersede(
        self,
        connection: sqlite3.Connection,
        submission: PointSubmission,
        digest: str,
        row: sqlite3.Row,
    ) -> None:
        revision = int(row["revision"]) + 1
        self._keep(connection, submission, digest, revision)
        connection.execute(
            _NOW_WAITING + ", revision = ?, sequence = ? WHERE point_id = ?",
            ("waiting to be sent", revision, _next_sequence(connection), row["point_id"]),
        )

    def _revive(self, connection: sqlite3.Connection, row: sqlite3.Row) -> None:
        """Queue a refused or withdrawn point anew.

        A withdrawal the server may know of is taken back by a higher revision, never by the same.
        """
        revision = int(row["revision"])
        if row["tombstone"] != Tombstone.NONE:
            old = connection.execute(
                "SELECT payload, digest FROM accepted WHERE point_id = ? AND revision = ?",
                (row["point_id"], revision),
            ).fetchone()
            kept = unpack(old["payload"])
            revision += 1
            self._keep(connection, kept, old["digest"], revision)
        connection.execute(
            _NOW_WAITING + ", revision = ?, sequence = ? WHERE point_id = ?",
            ("accepted again", revision, _next_sequence(connection), row["point_id"]),
        )

    def _keep(
        self,
        connection: sqlite3.Connection,
        submission: PointSubmission,
        digest: str,
        revision: int,
    ) -> None:
        point = submission.point.model_copy(update={"revision": revision})
        text = submission.model_copy(update={"point": point}).model_dump_json()
        connection.execute(
            "INSERT INTO accepted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                point.id,
                revision,
                self._clock(),
                digest,
                point.event,
                point.band,
                point.mag,
                point.mjd,
                point.file_name,
                zlib.compress(text.encode()),
            ),
        )

    @staticmethod
    def _judge(connection: sqlite3.Connection, body: PointBody) -> None:
        """Refuse at once what the server would refuse.

        The clock is left out: this machine's may be wrong, and the server's decides.
        """
        reasons = point_reasons(body, now_mjd=float("inf"))
        if reasons:
            connection.execute(
                """UPDATE submissions SET state = 'REFUSED', last_answer = 'rules', message = ?
                   WHERE point_id = ? AND state = 'WAITING'""",
                ("refused: " + "; ".join(reasons), body.id),
            )


def _next_sequence(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT max(sequence) FROM submissions").fetchone()
    return int(row[0] or 0) + 1


def _row(connection: sqlite3.Connection, point_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        _SELECT + " WHERE s.point_id = ?", (point_id,)
    ).fetchone()
    if row is None:
        raise CpcsError(
            "no_such_point",
            f"The outbox has no point {point_id}.",
            "List the ids with cpcs queue list.",
        )
    return row


def _get(connection: sqlite3.Connection, point_id: str) -> Submission:
    return _submission(_row(connection, point_id))


def _submission(row: sqlite3.Row) -> Submission:
    return Submission(
        point_id=row["point_id"],
        revision=row["revision"],
        state=SubmissionState(row["state"]),
        attempts=row["attempts"],
        not_before=row["not_before"],
        last_answer=row["last_answer"],
        event=row["event"],
        band=row["band"],
        mag=row["mag"],
        file_name=row["file_name"],
        message=row["message"],
        mjd=row["mjd"],
        accepted_at=row["accepted_at"],
        tombstone=Tombstone(row["tombstone"]),
        server_revision=row["server_revision"],
    )
