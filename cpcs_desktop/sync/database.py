"""The SQLite file of everything that waits for the network or came over it.

Write-ahead log and ``synchronous=FULL``: what a transaction has written survives a power cut.
Several programs may use one file at once.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError

#: ``user_version`` is major * 1000 + minor. A newer minor version is additive and may be used by
#: this program; a newer major version may not.
MAJOR = 1
_MIGRATIONS: dict[int, str] = {
    1000: """
        CREATE TABLE submissions (
            point_id TEXT PRIMARY KEY,
            sequence INTEGER NOT NULL UNIQUE,
            revision INTEGER NOT NULL,
            state TEXT NOT NULL
                CHECK (state IN ('WAITING', 'SENDING', 'STORED', 'REFUSED', 'WITHDRAWN')),
            attempts INTEGER NOT NULL DEFAULT 0,
            not_before REAL,
            attempted_at REAL,
            claim TEXT,
            last_answer TEXT,
            message TEXT NOT NULL DEFAULT '',
            maybe_there INTEGER NOT NULL DEFAULT 0,
            stored_revision INTEGER,
            server_revision INTEGER,
            tombstone TEXT NOT NULL DEFAULT 'NONE'
                CHECK (tombstone IN ('NONE', 'PENDING', 'DONE', 'REFUSED')),
            withdraw_reason TEXT
        ) STRICT;
        CREATE INDEX submissions_by_state ON submissions (state, sequence);
        CREATE TABLE accepted (
            point_id TEXT NOT NULL REFERENCES submissions (point_id),
            revision INTEGER NOT NULL,
            accepted_at REAL NOT NULL,
            digest TEXT NOT NULL,
            event TEXT NOT NULL,
            band TEXT NOT NULL,
            mag REAL NOT NULL,
            mjd REAL NOT NULL,
            file_name TEXT NOT NULL,
            payload BLOB NOT NULL,
            PRIMARY KEY (point_id, revision)
        ) STRICT;
        CREATE INDEX accepted_by_event ON accepted (event, mjd);
        CREATE TABLE events (
            ivorn TEXT PRIMARY KEY,
            ra REAL,
            dec REAL,
            published TEXT,
            url TEXT,
            priority INTEGER,
            wanted_bands TEXT NOT NULL DEFAULT '[]',
            n_followup INTEGER NOT NULL DEFAULT 0,
            pending INTEGER NOT NULL DEFAULT 0,
            message TEXT NOT NULL DEFAULT ''
        ) STRICT;
        CREATE TABLE light_curves (
            server TEXT NOT NULL,
            event TEXT NOT NULL,
            cursor INTEGER NOT NULL,
            fetched_at REAL NOT NULL,
            PRIMARY KEY (server, event)
        ) STRICT;
        CREATE TABLE light_curve_rows (
            server TEXT NOT NULL,
            event TEXT NOT NULL,
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            mjd REAL NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (server, event, id)
        ) STRICT;
        CREATE TABLE contacts (
            server TEXT PRIMARY KEY,
            last_contact REAL,
            failures INTEGER NOT NULL DEFAULT 0,
            not_before REAL,
            reason TEXT NOT NULL DEFAULT '',
            clock_offset_s REAL,
            events_since TEXT
        ) STRICT;
    """,
    1001: """
        CREATE TABLE bridged (
            service TEXT NOT NULL,
            point_id TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('SENDING', 'SENT', 'REFUSED', 'UNCERTAIN')),
            remote_id TEXT,
            message TEXT NOT NULL DEFAULT '',
            tried_at REAL NOT NULL,
            PRIMARY KEY (service, point_id)
        ) STRICT;
    """,
    1002: """
        CREATE TABLE set_aside (
            id INTEGER PRIMARY KEY,
            point_id TEXT NOT NULL REFERENCES submissions (point_id),
            revision INTEGER NOT NULL,
            accepted_at REAL NOT NULL,
            set_aside_at REAL NOT NULL,
            payload BLOB NOT NULL
        ) STRICT;
    """,
}


class Database:
    """One open SQLite file, safe to use from several threads.

    A file that does not exist is an empty one; it is created by the first write.

    Parameters
    ----------
    file : Path
    busy_timeout_s : float
        How long to wait for another program's write.
    """

    def __init__(self, file: Path, busy_timeout_s: float = 20.0) -> None:
        self.file = Path(file)
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._empty: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of it is on disk when the block ends, or nothing of it.

        Raises
        ------
        CpcsError
            ``outbox_busy``, ``disk_full``, ``outbox_damaged``, ``outbox_unwritable`` or
            ``outbox_too_new``.
        """
        with self._lock, self._known_errors():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT may already have rolled back (disk full).
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read without creating anything."""
        with self._lock, self._known_errors():
            if self._connection is None and not self.file.exists():
                yield self._nothing()
            else:
                yield self._open()

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        with self._lock:
            for connection in (self._connection, self._empty):
                if connection is not None:
                    connection.close()
            self._connection = self._empty = None

    def _nothing(self) -> sqlite3.Connection:
        """Return empty tables in memory; kept, because views ask often before the first point."""
        if self._empty is None:
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            _migrate(connection)
            connection.execute("PRAGMA query_only=ON")
            self._empty = connection
        return self._empty

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        fresh = not self.file.exists()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.file,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,  # the lock above keeps the threads apart
        )
        try:
            connection.row_factory = sqlite3.Row
            _write_ahead(connection, self._busy_timeout_s)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        if fresh:
            _sync_folder(self.file.parent)
        self._connection = connection
        return connection

    @contextmanager
    def _known_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise CpcsError(
                    "outbox_busy",
                    f"Another program keeps the outbox {self.file} busy.",
                    "Nothing was changed; try again in a moment.",
                ) from error
            if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise CpcsError(
                    "disk_full",
                    f"The disk of the outbox {self.file} is full or does not take writes.",
                    "Nothing was accepted; make room and accept again.",
                ) from error
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise CpcsError(
                    "outbox_damaged",
                    f"The outbox {self.file} is damaged.",
                    "Keep a copy of it and move it away; stored points are safe on the server.",
                ) from error
            if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise CpcsError(
                    "outbox_unwritable",
                    f"The outbox {self.file} cannot be opened for writing.",
                    "Check who owns the profile folder, or name another with --profile.",
                ) from error
            raise
        except OSError as error:
            raise CpcsError(
                "outbox_unwritable",
                f"The folder of the outbox {self.file} cannot be used: {error.strerror}.",
                "Check who owns the profile folder, or name another with --profile.",
            ) from error


def _write_ahead(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch to the write-ahead log; SQLite's busy timeout does not cover this switch."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, each step in one transaction."""
    if _version(connection) >= max(_MIGRATIONS):
        _refuse_newer_major(connection)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection)  # another program may have been quicker
        for version, script in sorted(_MIGRATIONS.items()):
            if version > found:
                for statement in script.split(";"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version={version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_newer_major(connection: sqlite3.Connection) -> None:
    if _version(connection) // 1000 > MAJOR:
        raise CpcsError(
            "outbox_too_new",
            "This outbox was written by a newer version of the program.",
            "Update the program; nothing was changed.",
        )


def _sync_folder(folder: Path) -> None:
    """Make the new file's name itself survive a power cut; Windows does so without being asked."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
