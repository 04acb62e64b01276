"""Import of the old server's archive: every row as found, nothing lost, nothing twice."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import ERR_RANGE, MAG_RANGE, MJD_AHEAD, MJD_OLDEST, mjd_now
from server_stub.admin import observatory_named
from server_stub.audit import audit
from server_stub.cpcs.alerts import NAMELESS
from server_stub.database import Database
from server_stub.points import count_points, next_change
from server_stub.tables import EventRow, PointDetailRow, PointRow

#: Namespace of the ids of archived points; the name in it is file and row.
ARCHIVE_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "cpcs-archive")
_FILE = re.compile(r"alert-(\d{1,9})\.json")
_COLUMNS = ("mjd", "mag", "magerr", "caliberr", "filter", "catalog", "observatory")


def import_archive(database: Database, folder: Path) -> dict[str, int]:
    """Import a folder of ``alert-<id>.json``; one transaction a file.

    Raises
    ------
    CpcsError
        ``unreadable`` for a folder without such files, or a file of another shape.
    """
    files = sorted(f for f in folder.glob("alert-*.json") if _FILE.fullmatch(f.name))
    if not files:
        raise CpcsError("unreadable", f"There are no alert-ID.json files in {folder}.")
    total = {"files": 0, "events": 0, "points": 0, "limits": 0, "already_there": 0}
    for file in files:
        found = _read(file)
        counts = database.change(partial(_import_file, name=file.name, found=found))
        total["files"] += 1
        for name, number in counts.items():
            total[name] += number
    return total


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        lengths = {len(found[column]) for column in _COLUMNS}
        numbers = [v for name in ("mjd", "mag", "magerr", "caliberr") for v in found[name]]
        sound = len(lengths) == 1 and all(
            isinstance(v, int | float) and math.isfinite(v) for v in numbers
        )
    except (OSError, ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise CpcsError(
            "unreadable",
            f"{file.name} is not an answer of get_alert_lc_data.",
            "Move it away or repair it, and import again: what is in already stays once.",
        )
    answer: dict[str, Any] = found
    return answer


def _import_file(session: Session, name: str, found: dict[str, Any]) -> dict[str, int]:
    matched = _FILE.fullmatch(name)
    assert matched is not None
    event = _event(session, int(matched[1]), found.get("alert_name"))
    rows = list(_rows(found))
    ids = [str(uuid.uuid5(ARCHIVE_SPACE, f"{name}:{n}")) for n in range(len(rows))]
    there = set(session.scalars(select(PointRow.uuid).where(PointRow.uuid.in_(ids))))
    change = event.change if len(there) == len(ids) else next_change(session, event.id)
    places = {row["observatory"]: 0 for row in rows}
    for place_name in places:
        places[place_name] = observatory_named(session, place_name or "unknown").id
    points = [
        _point(ids[n], row, event.id, places[row["observatory"]], change)
        for n, row in enumerate(rows)
        if ids[n] not in there
    ]
    row_of = {uid: n for n, uid in enumerate(ids)}
    _number(session, points, found.get("id"), row_of)
    session.add_all(points)
    session.flush()
    session.add_all(
        PointDetailRow(
            point_id=point.id,
            body={"archive": name, "row": row_of[point.uuid], **rows[row_of[point.uuid]]},
        )
        for point in points
    )
    counts = Counter(point.observatory_id for point in points)
    for observatory_id, number in counts.items():
        count_points(session, event.id, observatory_id, number)
    if points:
        audit(session, None, "import_archive", name, points=len(points))
    return {
        "events": 1,
        "points": len(points),
        "limits": sum(point.kind == "UPPER_LIMIT" for point in points),
        "already_there": len(there),
    }


def _rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (_row(found, n) for n in range(len(found["mjd"])))


def _row(found: dict[str, Any], n: int) -> dict[str, Any]:
    """Return one row as found, without the keys that a later build leaked."""
    return {name: found[name][n] for name in (*_COLUMNS, "id") if name in found}


def _event(session: Session, number: int, name: str | None) -> EventRow:
    event = session.get(EventRow, number)
    if event is None and name:
        event = session.scalar(select(EventRow).where(EventRow.ivorn == name))
    if event is None:
        event = EventRow(id=number, ivorn=name or f"{NAMELESS}{number}")
        session.add(event)
        session.flush()
        keep_numbering(session, EventRow)
    while event.merged_into_id is not None:
        event = session.get_one(EventRow, event.merged_into_id)
    return event


def _point(
    point_id: str, row: dict[str, Any], event_id: int, observatory_id: int, change: int
) -> PointRow:
    limit = row["magerr"] == -1
    return PointRow(
        uuid=point_id,
        event_id=event_id,
        observatory_id=observatory_id,
        change=change,
        content_digest="",
        kind="UPPER_LIMIT" if limit else "DETECTION",
        mjd=row["mjd"],
        band=f"{row['catalog']}/{row['filter']}",
        mag=row["mag"],
        mag_err=None if limit else row["magerr"],
        calib_err=row["caliberr"],
        implausible=_implausible(row),
    )


def _implausible(row: dict[str, Any]) -> bool:
    """Whether a row breaks the rules that new points must keep."""
    errors = [row["caliberr"]] + ([] if row["magerr"] == -1 else [row["magerr"]])
    return not (
        MAG_RANGE[0] <= row["mag"] <= MAG_RANGE[1]
        and MJD_OLDEST <= row["mjd"] <= mjd_now() + MJD_AHEAD
        and all(ERR_RANGE[0] <= error <= ERR_RANGE[1] for error in errors)
    )


def _number(
    session: Session,
    points: list[PointRow],
    numbers: list[int] | None,
    row_of: dict[str, int],
) -> None:
    """Keep the numbers that the old server gave, where they are free."""
    if not numbers:
        return
    taken = set(session.scalars(select(PointRow.id).where(PointRow.id.in_(numbers))))
    for point in points:
        number = numbers[row_of[point.uuid]]
        if number not in taken and 0 < number < 2**31:
            point.id = number
            taken.add(number)
    session.add_all(points)
    session.flush()
    keep_numbering(session, PointRow)


def keep_numbering(session: Session, table: type[EventRow | PointRow]) -> None:
    """Let PostgreSQL go on counting after numbers that were given; SQLite does so by itself."""
    if session.get_bind().dialect.name != "postgresql":
        return
    name = table.__tablename__
    newest = session.scalar(select(func.max(table.id)))
    session.execute(
        text("select setval(pg_get_serial_sequence(:name, 'id'), :newest)"),
        {"name": name, "newest": newest},
    )
