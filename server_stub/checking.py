"""``cpcs-server check``: whether everything in the database holds together."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from server_stub import schema
from server_stub.database import Database
from server_stub.tables import CURRENT, EventRow, ObservatoryRow, PointRow, SourceFileRow

MOST_SHOWN = 20


def check(database: Database) -> dict[str, Any]:
    """Return the number of points and every problem found, each a sentence."""
    found = schema.version(database)
    if found != schema.newest_version():
        sentence = f"The tables are at version {found}, not {schema.newest_version()}: run init."
        return {"status": "failed", "points": 0, "problems": [sentence]}
    problems = [f"Table differs: {difference}" for difference in schema.differences(database)]
    with database.reading() as session:
        if database.is_sqlite:
            problems += _sqlite_problems(session)
        problems += _count_problems(session)
        problems += _file_problems(session)
        points = session.scalar(select(func.count()).select_from(PointRow)) or 0
    return {"status": "failed" if problems else "ok", "points": points, "problems": problems}


def _sqlite_problems(session: Session) -> list[str]:
    lines = [row[0] for row in session.execute(text("PRAGMA integrity_check"))]
    broken = [] if lines == ["ok"] else [f"SQLite: {line}" for line in lines[:MOST_SHOWN]]
    loose = session.execute(text("PRAGMA foreign_key_check")).all()
    return broken + [f"SQLite: a row of {row[0]} points nowhere" for row in loose[:MOST_SHOWN]]


def _count_problems(session: Session) -> list[str]:
    """Compare the counts that lists show with the points; no change may outrun its event."""
    problems = []
    for table, column, kept in (
        (EventRow, PointRow.event_id, EventRow.n_followup),
        (ObservatoryRow, PointRow.observatory_id, ObservatoryRow.n_points),
    ):
        counted = (
            select(column.label("id"), func.count().label("n"))
            .where(PointRow.state == CURRENT)
            .group_by(column)
            .subquery()
        )
        n = func.coalesce(counted.c.n, 0)
        wrong = session.execute(
            select(table.id, kept, n)
            .outerjoin(counted, counted.c.id == table.id)
            .where(kept != n)
            .limit(MOST_SHOWN)
        )
        problems += [f"{table.__tablename__} {i}: {k} points noted, {c} there" for i, k, c in wrong]
    ahead = session.execute(
        select(PointRow.id)
        .join(EventRow, EventRow.id == PointRow.event_id)
        .where(PointRow.change > EventRow.change)
        .limit(MOST_SHOWN)
    )
    problems += [f"point {i} has a change number beyond its event's" for (i,) in ahead]
    twice = session.execute(
        select(PointRow.uuid)
        .where(PointRow.state == CURRENT)
        .group_by(PointRow.uuid)
        .having(func.count() > 1)
        .limit(MOST_SHOWN)
    )
    return problems + [f"point {u} is current twice" for (u,) in twice]


def _file_problems(session: Session) -> list[str]:
    problems = []
    for sha256 in session.scalars(select(SourceFileRow.sha256)):
        packed = session.scalar(select(SourceFileRow.packed).where(SourceFileRow.sha256 == sha256))
        try:
            sound = hashlib.sha256(gzip.decompress(packed or b"")).hexdigest() == sha256
        except (OSError, EOFError, zlib.error):
            sound = False
        if not sound:
            problems.append(f"The source list {sha256} is damaged.")
    return problems
