"""Events: found by name, number or cone; created once, never twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.band import passband_group
from cpcs_desktop.wire import NAME_LIMIT, EventBody
from server_stub.access_keys import Caller
from server_stub.audit import audit
from server_stub.refusals import Refused
from server_stub.tables import EventRow, now


@dataclass(frozen=True)
class EventSearch:
    """What to look for; None stands for no wish. Angles in degrees."""

    ivorn: str | None = None
    ra: float | None = None
    dec: float | None = None
    radius: float | None = None
    observed_only: bool = False
    updated_since: datetime | None = None
    words: str | None = None


def unit_vector(ra: float, dec: float) -> tuple[float, float, float]:
    """Return the unit vector of a position in degrees."""
    a, d = math.radians(ra), math.radians(dec)
    return math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)


def place(event: EventRow, ra: float | None, dec: float | None) -> None:
    """Give an event its position, degrees; None for both when it is unknown."""
    event.ra, event.dec = ra, dec
    event.x, event.y, event.z = (
        (None, None, None) if ra is None or dec is None else unit_vector(ra, dec)
    )
    event.updated_at = now()


def selected(search: EventSearch) -> Select[EventRow]:
    """Return the statement for a search, without order and paging.

    The cone is a chord in space: exact for small radii, indifferent to poles and the wrap of RA.
    """
    statement = select(EventRow).where(EventRow.merged_into_id.is_(None))
    if search.ivorn is not None:
        statement = statement.where(EventRow.ivorn == search.ivorn)
    if search.words:
        pattern = search.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(EventRow.ivorn.ilike(f"%{pattern}%", escape="\\"))
    if search.observed_only:
        statement = statement.where(EventRow.n_followup > 0)
    if search.updated_since is not None:
        statement = statement.where(EventRow.updated_at >= search.updated_since)
    wishes = (search.ra, search.dec, search.radius)
    if any(wish is not None for wish in wishes):
        ra, dec, radius = wishes
        if ra is None or dec is None or radius is None:
            raise Refused(422, "bad_cone", "A cone search needs ra, dec and radius.")
        x, y, z = unit_vector(ra, dec)
        chord = 2 * math.sin(math.radians(min(radius, 180.0)) / 2)
        statement = statement.where(
            EventRow.dec.between(dec - radius, dec + radius),
            (EventRow.x - x) * (EventRow.x - x)
            + (EventRow.y - y) * (EventRow.y - y)
            + (EventRow.z - z) * (EventRow.z - z)
            <= chord * chord,
        )
    return statement


def event_of_id(session: Session, number: int) -> EventRow:
    """Return the event with a number of the old wire.

    Raises
    ------
    Refused
        404.
    """
    return session.get_one(EventRow, curve_of_id(session.connection(), number).id)


def event_of_name(session: Session, name: str) -> EventRow:
    """Return the event of a name as people and scripts write it.

    Raises
    ------
    Refused
        404.
    """
    return session.get_one(EventRow, curve_of_name(session.connection(), name).id)


@dataclass(frozen=True)
class CurveKey:
    """What a light curve's answer is known by: while ``change`` stands, so does the answer."""

    id: int
    ivorn: str
    change: int


#: Asked for with every light curve, so they are built once and load few columns.
_KEY = select(EventRow.id, EventRow.ivorn, EventRow.change, EventRow.merged_into_id)
_KEY_OF_ID = _KEY.where(EventRow.id == bindparam("number"))
_KEY_OF_NAME = _KEY.where(EventRow.ivorn == bindparam("name"))


def curve_of_id(connection: Connection, number: int) -> CurveKey:
    """Return the light curve of an event's number.

    Raises
    ------
    Refused
        404.
    """
    if 0 < number < 2**31:
        row = connection.execute(_KEY_OF_ID, {"number": number}).one_or_none()
        if row is not None:
            return _followed(connection, row)
    raise Refused(404, "unknown_event", f"There is no alert with the number {number}.")


