"""The database: one engine for SQLite in a file or PostgreSQL by its address."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from cpcs_desktop.datamodel.errors import CpcsError

#: Longest wait of a writer for other writers of the same SQLite file, s.
BUSY_S = 30.0
#: How often a transaction that lost a race against another is begun anew.
RACES = 5

Result = TypeVar("Result")


class Database:
    """Sessions that read and sessions that write.

    Parameters
    ----------
    url : str
        SQLAlchemy's address: ``sqlite:///file`` or ``postgresql://...`` (psycopg 3 is taken).

    Raises
    ------
    CpcsError
        Code ``bad_database`` for an address of any other kind.
    """

    def __init__(self, url: str) -> None:
        parsed = parsed_address(url)
        backend = parsed.get_backend_name()
        self.is_sqlite = backend == "sqlite"
        if backend == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        elif not self.is_sqlite or not parsed.database or parsed.database == ":memory:":
            raise CpcsError(
                "bad_database",
                f"“{parsed.render_as_string(hide_password=True)}” is not a database we can use.",
                "Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
            )
        else:
            private_file(Path(parsed.database))
        self.url = parsed
        self.engine: Engine = create_engine(
            parsed,
            pool_size=40,
            max_overflow=20,
            pool_pre_ping=not self.is_sqlite,
            hide_parameters=True,  # an error in the log must not quote what people sent
        )
        self._writer_lock = threading.Lock()
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees one state of the database and changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction; it is committed at the end, or undone by an error.

        On SQLite it takes the write lock at once: a reader that turns writer in the middle could
        fail. Writers of one process queue at a lock, which is fairer than SQLite's own waiting.
        """
        lock = self._writer_lock if self.is_sqlite else contextlib.nullcontext()
        with lock, self.engine.connect() as plain:
            connection = plain.execution_options(cpcs_writes=True) if self.is_sqlite else plain
            with Session(connection, expire_on_commit=False) as session, session.begin():
                yield session

    def change(self, work: Callable[[Session], Result]) -> Result:
        """Run a piece of work in one transaction and return what it returns.

        Two clients may do the same at the same moment (create one event, store one point): who
        loses the race starts again and sees what the winner did.
        """
        for attempt in range(RACES):
            try:
                with self.writing() as session:
                    return work(session)
            except (IntegrityError, OperationalError) as error:
                lost = isinstance(error, IntegrityError) or _is_deadlock(error)
                if not lost or attempt == RACES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def check(self) -> None:
        """Ask the database something, for ``/health``."""
        with self.engine.connect() as connection:
            connection.execute(text("select 1"))


def _is_deadlock(error: OperationalError) -> bool:
    """PostgreSQL's "deadlock detected" and "could not serialize"."""
    return getattr(error.orig, "sqlstate", None) in {"40P01", "40001"}


def parsed_address(url: str) -> URL:
    """Return the parts of an address; the bare path of a file is SQLite, as people type it.

    Raises
    ------
    CpcsError
        Code ``bad_database``.
    """
    full = url.replace("postgres://", "postgresql://", 1) if "://" in url else f"sqlite:///{url}"
    try:
        return make_url(full)
    except ArgumentError:
        raise CpcsError("bad_database", "The database's address cannot be understood.") from None


def private_file(file: Path) -> None:
    """Create the file for its owner alone, if it is not there: it holds hashes and contacts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)


def _prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # transactions begin in _begin_sqlite, and only there
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("cpcs_writes") else "BEGIN")
