"""Import of a list_of_alerts JSON: events, positions, and the names of archived events."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import NAME_LIMIT
from server_stub.archive import keep_numbering
from server_stub.audit import audit
from server_stub.cpcs.alerts import NAMELESS
from server_stub.database import Database
from server_stub.events import place, read_time
from server_stub.points import next_change
from server_stub.tables import EventRow, PointRow, now


def import_events(database: Database, file: Path) -> dict[str, int]:
    """Import events; those that are here already are completed, never changed.

    Raises
    ------
    CpcsError
        ``unreadable`` when the file is not such a list.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        entries = [_entry(raw) for raw in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CpcsError(
            "unreadable",
            f"{file.name} is not a list of alerts in JSON: {error}",
            "Fetch it with list_of_alerts?format=json&num=100000.",
        ) from None

    def work(session: Session) -> dict[str, int]:
        counts = {"events": len(entries), "added": 0, "named": 0, "completed": 0, "unchanged": 0}
        for entry in entries:
            counts[_take(session, entry)] += 1
        session.flush()
        keep_numbering(session, EventRow)
        return counts

    return database.change(work)


def _entry(raw: dict[str, Any]) -> dict[str, Any]:
    """Check one element of the list; what is missing stays unknown."""
    ivorn = str(raw["ivorn"]).strip()
    number = int(raw["id"])
    ra, dec = raw.get("ra"), raw.get("dec")
    if not 1 <= len(ivorn) <= NAME_LIMIT or not ivorn.isprintable() or not 0 < number < 2**31:
        raise ValueError(f"alert {number} has no proper name")
    if ra is None or dec is None:
        ra = dec = None
    elif not (math.isfinite(ra) and -90 <= dec <= 90):
        raise ValueError(f"alert {number} is not on the sky")
    return {
        "id": number,
        "ivorn": ivorn,
        "ra": None if ra is None else float(ra) % 360.0,
        "dec": None if dec is None else float(dec),
        "published": read_time(raw.get("published")),
        "url": raw.get("url") or None,
    }


def _take(session: Session, entry: dict[str, Any]) -> str:
    here = session.get(EventRow, entry["id"])
    named = session.scalar(select(EventRow).where(EventRow.ivorn == entry["ivorn"]))
    nameless = here is not None and here.ivorn == f"{NAMELESS}{entry['id']}"
    if here is not None and nameless and here.merged_into_id is None:
        if named is None:
            here.ivorn = entry["ivorn"]
            here.updated_at = now()
            next_change(session, here.id)
            target = here
        else:
            _merge(session, here, named)
            target = named
        _complete(target, entry)
        audit(session, None, "name_event", entry["ivorn"], alert=entry["id"])
        session.flush()
        return "named"
    if named is not None:
        return "completed" if _complete(named, entry) else "unchanged"
    # A number that another event has already is not worth a quarrel: the name decides.
    event = EventRow(ivorn=entry["ivorn"])
    if here is None:
        event.id = entry["id"]
    _complete(event, entry)
    session.add(event)
    session.flush()
    return "added"


def _complete(event: EventRow, entry: dict[str, Any]) -> bool:
    """Fill in what was unknown."""
    before = (event.ra, event.published, event.url)
    if event.ra is None and entry["ra"] is not None:
        place(event, entry["ra"], entry["dec"])
    event.published = event.published or entry["published"]
    event.url = event.url or entry["url"]
    return before != (event.ra, event.published, event.url)


def _merge(session: Session, nameless: EventRow, named: EventRow) -> None:
    """Give the points of an archived event to the event that has its name already."""
    change = next_change(session, named.id)
    session.execute(
        update(PointRow)
        .where(PointRow.event_id == nameless.id)
        .values(event_id=named.id, change=change)
        .execution_options(synchronize_session=False)
    )
    session.refresh(named)
    named.n_followup += nameless.n_followup
    nameless.n_followup = 0
    nameless.merged_into_id = named.id
