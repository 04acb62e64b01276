"""The list of alerts for people."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import Select

from server_stub.dependencies import database_of
from server_stub.events import EventSearch, count, selected
from server_stub.pages.paging import Paging
from server_stub.pages.render import page
from server_stub.tables import EventRow


def newest_first(statement: Select[EventRow]) -> Select[EventRow]:
    """Order events as the old server did; archived ones without a date come last."""
    return statement.order_by(
        EventRow.published.is_(None), EventRow.published.desc(), EventRow.id.desc()
    )


def alerts_page(request: Request, wish: EventSearch, number: int, size: int) -> Response:
    """Return one page of the list."""
    with database_of(request).reading() as session:
        paging = Paging(number, size, count(session, wish))
        statement = newest_first(selected(wish)).limit(size).offset(paging.offset)
        events = session.scalars(statement).all()
    return page(request, "alerts.html", events=events, paging=paging, wish=wish)
