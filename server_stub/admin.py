"""What an operator does at the command line, as functions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import NAME_LIMIT, EventBody
from server_stub import schema
from server_stub.access_keys import new_key, revoke
from server_stub.audit import audit
from server_stub.database import Database
from server_stub.events import create_event, old_wire_event
from server_stub.refusals import Refused
from server_stub.tables import AccessKeyRow, ObservatoryRow


@contextlib.contextmanager
def opened(url: str, *, upgraded: bool = True) -> Iterator[Database]:
    """Open a database, with its tables brought up to date unless they are only to be checked."""
    database = Database(url)
    try:
        if upgraded:
            schema.upgrade(database)
        yield database
    except Refused as refused:
        reasons = f" {'; '.join(refused.reasons)}" if refused.reasons else ""
        raise CpcsError(refused.code, refused.message + reasons) from None
    finally:
        database.close()


def observatory_named(session: Session, name: str) -> ObservatoryRow:
    """Return the observatory of a name, made when it is not there.

    Raises
    ------
    CpcsError
        Code ``bad_name``.
    """
    words = " ".join(name.split())
    if not words or len(words) > NAME_LIMIT or not words.isprintable():
        raise CpcsError("bad_name", f"An observatory's name has 1 to {NAME_LIMIT} characters.")
    row = session.scalar(select(ObservatoryRow).where(ObservatoryRow.name == words))
    if row is None:
        row = ObservatoryRow(name=words)
        session.add(row)
        session.flush()
    return row


def make_key(
    database: Database,
    observatory: str,
    lon: float | None,
    lat: float | None,
    *,
    admin: bool = False,
    upload: bool = True,
) -> dict[str, str]:
    """Make a key for an observatory, which is made when it is not there."""

    def work(session: Session) -> dict[str, str]:
        row = observatory_named(session, observatory)
        row.longitude = row.longitude if lon is None else (lon + 180.0) % 360.0 - 180.0
        row.latitude = row.latitude if lat is None else lat
        key = new_key(session, row, admin=admin, upload=upload)
        prefix = key.split("_")[1]
        audit(session, None, "new_key", prefix, observatory=row.name, admin=admin, upload=upload)
        return {"key": key, "prefix": prefix, "observatory": row.name}

    return database.change(work)


def list_keys(database: Database) -> list[dict[str, Any]]:
    """Return all keys without their secrets."""
    statement = (
        select(AccessKeyRow, ObservatoryRow.name)
        .join(ObservatoryRow, ObservatoryRow.id == AccessKeyRow.observatory_id)
        .order_by(AccessKeyRow.id)
    )
    with database.reading() as session:
        return [
            {
                "prefix": row.prefix,
                "observatory": name,
                "admin": row.is_admin,
                "upload": row.allow_upload,
                "created_at": row.created_at,
                "last_used_at": row.last_used_at,
                "revoked_at": row.revoked_at,
            }
            for row, name in session.execute(statement)
        ]


def revoke_key(database: Database, prefix: str) -> dict[str, str]:
    """Revoke a key by its prefix, given alone or inside the key."""
    words = prefix.removeprefix("cpcs_").split("_")[0]

    def work(session: Session) -> dict[str, str]:
        row = revoke(session, words)
        name = session.get_one(ObservatoryRow, row.observatory_id).name
        audit(session, None, "revoke_key", row.prefix)
        return {"prefix": row.prefix, "observatory": name}

    return database.change(work)


def add_event(
    database: Database, ivorn: str, ra: float, dec: float, link: str | None
) -> dict[str, Any]:
    """Add an event and return it as the old wire lists it."""
    if not 1 <= len(ivorn) <= NAME_LIMIT:
        raise CpcsError("bad_event", f"The name of an event has 1 to {NAME_LIMIT} characters.")
    body = EventBody(ivorn=ivorn, ra=ra % 360.0, dec=dec, url=link)
    row, is_new = database.change(lambda session: create_event(session, body, None))
    return {**old_wire_event(row), "is_new": is_new}


def add_observatory(database: Database, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add an observatory or complete it; unknown stays unknown."""

    def work(session: Session) -> dict[str, Any]:
        row = observatory_named(session, name)
        for field, value in fields.items():
            if value is not None:
                setattr(row, field, value)
        if row.longitude is not None:
            row.longitude = (row.longitude + 180.0) % 360.0 - 180.0
        audit(session, None, "observatory", row.name)
        session.flush()
        return {"id": row.id, "name": row.name, **{f: getattr(row, f) for f in fields}}

    return database.change(work)