def curve_of_name(connection: Connection, name: str) -> CurveKey:
    """Return the light curve of a name as people and scripts write it.

    A name may come encoded twice, or with its ``+`` turned into a blank on the way.

    Raises
    ------
    Refused
        404.
    """
    for ivorn in dict.fromkeys((name, unquote(name), name.replace(" ", "+"))):
        if "\x00" in ivorn:  # PostgreSQL knows no such text
            continue
        row = connection.execute(_KEY_OF_NAME, {"name": ivorn}).one_or_none()
        if row is not None:
            return _followed(connection, row)
    shown = "".join(c for c in name[:60] if c.isprintable())
    raise Refused(404, "unknown_event", f"The event {shown} is unknown; enter it first.")


def _followed(connection: Connection, row: Any) -> CurveKey:
    while row.merged_into_id is not None:
        row = connection.execute(_KEY_OF_ID, {"number": row.merged_into_id}).one()
    return CurveKey(row.id, row.ivorn, row.change)


def create_event(session: Session, body: EventBody, caller: Caller | None) -> tuple[EventRow, bool]:
    """Return the event and whether it is new; the same event again is not an error.

    An event that was known without a position takes the one that is brought now.

    Raises
    ------
    Refused
        422 with every reason.
    """
    reasons = event_reasons(body)
    if reasons:
        raise Refused(422, "bad_event", "The event cannot be stored.", tuple(reasons))
    row = session.scalar(select(EventRow).where(EventRow.ivorn == body.ivorn).with_for_update())
    if row is not None:
        row = session.get_one(EventRow, row.merged_into_id or row.id)
        if row.ra is None and body.ra is not None:
            place(row, body.ra, body.dec)
            audit(session, caller, "place_event", row.ivorn, ra=body.ra, dec=body.dec)
        return row, False
    row = EventRow(
        ivorn=body.ivorn,
        published=read_time(body.published) or now().replace(microsecond=0),
        url=body.url,
        priority=body.priority,
        wanted_bands=list(body.wanted_bands),
        created_by=None if caller is None else caller.key_id,
    )
    place(row, body.ra, body.dec)
    session.add(row)
    audit(session, caller, "new_event", body.ivorn, ra=body.ra, dec=body.dec)
    session.flush()
    return row, True


def event_reasons(body: EventBody) -> list[str]:
    """Return every reason why a new event cannot be stored."""
    reasons = []
    if body.ivorn != body.ivorn.strip() or not body.ivorn.isprintable():
        reasons.append("the name has blanks at its ends or unprintable characters")
    if (body.ra is None) != (body.dec is None):
        reasons.append("a position needs both ra and dec")
    if body.url and not body.url.startswith(("http://", "https://")):
        reasons.append("the address must begin with http:// or https://")
    if len(body.wanted_bands) > 60:
        reasons.append("at most 60 wanted bands")
    reasons += [
        f"wanted band {band[:40]} is unknown"
        for band in body.wanted_bands
        if passband_group(band.rpartition("/")[2]) is None
    ]
    if body.priority is not None and not -1000 <= body.priority <= 1000:
        reasons.append("the priority must lie between -1000 and 1000")
    if body.published and read_time(body.published) is None:
        reasons.append("published must look like 2018-12-07T06:36:58")
    if "\x00" in (body.url or ""):
        reasons.append("the address has unprintable characters")
    return reasons


def read_time(text: str | None) -> datetime | None:
    """Read an ISO time, UTC unless it says otherwise; None when it is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text[:NAME_LIMIT])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def written_time(moment: datetime | None) -> str | None:
    """Write a time as the old server did, ``2018-12-07T06:36:58``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S")


def event_body(row: EventRow) -> EventBody:
    """Put an event on the wire."""
    return EventBody(
        ivorn=row.ivorn,
        ra=row.ra,
        dec=row.dec,
        published=written_time(row.published),
        url=row.url,
        priority=row.priority,
        wanted_bands=tuple(row.wanted_bands),
        n_followup=row.n_followup,
    )


def old_wire_event(row: EventRow) -> dict[str, Any]:
    """Return an element of ``list_of_alerts?format=json``."""
    return {
        "id": row.id,
        "ivorn": row.ivorn,
        "published": written_time(row.published),
        "ra": row.ra,
        "dec": row.dec,
        "nfollowup": row.n_followup,
    }


def count(session: Session, search: EventSearch) -> int:
    """Return how many events a search finds."""
    statement = select(func.count()).select_from(selected(search).subquery())
    return session.scalar(statement) or 0
