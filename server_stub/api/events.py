"""``/api/v1/events``: search, page by page, and create."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from cpcs_desktop.wire import NAME_LIMIT, EventBody, EventPage
from server_stub.api.documents import refusals
from server_stub.dependencies import KeyHolder, TheDatabase, Uploader
from server_stub.events import EventSearch, create_event, event_body, selected
from server_stub.refusals import Refused
from server_stub.tables import EventRow

router = APIRouter(prefix="/events", tags=["events"])

PAGE = 500

Name = Annotated[str | None, Query(max_length=NAME_LIMIT)]
Ra = Annotated[float | None, Query(ge=0, le=360, allow_inf_nan=False)]
Dec = Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)]
Radius = Annotated[float | None, Query(gt=0, le=180, allow_inf_nan=False)]
Cursor = Annotated[str | None, Query(pattern=r"^\d{1,9}$")]
Limit = Annotated[int, Query(ge=1, le=5000)]


@router.get("", responses=refusals(401, 422))
def get_events(
    database: TheDatabase,
    caller: KeyHolder,
    ivorn: Name = None,
    ra: Ra = None,
    dec: Dec = None,
    radius: Radius = None,
    observed_only: bool = False,
    updated_since: datetime | None = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> EventPage:
    """Return events, newest first; ``ra``, ``dec`` and ``radius`` in degrees make a cone."""
    del caller
    if updated_since is not None and updated_since.tzinfo is None:
        raise Refused(
            422, "bad_request", "updated_since needs a time zone, such as 2026-11-22T18:00:00Z."
        )
    search = EventSearch(ivorn, ra, dec, radius, observed_only, updated_since)
    statement = selected(search).order_by(EventRow.id.desc()).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(EventRow.id < int(cursor))
    with database.reading() as session:
        rows = session.scalars(statement).all()
    page = rows[:limit]
    return EventPage(
        events=tuple(event_body(row) for row in page),
        next_cursor=str(page[-1].id) if len(rows) > limit else None,
    )


@router.post(
    "",
    responses={
        201: {"model": EventBody, "description": "Created"},
        200: {"description": "It was here already"},
        **refusals(401, 403, 422),
    },
)
def post_event(
    body: EventBody, response: Response, database: TheDatabase, caller: Uploader
) -> EventBody:
    """Create an event; the same again is not an error."""
    row, is_new = database.change(lambda session: create_event(session, body, caller))
    response.status_code = 201 if is_new else 200
    return event_body(row)
