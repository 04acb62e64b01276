"""Reading on the old wire: the list of alerts and the numbers of a light curve."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from server_stub.dependencies import TheAnswers, TheDatabase, Visitor
from server_stub.events import (
    CurveKey,
    EventSearch,
    curve_of_id,
    curve_of_name,
    old_wire_event,
    selected,
)
from server_stub.json_answers import packed_answer
from server_stub.light_curves import current_rows
from server_stub.pages.alerts import alerts_page, newest_first
from server_stub.pages.paging import page_number
from server_stub.refusals import Refused
from server_stub.tables import EventRow

router = APIRouter()

#: Name of an archived event whose real one is not known: ``alert_name`` was null.
NAMELESS = "ivo://cpcs/alert-"
LARGEST_LIST = 1_000_000
PAGE = 20

Text = Annotated[str, Query()]


@router.get("/list_of_alerts")
def list_of_alerts(
    request: Request,
    database: TheDatabase,
    caller: Visitor,
    observed_only: Text = "",
    num: Text = "",
    page: Text = "",
    format: Text = "html",  # noqa: A002  the wire's word
    search: Text = "",
) -> Response:
    """Return the alerts, newest first: a page for people, a JSON array with a key."""
    wish = EventSearch(observed_only=observed_only == "1", words=search.strip()[:200] or None)
    size = min(_whole(num) or PAGE, LARGEST_LIST)
    number = page_number(page)
    if format != "json":
        return alerts_page(request, wish, number, min(size, 500))
    _need_key(caller)
    statement = newest_first(selected(wish)).limit(size).offset((number - 1) * size)
    with database.reading() as session:
        rows = [old_wire_event(row) for row in session.scalars(statement)]
    return Response(json.dumps(rows), media_type="application/json")


@router.get("/get_alert_lc_data")
def get_alert_lc_data(
    request: Request,
    database: TheDatabase,
    answers: TheAnswers,
    caller: Visitor,
    alert_id: Text = "",
    alert_name: Text = "",
) -> Response:
    """Return the light curve as one JSON object of parallel arrays."""
    _need_key(caller)
    with database.engine.connect() as connection:
        event = wanted_curve(connection, alert_id, alert_name)

    def make() -> bytes:
        with database.reading() as session:
            return json.dumps(old_wire_light_curve(session, event)).encode()

    return packed_answer(request, answers, ("old", event.id, event.ivorn, event.change), make)


def wanted_curve(connection: Connection, alert_id: str, alert_name: str) -> CurveKey:
    """Return the light curve that a request names by number or name.

    Raises
    ------
    Refused
        400 when it names none, 404 when there is none.
    """
    if alert_name.strip():
        return curve_of_name(connection, alert_name.strip())
    number = _whole(alert_id)
    if number is None:
        raise Refused(400, "no_event", "Say which alert: alert_id= or alert_name=.")
    return curve_of_id(connection, number)


def old_wire_light_curve(session: Session, event: EventRow | CurveKey) -> dict[str, Any]:
    """Return what ``get_alert_lc_data`` answers; here, and only here, a limit is ``-1``."""
    rows = current_rows(session, event.id)
    bands = [row.band.partition("/") for row in rows]
    return {
        "mjd": [row.mjd for row in rows],
        "mag": [row.mag for row in rows],
        "magerr": [_old_error(row) for row in rows],
        "caliberr": [row.calib_err for row in rows],
        "filter": [letter for _, _, letter in bands],
        "catalog": [survey for survey, _, _ in bands],
        "observatory": [row.name for row in rows],
        "id": [row.id for row in rows],
        "alert_name": None if event.ivorn == f"{NAMELESS}{event.id}" else event.ivorn,
    }


def _old_error(row: Row[*tuple[Any, ...]]) -> float | None:
    error: float | None = row.mag_err
    return -1.0 if row.kind == "UPPER_LIMIT" else error


def _need_key(caller: Any) -> None:
    if caller is None:
        raise Refused(401, "no_key", "An access key is needed (hashtag=).")


def _whole(text: str) -> int | None:
    """Read a positive whole number, None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
